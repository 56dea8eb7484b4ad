// What the control plane tells the outside: the arguments of Headend's events.

import type { SessionEnd } from '../journal/operations.js';
import type { BatchState } from '../session/batch-state.js';
import type { ChannelState } from '../session/stream-session.js';
import type { Fault } from './fault.js';

/** Argument of the `channel` event: a channel changed its state. */
export interface ChannelEvent {
  readonly channelId: string;
  readonly state: ChannelState;
}

/** Argument of the `batch` event: a batch was begun, was made, or ended without being made whole. */
export interface BatchEvent {
  readonly channelId: string;
  readonly type: 'started' | 'completed' | 'failed' | 'abandoned';
  readonly batch: BatchState;
  /** Message of the error of a failed batch, which is tried again; else null. */
  readonly error: string | null;
}

/** Argument of the `session` event: a viewer came or went. */
export interface SessionEvent {
  readonly channelId: string;
  readonly type: 'opened' | 'closed';
  readonly sessionId: string;
  /** Why it closed; null when it opened. */
  readonly reason: SessionEnd | null;
  /** How many viewers the channel has now. */
  readonly viewers: number;
}

/** Argument of the `warning` event: a channel takes nearly as long to make as to play. */
export interface WarningEvent {
  readonly channelId: string;
  readonly type: 'slow-generation';
  /** Generation time / content time. */
  readonly ratio: number;
  readonly message: string;
}

/** Who is told. */
export interface StreamEvents {
  fault(fault: Fault): void;
  channel(event: ChannelEvent): void;
  batch(event: BatchEvent): void;
  session(event: SessionEvent): void;
  warning(event: WarningEvent): void;
}
