// What the journal keeps: the operations that the control plane records, one plain object each. Nothing here
// knows how they are stored.

import type { Fault } from '../stream/fault.js';

/** Why a viewer's session ended. */
export type SessionEnd = 'left' | 'timeout' | 'removed';

/** A channel that was added through the API, so that it comes back after a restart. */
export interface ChannelSaved {
  readonly type: 'channel-saved';
  readonly channelId: string;
  readonly atMs: number;
  /** The channel's options as JSON. */
  readonly definition: string;
}

/** A saved channel was deleted through the API. */
export interface ChannelDeleted {
  readonly type: 'channel-deleted';
  readonly channelId: string;
  readonly atMs: number;
}

/** A viewer began to watch. */
export interface SessionOpened {
  readonly type: 'session-opened';
  readonly channelId: string;
  readonly sessionId: string;
  readonly atMs: number;
}

/** A viewer left or was forgotten. */
export interface SessionClosed {
  readonly type: 'session-closed';
  readonly channelId: string;
  readonly sessionId: string;
  readonly atMs: number;
  readonly reason: SessionEnd;
}

/** A viewer reached a segment. */
export interface PositionReported {
  readonly type: 'position';
  readonly channelId: string;
  readonly sessionId: string;
  readonly rendition: string;
  /** Media sequence number. */
  readonly segmentNumber: number;
  readonly atMs: number;
}

/** A batch ended, well or not. */
export interface BatchEnded {
  readonly type: 'batch';
  readonly channelId: string;
  readonly batchNumber: number;
  /** First and last media sequence number of the batch. */
  readonly startSegment: number;
  readonly endSegment: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Message of the error that ended it, null when it was made. */
  readonly error: string | null;
}

/** A programme was put on the air: it is in segments that have been made. */
export interface ProgrammeAired {
  readonly type: 'aired';
  readonly channelId: string;
  readonly title: string;
  /** The file or URL; empty for generated pictures and for the slate. */
  readonly source: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
}

/** Something went wrong on a channel. */
export interface FaultRaised {
  readonly type: 'fault';
  readonly atMs: number;
  readonly fault: Fault;
}

/** One entry of the journal; every `atMs` is wall time in milliseconds since the Unix epoch. */
export type JournalOperation =
  | ChannelSaved
  | ChannelDeleted
  | SessionOpened
  | SessionClosed
  | PositionReported
  | BatchEnded
  | ProgrammeAired
  | FaultRaised;
