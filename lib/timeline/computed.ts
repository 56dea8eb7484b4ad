// A schedule that the embedding program computes while it airs, as a person writes it: a callback or an
// iterable of programmes.

import Type from 'typebox';
import { invalidOption, validate } from '../validate.js';
import type { Programme } from './programme.js';

/** What a {@link NextProgramme} is asked. */
export interface NextProgrammeRequest {
  /** When the programme will start, if the answer is in time. */
  readonly startsAt: Date;
  /** How many programmes have been given before. */
  readonly index: number;
  /** Aborts when the answer is no longer waited for. */
  readonly signal: AbortSignal;
}

/** Gives the programme that follows, or null when there are no more. */
export type NextProgramme = (
  request: NextProgrammeRequest,
) => Programme | null | Promise<Programme | null>;

/** Options of {@link compute}. */
export interface ComputeOptions {
  /**
   * How far ahead of the programme on air programmes are asked for, in seconds: 120 to 1,209,600 (14 days). The
   * guide knows no more than this. Default 3600.
   */
  readonly lookAhead?: number;
  /** Milliseconds after which an answer is given up and asked for again, 100 to 600000. Default 10000. */
  readonly deadlineMs?: number;
}

/** Defaults of {@link ComputeOptions}. */
const COMPUTE_DEFAULTS = { lookAhead: 3600, deadlineMs: 10_000 } as const;

const ComputeOptionsSchema = Type.Object(
  {
    lookAhead: Type.Optional(Type.Number({ minimum: 120, maximum: 14 * 86_400 })),
    deadlineMs: Type.Optional(Type.Number({ minimum: 100, maximum: 600_000 })),
  },
  { additionalProperties: false },
);

/** What {@link compute} makes. It airs on one channel only: what gives its programmes is used up. */
export class ComputedSchedule {
  /** What gives the programmes. */
  readonly source: NextProgramme | AsyncIterable<Programme> | Iterable<Programme>;
  /** The options of {@link compute}, complete. */
  readonly options: Required<ComputeOptions>;

  /** Use {@link compute}. */
  constructor(source: ComputedSchedule['source'], options: Required<ComputeOptions>) {
    this.source = source;
    this.options = options;
  }
}

/**
 * Airs what a function or an iterable gives, one programme after the other, from the moment at which the
 * channel takes the schedule on. Whoever throws, hangs, ends or is late gets the slate and a fault; what has
 * been given stays.
 * @throws HeadendError `INVALID_OPTIONS`
 */
export function compute(
  source: NextProgramme | AsyncIterable<Programme> | Iterable<Programme>,
  options: ComputeOptions = {},
): ComputedSchedule {
  const iterable =
    typeof source === 'object' &&
    source !== null &&
    (Symbol.asyncIterator in source || Symbol.iterator in source);
  if (typeof source !== 'function' && !iterable) {
    throw invalidOption('compute', '', 'must be a function or an iterable', source);
  }
  validate('compute', ComputeOptionsSchema, options);
  return new ComputedSchedule(source, { ...COMPUTE_DEFAULTS, ...options });
}
