// What the control plane tells the outside: the arguments of Headend's events.

import type { SessionEnd } from '../journal/operations.js';
import type { BatchState } from '../session/batch-state.js';
import type { ChannelState } from '../session/stream-session.js';
import type { Fault } from './fault.js';

/** Argument of the `channel` event: a channel changed its state. */
export interface ChannelEvent {
  /** The channel whose state changed. */
  readonly channelId: string;
  /** The state that it has now. */
  readonly state: ChannelState;
}

/** Argument of the `batch` event: a batch was begun, was made, or ended without being made whole. */
export interface BatchEvent {
  /** The channel whose batch it is. */
  readonly channelId: string;
  /** `failed`: it is tried again; `abandoned`: it was left unfinished and is of no use any more. */
  readonly type: 'started' | 'completed' | 'failed' | 'abandoned';
  /** The batch as it is now. */
  readonly batch: BatchState;
  /** Message of the error of a failed batch, which is tried again; else null. */
  readonly error: string | null;
}

/** Argument of the `session` event: a viewer came or went. */
export interface SessionEvent {
  /** The channel that is watched. */
  readonly channelId: string;
  /** Whether the viewer came or went. */
  readonly type: 'opened' | 'closed';
  /** The viewer's session. */
  readonly sessionId: string;
  /** Why it closed; null when it opened. */
  readonly reason: SessionEnd | null;
  /** How many viewers the channel has now. */
  readonly viewers: number;
}

/** Argument of the `warning` event: a channel takes nearly as long to make as to play, or the disk is nearly full. */
export type WarningEvent =
  | {
      /** The channel that is slow. */
      readonly channelId: string;
      /** What it warns of. */
      readonly type: 'slow-generation';
      /** Generation time / content time. */
      readonly ratio: number;
      /** For people. */
      readonly message: string;
    }
  | {
      /** Empty: it is about all channels. */
      readonly channelId: '';
      /** What it warns of. */
      readonly type: 'disk-low';
      /** Room on the disk of the segments' files. */
      readonly freeBytes: number;
      /** For people. */
      readonly message: string;
    };

/** Who is told. */
export interface StreamEvents {
  fault(fault: Fault): void;
  channel(event: ChannelEvent): void;
  batch(event: BatchEvent): void;
  session(event: SessionEvent): void;
  warning(event: WarningEvent): void;
}
