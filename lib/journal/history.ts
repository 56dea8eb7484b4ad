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

/** A viewer's session, open or over. */
export interface SessionEntry {
  readonly channelId: string;
  readonly sessionId: string;
  readonly openedAtMs: number;
  /** When the viewer was last heard of. */
  readonly seenAtMs: number;
  /** Null while the session is open. */
  readonly closedAtMs: number | null;
  readonly reason: SessionEnd | null;
  /** The last position, null when none was reported. */
  readonly rendition: string | null;
  readonly segmentNumber: number | null;
}
