// openJournal: a journal in a file. Operations are committed in groups by the journal's thread; what goes wrong on the
// way is reported and tried again, within bounded memory.

import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import Type from 'typebox';
import { type Clock, systemClock } from '../clock.js';
import { HeadendError } from '../errors.js';
import { BatchProcessor, type CommitContext } from '../flow/batch-processor.js';
import { validate } from '../validate.js';
import type { HistoryQuery, Logs } from './history.js';
import type { FileJournal, JournalStatus, SavedEncoding, SavedSession } from './journal.js';
import type { JournalOperation } from './operations.js';
import { isOfSession, SessionReports } from './session-reports.js';
import type { SavedState, SetAside, StoreSettings } from './store.js';
import { StoreThread } from './store-thread.js';

const DAY_MS = 86_400_000;
const PRUNE_INTERVAL_MS = 60_000;
const MAX_BATCH_BYTES = 1024 * 1024;
/** The smallest file has room for so many of its batches, and for its tables. */
const MIN_BATCHES_PER_FILE = 16;

/** Options of {@link openJournal}. */
export interface JournalOptions {
  /** Path of the database; it is made when it is not there, its folder is not. */
  readonly file: string;
  /** Receives what goes wrong while the journal is open: `JOURNAL_FAILED` or `JOURNAL_DAMAGED`. Default: nobody. */
  readonly onFault?: (fault: HeadendError) => void;
  /** Milliseconds for which operations are gathered before they are committed together. Default 100. */
  readonly intervalMs?: number;
  /** Most operations in one commit. Default 1000. */
  readonly maxBatchOperations?: number;
  /** Operations that may wait in memory, as they do while the disk fails; more are given up. Default 100 000. */
  readonly maxQueuedOperations?: number;
  /** Sessions that were silent for so many milliseconds when the journal was last written are over. Default 30 000. */
  readonly sessionTimeoutMs?: number;
  /** Days after which entries are deleted. Default 30. */
  readonly retentionDays?: number;
  /** Entries kept in each log. Default 200 000. */
  readonly maxRows?: number;
  /**
   * Bytes to which the database file grows, its log beside it not counted; one that is larger already grows no more.
   * When there is no room left, the oldest entries of all logs are deleted before their time, a few hundred at a time;
   * `onFault` receives a `JOURNAL_FAILED` about it at first and then once a day. Saved channels, encodings and open
   * sessions are never deleted for that; an operation for which they leave no room is given up. At least 256 KiB.
   * Default 1 GiB.
   */
  readonly maxFileBytes?: number;
  /** Milliseconds to wait for another process to let go of the file. Default 2000. */
  readonly lockTimeoutMs?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

const Count = Type.Optional(Type.Integer({ minimum: 1 }));

const JournalOptionsSchema = Type.Object(
  {
    file: Type.String({ minLength: 1 }),
    onFault: Type.Optional(
      Type.Refine(
        Type.Unsafe<(fault: HeadendError) => void>({}),
        (value) => typeof value === 'function',
        () => 'must be a function',
      ),
    ),
    intervalMs: Type.Optional(Type.Number({ minimum: 1, maximum: 60_000 })),
    maxBatchOperations: Count,
    maxQueuedOperations: Count,
    sessionTimeoutMs: Type.Optional(Type.Number({ minimum: 1000 })),
    retentionDays: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 36_500 })),
    maxRows: Count,
    maxFileBytes: Type.Optional(Type.Integer({ minimum: 256 * 1024 })),
    lockTimeoutMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    clock: Type.Optional(Type.Unsafe<Clock>({})),
  },
  { additionalProperties: false },
);

const HistoryQuerySchema = Type.Object(
  {
    channelId: Type.Optional(Type.String()),
    fromMs: Type.Optional(Type.Number()),
    toMs: Type.Optional(Type.Number()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    first: Type.Optional(Type.Enum(['newest', 'oldest'])),
  },
  { additionalProperties: false },
);

/**
 * Opens a journal, or makes it. A file that is damaged is renamed, reported to `onFault`, and a new one begun.
 * @throws HeadendError `INVALID_OPTIONS`, or `JOURNAL_FAILED` when the file cannot be used: the message says why.
 */
export async function openJournal(options: JournalOptions): Promise<FileJournal> {
  validate('openJournal', JournalOptionsSchema, options);
  const settings: StoreSettings = {
    file: resolve(options.file),
    lockTimeoutMs: options.lockTimeoutMs ?? 2000,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 30_000,
    maxAgeMs: (options.retentionDays ?? 30) * DAY_MS,
    maxRows: options.maxRows ?? 200_000,
    maxFileBytes: options.maxFileBytes ?? 1024 ** 3,
  };
  const thread = new StoreThread(settings);
  try {
    const { state } = await thread.call({ kind: 'open' });
    return new SqliteJournal(thread, state, settings, options);
  } catch (error) {
    await thread.stop();
    throw error;
  }
}

/** An operation on its way to the file. */
interface Entry {
  /** It as JSON. */
  readonly text: string;
  /** Set by the commit that leaves it out. */
  refusal: HeadendError | null;
}

class SqliteJournal implements FileJournal {
  readonly #thread: StoreThread;
  readonly #state: SavedState;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #onFault: (fault: HeadendError) => void;
  readonly #reports: SessionReports;
  readonly #processor: BatchProcessor<Entry>;
  readonly #maxQueued: number;
  /** Tells this journal's batches from those of earlier ones in the same file. */
  readonly #name = randomUUID();
  #lost = 0;
  /** Those of the lost operations that no fault has told of. */
  #untold = 0;
  #isLosing = false;
  #fault = '';
  /** When such trouble was told of last; bounded by the reasons that SQLite has. */
  readonly #toldAt = new Map<string, number>();
  #prunedAt = -Infinity;
  #isPruning = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    thread: StoreThread,
    state: SavedState,
    { file, maxFileBytes }: StoreSettings,
    options: JournalOptions,
  ) {
    this.#thread = thread;
    this.#state = state;
    this.#file = file;
    this.#clock = options.clock ?? systemClock;
    const { onFault = () => {} } = options;
    // One that throws is an uncaught exception of the program, and unwinds nobody who has something to write down.
    this.#onFault = (fault) => queueMicrotask(() => onFault(fault));
    const { intervalMs = 100, maxBatchOperations = 1000, maxQueuedOperations = 100_000 } = options;
    this.#maxQueued = maxQueuedOperations;
    this.#reports = new SessionReports({
      write: (operation) => this.#write(operation),
      maxSize: maxBatchOperations,
      maxLatencyMs: intervalMs,
      clock: this.#clock,
    });
    this.#processor = new BatchProcessor<Entry>({
      commit: (batch, context) => this.#commit(batch, context),
      sizeOf: ({ text }) => text.length,
      intervalMs,
      maxBatchOperations,
      maxBatchBytes: Math.min(MAX_BATCH_BYTES, Math.floor(maxFileBytes / MIN_BATCHES_PER_FILE)),
      maxQueuedOperations,
      onCommitFailed: (error) => this.#report(error),
      clock: this.#clock,
    });
    void this.#processor.start();
    this.#reportSetAside(state.setAside);
    this.#prune();
  }

  get status(): JournalStatus {
    const state = this.#processor.failures > 0 ? 'failing' : 'writing';
    return {
      state: this.#isClosed ? 'closed' : state,
      queued: this.#queued,
      lost: this.#lost,
    };
  }

  get #queued(): number {
    return this.#reports.waiting + this.#processor.queued;
  }

  record(operation: JournalOperation): Promise<void> {
    const recorded = this.#take(operation);
    // Most callers need not know; those that await see the rejection all the same.
    recorded.catch(this.#onLost);
    return recorded;
  }

  readonly #onLost = (error: unknown): void => {
    this.#lost++;
    if (!isRefusal(error)) this.#untold++;
  };

  #take(operation: JournalOperation): Promise<void> {
    if (this.#queued >= this.#maxQueued) {
      this.#reportFull();
      return Promise.reject(this.#error('JOURNAL_FAILED', 'too many operations wait'));
    }
    if (isOfSession(operation) && !this.#closing) return this.#reports.add(operation);
    return this.#write(operation);
  }

  async #write(operation: JournalOperation): Promise<void> {
    const entry: Entry = { text: JSON.stringify(operation), refusal: null };
    await this.#processor.add(entry);
    if (entry.refusal) throw entry.refusal;
  }

  async flush(): Promise<void> {
    await this.#reports.flush();
    await this.#processor.flushNow();
  }

  openSessions(): SavedSession[] {
    return [...this.#state.sessions];
  }

  savedEncodings(): SavedEncoding[] {
    return [...this.#state.encodings];
  }

  savedChannels(): ReadonlyMap<string, string> {
    return new Map(this.#state.channels);
  }

  readonly aired = (query?: HistoryQuery) => this.#read('aired', query);
  readonly batches = (query?: HistoryQuery) => this.#read('batches', query);
  readonly faults = (query?: HistoryQuery) => this.#read('faults', query);
  readonly sessions = (query?: HistoryQuery) => this.#read('sessions', query);

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#reports.flush();
      await this.#processor.shutdown();
    } catch (error) {
      this.#report(error);
      await setImmediate(); // what is lost is counted when its promises have settled
      this.#reportLoss('was closed');
    }
    this.#isClosed = true;
    await this.#thread.call({ kind: 'close' }).catch((error) => this.#report(error));
    await this.#thread.stop();
  }

  async #read<Log extends keyof Logs>(log: Log, query: HistoryQuery = {}): Promise<Logs[Log][]> {
    validate(log, HistoryQuerySchema, query);
    return this.#thread.read(log, query);
  }

  async #commit(batch: readonly Entry[], { batchNumber }: CommitContext): Promise<void> {
    const name = `${this.#name}/${batchNumber}`;
    const { report } = await this.#thread.call({
      kind: 'commit',
      name,
      operations: `[${batch.map(({ text }) => text).join(',')}]`,
      nowMs: this.#clock.now(),
    });
    this.#fault = '';
    this.#reportSetAside(report.setAside);
    this.#refuse(batch, report.refusals);
    this.#reportDeletedEarly(report.deletedEarly);
    this.#reportLoss('writes again');
    this.#prune();
  }

  #refuse(batch: readonly Entry[], refusals: ReadonlyMap<number, string>): void {
    for (const [index, reason] of refusals) {
      const entry = batch[index];
      if (entry) entry.refusal = this.#error('JOURNAL_FAILED', reason, { retryable: false });
    }
    const [first] = refusals.values();
    if (first === undefined) return;
    this.#raiseDaily(first, `${refusals.size} operations could not be stored: ${first}`);
  }

  #reportDeletedEarly(count: number): void {
    if (count === 0) return;
    this.#raiseDaily(
      'maxFileBytes',
      `it has reached its maxFileBytes: the oldest entries are deleted before their time, ${count} now`,
    );
  }

  #reportFull(): void {
    if (this.#isLosing) return;
    this.#isLosing = true;
    this.#raise('JOURNAL_FAILED', `${this.#queued} operations wait already; further ones are lost`);
  }

  /** Deletes a little of what is too old, now and then. */
  #prune(): void {
    const now = this.#clock.monotonic();
    if (this.#isPruning || now - this.#prunedAt < PRUNE_INTERVAL_MS) return;
    this.#isPruning = true;
    this.#thread.call({ kind: 'prune', nowMs: this.#clock.now() }).then(
      ({ isMore }) => {
        this.#isPruning = false;
        if (!isMore) this.#prunedAt = now;
      },
      (error: unknown) => {
        this.#isPruning = false;
        this.#prunedAt = now;
        this.#report(error);
      },
    );
  }

  /** Says once what is wrong, however often it is tried. */
  #report(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.#fault) return;
    this.#fault = message;
    this.#onFault(error instanceof HeadendError ? error : this.#error('JOURNAL_FAILED', message));
  }

  #reportLoss(since: string): void {
    const lost = this.#untold;
    this.#isLosing = false;
    if (lost === 0) return;
    this.#untold = 0;
    this.#raise('JOURNAL_FAILED', `it ${since}, but ${lost} operations are lost`);
  }

  #reportSetAside(setAside: SetAside | null): void {
    if (setAside === null) return;
    const { path, reason } = setAside;
    this.#raise(
      'JOURNAL_DAMAGED',
      `it is damaged (${reason}); it was renamed to ${path} and a new one begun`,
    );
  }

  /** Tells of trouble that may come with every commit: once a day. */
  #raiseDaily(trouble: string, message: string): void {
    const now = this.#clock.monotonic();
    if (now - (this.#toldAt.get(trouble) ?? -Infinity) < DAY_MS) return;
    this.#toldAt.set(trouble, now);
    this.#raise('JOURNAL_FAILED', message);
  }

  #raise(code: 'JOURNAL_FAILED' | 'JOURNAL_DAMAGED', message: string): void {
    this.#onFault(this.#error(code, message));
  }

  #error(
    code: 'JOURNAL_FAILED' | 'JOURNAL_DAMAGED',
    message: string,
    { retryable } = { retryable: true },
  ): HeadendError {
    return new HeadendError(code, 'journal', `the journal ${this.#file}: ${message}`, {
      retryable,
    });
  }
}

/** Whether an operation was given up because it can never be stored. */
function isRefusal(error: unknown): boolean {
  return error instanceof HeadendError && error.code === 'JOURNAL_FAILED' && !error.retryable;
}
