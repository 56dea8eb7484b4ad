// What can be asked of the journal: the logs that it keeps, a stretch of time at a time.

import type { BatchEnded, FaultRaised, ProgrammeAired, SessionEnd } from './operations.js';

/** Which entries of a log are wanted. */
export interface HistoryQuery {
  /** Default: all channels. */
  readonly channelId?: string;
  /** Only entries that end at this instant (milliseconds since the Unix epoch) or later. Default: no bound. */
  readonly fromMs?: number;
  /** Only entries that begin before this instant. Default: no bound. */
  readonly toMs?: number;
  /** How many at most, 1 to 10 000. Default 100. */
  readonly limit?: number;
  /** Which come first, and which are left out beyond the limit. Default `newest`. */
  readonly first?: 'newest' | 'oldest';
}

/** A programme that was on the air. */
export type AiredEntry = Omit<ProgrammeAired, 'type'>;

/** A batch that ended. */
export type BatchEntry = Omit<BatchEnded, 'type'>;

/** A fault. */
export type FaultEntry = Omit<FaultRaised, 'type'>;

/** The logs, and what each holds. */
export interface Logs {
  /** The as-run log. */
  aired: AiredEntry;
  batches: BatchEntry;
  faults: FaultEntry;
  /** Who watched what, and when. */
  sessions: SessionEntry;
}

/** Answers questions to each of the logs. */
export type LogReader = { [Log in keyof Logs]: (query: HistoryQuery) => Logs[Log][] };

/** A viewer's session, open or over. */
export interface SessionEntry {
  /** The channel that was watched. */
  readonly channelId: string;
  /** The viewer's session. */
  readonly sessionId: string;
  /** When it began; all instants are milliseconds since the Unix epoch. */
  readonly openedAtMs: number;
  /** When the viewer was last heard of. */
  readonly seenAtMs: number;
  /** Null while the session is open. */
  readonly closedAtMs: number | null;
  /** Why it ended; null while it is open. */
  readonly reason: SessionEnd | null;
  /** The last position, null when none was reported. */
  readonly rendition: string | null;
  /** Media sequence number of the last position; null when none was reported. */
  readonly segmentNumber: number | null;
}
