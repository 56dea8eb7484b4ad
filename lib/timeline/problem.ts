// What is wrong with a schedule that airs nevertheless.

import { type ErrorCode, HeadendError } from '../errors.js';

/** Something that a programme of a schedule cannot do as it is written. */
export interface ScheduleProblem {
  /** What is wrong; the codes are those of errors. */
  readonly code: ErrorCode;
  /** The part that found it: schedule, open, probe, demux. */
  readonly stage: string;
  /** For people; may name files. */
  readonly message: string;
  /** Position of the programme in its list; -1 when it is not about a programme. */
  readonly index: number;
  /** The source at fault, empty when it is not about a source. */
  readonly source: string;
  /** FFmpeg's negative error number, 0 when there is none. */
  readonly averror: number;
}

/** The problem that an error is for a programme. */
export function problemOf(error: unknown, index: number, source: string): ScheduleProblem {
  const known = error instanceof HeadendError ? error : undefined;
  return {
    code: known?.code ?? 'SCHEDULE_FAILED',
    stage: known?.stage ?? 'schedule',
    message: error instanceof Error ? error.message : String(error),
    index,
    source,
    averror: known?.averror ?? 0,
  };
}
