// What the rest of Headend sees of the journal.

import type { AiredEntry, BatchEntry, FaultEntry, HistoryQuery, SessionEntry } from './history.js';
import type { JournalOperation } from './operations.js';

/** A viewer's session as the journal has it after a restart. */
export interface SavedSession {
  /** The channel that is watched. */
  readonly channelId: string;
  /** The viewer's session. */
  readonly sessionId: string;
  /** When it began; instants are milliseconds since the Unix epoch. */
  readonly openedAtMs: number;
  /** When the viewer was last heard of. */
  readonly seenAtMs: number;
  /** The last position, null when none was reported. */
  readonly rendition: string | null;
  /** Media sequence number of the last position; null when none was reported. */
  readonly segmentNumber: number | null;
}

/** How often the encoding of a channel's pictures has changed, as the journal has it after a restart. */
export interface SavedEncoding {
  /** The channel. */
  readonly channelId: string;
  /** How often, since the journal first knew the channel. */
  readonly changes: number;
  /** What has encoded the pictures since the last change. */
  readonly encoder: string;
}

/** A durable record of what happened. */
export interface Journal {
  /**
   * Takes an operation and resolves when it is durable: it survives a kill of the process from then on. While the disk
   * fails the promise waits: that is a fault, writing is tried again, and the streams play on. It rejects only for an
   * operation that is given up: with `JOURNAL_FAILED`, `retryable` when more wait than may and not when it can never be
   * stored (the message says why), or with `CLOSED`. The rejection counts as handled, so callers that need not know may
   * ignore the promise. Never await it in a viewer's way; a caller that has to know soon awaits `flush`, and then this.
   */
  record(operation: JournalOperation): Promise<void>;
  /**
   * Resolves when everything recorded so far is durable, or given up: the promise of `record` tells which.
   * @throws HeadendError `JOURNAL_FAILED` when it cannot be written now; it is kept and tried again all the same.
   */
  flush(): Promise<void>;
  /** The sessions that were open when the journal was last written before this process opened it. */
  openSessions(): SavedSession[];
  /** The channels whose encoding had changed before this process opened the journal. */
  savedEncodings(): SavedEncoding[];
  /** Definitions (JSON) of the channels saved through the API before this process opened the journal, by channel id. */
  savedChannels(): ReadonlyMap<string, string>;
  /** Flushes and closes; what cannot be written is reported as a fault. Idempotent. */
  close(): Promise<void>;
}

/** A {@link Journal} in a file, with its logs. Queries see what is durable; `flush` first to see everything. */
export interface FileJournal extends Journal, AsyncDisposable {
  /** How it is doing. */
  readonly status: JournalStatus;
  /** The as-run log. */
  aired(query?: HistoryQuery): Promise<AiredEntry[]>;
  /** The batches that ended, well or not. */
  batches(query?: HistoryQuery): Promise<BatchEntry[]>;
  /** What went wrong. */
  faults(query?: HistoryQuery): Promise<FaultEntry[]>;
  /** Who watched what, and when. */
  sessions(query?: HistoryQuery): Promise<SessionEntry[]>;
}

/** How a {@link FileJournal} is doing. */
export interface JournalStatus {
  /** `failing` while writing does not succeed and is tried again. */
  readonly state: 'writing' | 'failing' | 'closed';
  /** Operations that wait to become durable. */
  readonly queued: number;
  /** Operations given up since the journal was opened: those whose promise was rejected. */
  readonly lost: number;
}
