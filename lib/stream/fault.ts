// What Headend reports when something goes wrong on a channel that nevertheless stays on the air.

import type { EngineFault } from '../engine/engine.js';
import { type ErrorCode, HeadendError, isErrorCode } from '../errors.js';

/** Argument of the `fault` event. */
export interface Fault {
  /** What went wrong; the codes are those of errors. */
  readonly code: ErrorCode;
  /** The channel; empty for a fault of the journal. */
  readonly channelId: string;
  /** The part that failed: open, probe, demux, decode, normalise, encode, mux, schedule, engine. */
  readonly stage: string;
  /** For people; may name files. */
  readonly message: string;
  /** FFmpeg's negative error number, 0 when there is none. */
  readonly averror: number;
  /** The source at fault, empty when it is not about a source. */
  readonly source: string;
  /** When the first frame affected is on air; null when the fault is not about a frame. */
  readonly airsAt: Date | null;
}

/** The fault that the engine met at a frame. */
export function engineFault(channelId: string, fault: EngineFault, airsAtMs: number): Fault {
  return {
    code: isErrorCode(fault.code) ? fault.code : 'ENGINE_FAILED',
    channelId,
    stage: fault.stage,
    message: fault.message,
    averror: fault.averror,
    source: fault.source,
    airsAt: new Date(airsAtMs),
  };
}

/** The fault of a batch that failed. */
export function failedBatchFault(channelId: string, error: unknown): Fault {
  const known = error instanceof HeadendError ? error : undefined;
  return {
    code: known?.code ?? 'ENGINE_FAILED',
    channelId,
    stage: known?.stage ?? 'engine',
    message: error instanceof Error ? error.message : String(error),
    averror: known?.averror ?? 0,
    source: '',
    airsAt: null,
  };
}
