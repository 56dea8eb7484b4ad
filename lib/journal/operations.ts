// What the journal keeps: the operations that the control plane records, one plain object each. Nothing here
// knows how they are stored.

import type { Fault } from '../stream/fault.js';

/** Why a viewer's session ended. */
export type SessionEnd = 'left' | 'timeout' | 'removed';

/** A channel that was added through the API, so that it comes back after a restart. */
export interface ChannelSaved {
  /** Says which kind of operation it is. */
  readonly type: 'channel-saved';
  /** The channel. */
  readonly channelId: string;
  /** When it was added. */
  readonly atMs: number;
  /** The channel's options as JSON. */
  readonly definition: string;
}

/** A saved channel was deleted through the API. */
export interface ChannelDeleted {
  /** Says which kind of operation it is. */
  readonly type: 'channel-deleted';
  /** The channel. */
  readonly channelId: string;
  /** When it was deleted. */
  readonly atMs: number;
}

/** A viewer began to watch. */
export interface SessionOpened {
  /** Says which kind of operation it is. */
  readonly type: 'session-opened';
  /** The channel. */
  readonly channelId: string;
  /** The viewer's session. */
  readonly sessionId: string;
  /** When it began. */
  readonly atMs: number;
}

/** A viewer left or was forgotten. */
export interface SessionClosed {
  /** Says which kind of operation it is. */
  readonly type: 'session-closed';
  /** The channel. */
  readonly channelId: string;
  /** The viewer's session. */
  readonly sessionId: string;
  /** When it ended. */
  readonly atMs: number;
  /** Why it ended. */
  readonly reason: SessionEnd;
}

/** A viewer reached a segment. */
export interface PositionReported {
  /** Says which kind of operation it is. */
  readonly type: 'position';
  /** The channel. */
  readonly channelId: string;
  /** The viewer's session. */
  readonly sessionId: string;
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** Media sequence number. */
  readonly segmentNumber: number;
  /** When the viewer told it. */
  readonly atMs: number;
}

/** A batch ended, well or not. */
export interface BatchEnded {
  /** Says which kind of operation it is. */
  readonly type: 'batch';
  /** The channel. */
  readonly channelId: string;
  /** Counts the batches of a channel since it was started, from 0. */
  readonly batchNumber: number;
  /** First and last media sequence number of the batch. */
  readonly startSegment: number;
  /** Last media sequence number of the batch. */
  readonly endSegment: number;
  /** When it was begun. */
  readonly startedAtMs: number;
  /** When its last segment was there, or it failed. */
  readonly endedAtMs: number;
  /** Message of the error that ended it, null when it was made. */
  readonly error: string | null;
}

/** A programme was put on the air: it is in segments that have been made. */
export interface ProgrammeAired {
  /** Says which kind of operation it is. */
  readonly type: 'aired';
  /** The channel. */
  readonly channelId: string;
  /** Title for viewers; empty for the slate. */
  readonly title: string;
  /** The file or URL; empty for generated pictures and for the slate. */
  readonly source: string;
  /** When its first frame was on air. */
  readonly startsAtMs: number;
  /** When what followed began. */
  readonly endsAtMs: number;
}

/** The encoding of a channel's pictures changed. */
export interface EncodingChanged {
  /** Tells operations apart. */
  readonly type: 'encoding';
  /** The channel. */
  readonly channelId: string;
  /** How often it has changed by now. */
  readonly changes: number;
  /** What has encoded the pictures since. */
  readonly encoder: string;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
}

/** Something went wrong on a channel. */
export interface FaultRaised {
  /** Says which kind of operation it is. */
  readonly type: 'fault';
  /** When it was noticed. */
  readonly atMs: number;
  /** As the `fault` event told it. */
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
  | EncodingChanged
  | FaultRaised;
