// Group commit: gathers operations and commits them together, one batch at a time, when a timer is due, when a batch
// is worth it, or when somebody asks. What could not be committed is kept, in order, and tried again.

import Type from 'typebox';
import { type Clock, MAX_TIMER_MS, systemClock } from '../clock.js';
import { HeadendError } from '../errors.js';
import { invalidOption, validate } from '../validate.js';
import { BatchSize } from './batch-size.js';

/** What a commit is told about its batch besides the operations. */
export interface CommitContext {
  /** Counts the batches from 1. A batch that is tried again keeps its number, so that a store can tell. */
  readonly batchNumber: number;
  /** 1 at first. */
  readonly attempt: number;
}

/** Options of {@link BatchProcessor}. */
export interface BatchProcessorOptions<Op> {
  /**
   * Makes the operations durable, all or none, in their order. Never called again before it has settled. When it
   * rejects, the same batch comes again.
   */
  readonly commit: (batch: readonly Op[], context: CommitContext) => Promise<void>;
  /** Milliseconds after which waiting operations are committed, however few. Default 100. */
  readonly intervalMs?: number;
  /** Smallest batch that is committed before its time. Default 16. */
  readonly minBatchOperations?: number;
  /** Most operations in one batch. Default 1000. */
  readonly maxBatchOperations?: number;
  /** Most bytes in one batch, as `sizeOf` counts them; a larger operation goes alone. Default 1 MiB. */
  readonly maxBatchBytes?: number;
  /** Size of an operation in bytes. Default: 0, so that only the number bounds a batch. */
  readonly sizeOf?: (operation: Op) => number;
  /** Operations that may wait for their commit; beyond it `add` waits for room. Default 10 000. */
  readonly maxQueuedOperations?: number;
  /** Milliseconds until a failed commit is tried again; doubles with each failure in a row. Default 500. */
  readonly retryMs?: number;
  /** Longest pause between two tries in milliseconds. Default 8000. */
  readonly maxRetryMs?: number;
  /** Called for every failed commit. */
  readonly onCommitFailed?: (error: unknown, context: CommitContext) => void;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

const Count = Type.Optional(Type.Integer({ minimum: 1 }));
const Milliseconds = Type.Optional(Type.Number({ minimum: 1, maximum: MAX_TIMER_MS }));
const Callback = Type.Optional(
  Type.Refine(
    Type.Unknown(),
    (value) => typeof value === 'function',
    () => 'must be a function',
  ),
);

const BatchProcessorOptionsSchema = Type.Object(
  {
    commit: Type.Refine(
      Type.Unknown(),
      (value) => typeof value === 'function',
      () => 'must be a function',
    ),
    intervalMs: Milliseconds,
    minBatchOperations: Count,
    maxBatchOperations: Count,
    maxBatchBytes: Count,
    sizeOf: Callback,
    maxQueuedOperations: Count,
    retryMs: Milliseconds,
    maxRetryMs: Milliseconds,
    onCommitFailed: Callback,
    clock: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
);

/** How often a shutdown tries its last commits before it gives up. */
const SHUTDOWN_ATTEMPTS = 3;

interface Entry<Op> {
  readonly operation: Op;
  readonly bytes: number;
  readonly addedAt: number;
  resolve(): void;
  reject(error: unknown): void;
}

interface Batch<Op> {
  readonly number: number;
  readonly entries: readonly Entry<Op>[];
  readonly operations: readonly Op[];
  attempts: number;
}

interface FlushWaiter {
  /** Resolves when so many operations have been committed. */
  readonly upTo: number;
  resolve(): void;
  reject(error: unknown): void;
}

type State = 'new' | 'running' | 'stopping' | 'stopped';

/** Timer-driven group commit with a bounded queue and a batch size that adapts to the load; docs/flow.md has its law. */
export class BatchProcessor<Op> {
  readonly #options: BatchProcessorOptions<Op>;
  readonly #clock: Clock;
  readonly #maxOperations: number;
  readonly #maxBytes: number;
  readonly #maxQueued: number;
  readonly #size: BatchSize;
  #queue: Entry<Op>[] = [];
  /** Those who wait for room in the queue. Bounded by callers that await `add`. */
  #waiting: Entry<Op>[] = [];
  #state: State = 'new';
  #batch: Batch<Op> | null = null;
  #committing = false;
  #failures = 0;
  #batches = 0;
  #queuedBytes = 0;
  #added = 0;
  #committed = 0;
  #cancelTimer: (() => void) | undefined;
  #flushes: FlushWaiter[] = [];
  #shutdown: Promise<void> | undefined;
  #measuredAt: number;
  #measuredAdded = 0;

  /** @throws HeadendError `INVALID_OPTIONS` */
  constructor(options: BatchProcessorOptions<Op>) {
    validate('BatchProcessor', BatchProcessorOptionsSchema, options);
    const { minBatchOperations, maxBatchOperations = 1000 } = options;
    if ((minBatchOperations ?? 1) > maxBatchOperations) {
      const rule = `must not be above maxBatchOperations (${maxBatchOperations})`;
      throw invalidOption('BatchProcessor', 'minBatchOperations', rule, minBatchOperations);
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#measuredAt = this.#clock.monotonic();
    this.#maxOperations = maxBatchOperations;
    this.#maxBytes = options.maxBatchBytes ?? 1024 * 1024;
    this.#maxQueued = options.maxQueuedOperations ?? 10_000;
    const min = Math.min(minBatchOperations ?? 16, maxBatchOperations);
    this.#size = new BatchSize({ min, max: maxBatchOperations });
  }

  /** Operations taken in but not committed, those in a commit at this moment included. */
  get queued(): number {
    return this.#queue.length + (this.#batch?.entries.length ?? 0);
  }

  /** Whether `add` would wait for room. */
  get full(): boolean {
    return this.queued >= this.#maxQueued;
  }

  /** Operations that are committed before the timer is due; follows the load and the latency of commits. */
  get batchSize(): number {
    return this.#size.current;
  }

  /** Commits that failed since the last one that succeeded. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Begins to commit by itself, first what was added before.
   * @throws HeadendError `ALREADY_STARTED`, or `CLOSED` after `shutdown`.
   */
  async start(): Promise<void> {
    if (this.#state === 'running') {
      throw new HeadendError('ALREADY_STARTED', 'journal', 'the batch processor runs already');
    }
    if (this.#state !== 'new') throw closed();
    this.#state = 'running';
    this.#schedule();
  }

  /**
   * Takes an operation and resolves when it is committed. When the queue is full it waits for room first, so a
   * caller that awaits is slowed to the pace of the store.
   * @throws HeadendError `CLOSED` after `shutdown`; the commit's error when a shutdown had to give it up.
   */
  add(operation: Op): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const bytes = this.#options.sizeOf?.(operation) ?? 0;
      this.#added++;
      const entry = { operation, bytes, addedAt: this.#clock.monotonic(), resolve, reject };
      if (this.full) this.#waiting.push(entry);
      else this.#enqueue(entry);
      this.#schedule();
    });
  }

  /**
   * Commits everything added so far without waiting for a timer, started or not, and resolves when that is done.
   * @throws the commit's error when one fails; the operations are kept and tried again all the same.
   */
  flushNow(): Promise<void> {
    if (this.#committed === this.#added) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#flushes.push({ upTo: this.#added, resolve, reject });
      this.#run();
    });
  }

  /**
   * Refuses further operations, commits everything that was added, and resolves when that is done. Idempotent.
   * @throws the commit's error when it failed three times in a row; whoever waits for an operation gets it too.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#stop();
    return this.#shutdown;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    try {
      await this.#drain();
    } finally {
      this.#state = 'stopped';
      this.#stopTimer();
    }
  }

  async #drain(): Promise<void> {
    for (let attempt = 1; this.#committed < this.#added; ) {
      const before = this.#committed;
      try {
        await this.flushNow();
      } catch (error) {
        attempt = this.#committed > before ? 1 : attempt + 1;
        if (attempt > SHUTDOWN_ATTEMPTS) {
          this.#giveUp(error);
          throw error;
        }
        await new Promise<void>((resolve) => this.#clock.setTimer(resolve, this.#retryDelayMs()));
      }
    }
  }

  #giveUp(error: unknown): void {
    const entries = [...(this.#batch?.entries ?? []), ...this.#queue, ...this.#waiting];
    this.#batch = null;
    this.#queue = [];
    this.#waiting = [];
    this.#queuedBytes = 0;
    this.#committed = this.#added;
    for (const entry of entries) entry.reject(error);
  }

  #enqueue(entry: Entry<Op>): void {
    this.#queue.push(entry);
    this.#queuedBytes += entry.bytes;
  }

  /** Commits at once when there is reason to; otherwise sees to it that a timer runs while operations wait. */
  #schedule(): void {
    if (this.#state !== 'running' || this.#committing || this.queued === 0) return;
    if (this.#failures === 0 && this.#isWorthIt()) this.#run();
    else if (this.#cancelTimer === undefined) {
      const ms = this.#failures > 0 ? this.#retryDelayMs() : this.#untilDueMs();
      this.#cancelTimer = this.#clock.setTimer(() => this.#run(), ms);
    }
  }

  #isWorthIt(): boolean {
    return (
      this.#queue.length >= this.#size.current || this.#queuedBytes >= this.#maxBytes || this.full
    );
  }

  #untilDueMs(): number {
    const oldest = this.#queue[0]?.addedAt ?? 0;
    return Math.max(0, oldest + (this.#options.intervalMs ?? 100) - this.#clock.monotonic());
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #retryDelayMs(): number {
    const { retryMs = 500, maxRetryMs = 8000 } = this.#options;
    return Math.min(retryMs * 2 ** Math.min(Math.max(this.#failures - 1, 0), 20), maxRetryMs);
  }

  /** One commit, unless one is in flight, and what follows from it. Never rejects. */
  #run(): void {
    this.#stopTimer();
    if (this.#committing) return;
    this.#batch ??= this.#take();
    if (this.#batch === null) return;
    this.#committing = true;
    void this.#commit(this.#batch);
  }

  async #commit(batch: Batch<Op>): Promise<void> {
    const context = { batchNumber: batch.number, attempt: ++batch.attempts };
    const begin = this.#clock.monotonic();
    try {
      await this.#options.commit(batch.operations, context);
    } catch (error) {
      this.#failed(error, context);
      return;
    }
    this.#size.measureCommit(this.#clock.monotonic() - begin);
    this.#succeeded(batch);
  }

  #succeeded(batch: Batch<Op>): void {
    this.#failures = 0;
    this.#batch = null;
    this.#committing = false;
    this.#committed += batch.entries.length;
    for (const entry of batch.entries) entry.resolve();
    for (const entry of this.#waiting.splice(0, this.#maxQueued - this.queued)) {
      this.#enqueue(entry);
    }
    const flushes = this.#flushes;
    this.#flushes = flushes.filter(({ upTo }) => upTo > this.#committed);
    for (const flush of flushes) if (flush.upTo <= this.#committed) flush.resolve();
    if (this.#flushes.length > 0) this.#run();
    else this.#schedule();
  }

  #failed(error: unknown, context: CommitContext): void {
    this.#failures++;
    this.#committing = false;
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const flush of flushes) flush.reject(error);
    this.#schedule();
    this.#options.onCommitFailed?.(error, context);
  }

  /** The next batch, oldest first, as large as the limits allow; null when nothing waits. */
  #take(): Batch<Op> | null {
    const now = this.#clock.monotonic();
    this.#size.measureLoad(this.#added - this.#measuredAdded, now - this.#measuredAt);
    this.#measuredAt = now;
    this.#measuredAdded = this.#added;
    let count = 0;
    let bytes = 0;
    for (const entry of this.#queue) {
      const fits = count < this.#maxOperations && bytes + entry.bytes <= this.#maxBytes;
      if (count > 0 && !fits) break;
      count++;
      bytes += entry.bytes;
    }
    if (count === 0) return null;
    const entries = this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    const operations = entries.map(({ operation }) => operation);
    return { number: ++this.#batches, entries, operations, attempts: 0 };
  }
}

function closed(): HeadendError {
  return new HeadendError('CLOSED', 'journal', 'the batch processor is shut down');
}
