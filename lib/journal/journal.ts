// What the rest of Headend sees of the journal.

import type { JournalOperation } from './operations.js';

/** A viewer's session as the journal has it after a restart. */
export interface SavedSession {
  readonly channelId: string;
  readonly sessionId: string;
  readonly openedAtMs: number;
  /** When the viewer was last heard of. */
  readonly seenAtMs: number;
  /** The last position, null when none was reported. */
  readonly rendition: string | null;
  readonly segmentNumber: number | null;
}

/** A durable record of what happened. */
export interface Journal {
  /**
   * Takes an operation and resolves when it is durable: it survives a kill of the process from then on. Callers
   * that do not need to know may ignore the promise; it never rejects for a journal that is set aside because its
   * disk fails (that is a fault event, and the streams play on).
   */
  record(operation: JournalOperation): Promise<void>;
  /** Resolves when everything recorded so far is durable. */
  flush(): Promise<void>;
  /** The sessions that were open when the journal was last written, for a restart. */
  openSessions(): SavedSession[];
  /** Definitions (JSON) of the channels saved through the API, by channel id. */
  savedChannels(): ReadonlyMap<string, string>;
  /** Flushes and closes. Idempotent. */
  close(): Promise<void>;
}
