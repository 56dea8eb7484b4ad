// What is known of one batch: a stretch of consecutive segments that a channel makes in one go.

import type { Rational } from '../engine/engine.js';

/** A batch of segments. Instants are milliseconds since the Unix epoch. */
export interface BatchState {
  /** Counts the batches of a channel since it was started, from 0. */
  readonly batchNumber: number;
  /** Media sequence number of the first segment. */
  readonly startSegment: number;
  /** Media sequence number of the last segment. */
  readonly endSegment: number;
  /** The file or URL that the first frame comes from; empty for generated pictures and for the slate. */
  readonly source: string;
  /** Where in the source the first frame lies, in seconds, exactly. */
  readonly offset: Rational;
  /** When the batch was begun. */
  readonly generationStarted: number;
  /** Null while the batch is being made. */
  readonly generationEnded: number | null;
  /** True once every segment has been made. */
  readonly isComplete: boolean;
}

/** A copy that shares nothing with the original. */
export function copyBatch(batch: BatchState): BatchState {
  return { ...batch, offset: { ...batch.offset } };
}
