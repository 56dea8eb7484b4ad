// What viewers do, on its way to the journal. A player fetches picture and sound at the same moment, and several segments
// when it starts: a Batcher gathers what comes for a moment, and of a viewer's positions in it only the last is written.

import type { Clock } from '../clock.js';
import { Batcher } from '../flow/batcher.js';
import { Feed } from '../flow/feed.js';
import type {
  JournalOperation,
  PositionReported,
  SessionClosed,
  SessionOpened,
} from './operations.js';

/** An operation about a viewer's session. */
export type SessionOperation = SessionOpened | SessionClosed | PositionReported;

/** Whether an operation is about a viewer's session. */
export function isOfSession(operation: JournalOperation): operation is SessionOperation {
  const { type } = operation;
  return type === 'position' || type === 'session-opened' || type === 'session-closed';
}

/** What a {@link SessionReports} works with. */
export interface SessionReportsOptions {
  /** Writes an operation; called in the order of the reports. */
  readonly write: (operation: SessionOperation) => Promise<void>;
  /** Most reports that are gathered. */
  readonly maxSize: number;
  /** Milliseconds for which they are. */
  readonly maxLatencyMs: number;
  readonly clock: Clock;
}

interface Report {
  readonly operation: SessionOperation;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** An operation, and those whose place it has taken. */
interface Write {
  last: Report;
  readonly superseded: Report[];
}

/** Gathers reports. Bounded by its caller, who sees how many wait. */
export class SessionReports {
  readonly #options: SessionReportsOptions;
  readonly #batcher: Batcher<Report>;
  #feed: Feed<Report> | null = null;
  #handedOn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: SessionReportsOptions) {
    const { maxSize, maxLatencyMs, clock } = options;
    this.#options = options;
    this.#batcher = new Batcher({ maxSize, maxLatencyMs, clock });
  }

  /** Reports that have not been handed on. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes a report; settles as the operation does that it becomes, or that takes its place. */
  add(operation: SessionOperation): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#feed) {
        this.#feed = new Feed();
        this.#handedOn = this.#pass(this.#feed, this.#handedOn);
      }
      this.#waiting++;
      this.#feed.push({ operation, resolve, reject });
    });
  }

  /** Resolves when everything reported so far has been handed on to be written. */
  flush(): Promise<void> {
    this.#feed?.end();
    this.#feed = null;
    return this.#handedOn;
  }

  // What was reported before goes first.
  async #pass(feed: Feed<Report>, before: Promise<void>): Promise<void> {
    await before;
    for await (const output of this.#batcher.batches(feed)) {
      if (output.kind === 'batch') this.#handOn(output.items);
    }
  }

  #handOn(reports: readonly Report[]): void {
    this.#waiting -= reports.length;
    for (const { last, superseded } of writesOf(reports)) {
      const written = this.#options.write(last.operation);
      written.then(last.resolve, last.reject);
      for (const { resolve, reject } of superseded) written.then(resolve, reject);
    }
  }
}

// In the order of the reports; a position takes the place of the one before it, if the session is still the same.
function writesOf(reports: readonly Report[]): Iterable<Write> {
  const writes: Write[] = [];
  const positions = new Map<string, Write>();
  for (const report of reports) {
    const { operation } = report;
    const before = positions.get(operation.sessionId);
    const isPosition = operation.type === 'position';
    if (isPosition && before?.last.operation.channelId === operation.channelId) {
      before.superseded.push(before.last);
      before.last = report;
      continue;
    }
    const write: Write = { last: report, superseded: [] };
    writes.push(write);
    if (isPosition) positions.set(operation.sessionId, write);
    else positions.delete(operation.sessionId);
  }
  return writes;
}
