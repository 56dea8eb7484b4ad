// What airs when. A schedule is what a person writes; once the length of every programme is known it
// resolves to a pure function from output frame to programme, which is all the rest of Headend sees.

import Type from 'typebox';
import type { EntrySource, TimelineEntry } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import { validate } from '../validate.js';

/** Pictures and sound that libavfilter chains draw instead of a file. */
export interface GeneratorSource {
  /**
   * Video filter chain over black frames of the channel's size, as a function of the programme's time
   * `t`; `{font}` stands for the channel's font file.
   */
  readonly video: string;
  /** Audio filter chain over silence. */
  readonly audio: string;
}

/** One item of a schedule. */
export interface Programme {
  /** A file or URL that FFmpeg can open, or filter chains. The same source may occur any number of times. */
  readonly source: string | GeneratorSource;
  /** Where in the source the programme begins, in seconds (microseconds count). Default 0. */
  readonly inPoint?: number;
  /**
   * How long the programme airs, in seconds; cut down to whole frames. Default: from `inPoint` to the end
   * of the file, which must then be readable when the channel is added. Required for generators. A file
   * that ends earlier is followed by the channel's slate.
   */
  readonly duration?: number;
  /** Title for viewers. Default: the file's own title, else its name. */
  readonly title?: string;
}

const SECONDS_LIMIT = 10 * 366 * 86_400;

/** Schema of the programmes of {@link loop}. */
export const ProgrammesSchema = Type.Array(
  Type.Object(
    {
      source: Type.Union([
        Type.String({ minLength: 1 }),
        Type.Object(
          { video: Type.String(), audio: Type.String() },
          { additionalProperties: false },
        ),
      ]),
      inPoint: Type.Optional(Type.Number({ minimum: 0, maximum: SECONDS_LIMIT })),
      duration: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: SECONDS_LIMIT })),
      title: Type.Optional(Type.String({ maxLength: 500 })),
    },
    { additionalProperties: false },
  ),
  { maxItems: 100_000 },
);

/** Options of {@link loop}. */
export interface LoopOptions {
  /** An instant at which the first programme starts. Default: the channel's epoch. */
  readonly anchor?: Date | string;
}

/** A schedule as given to `channels.add`; make one with {@link loop}. */
export class LoopSchedule {
  readonly programmes: readonly Programme[];
  /** Instant at which a pass of the loop starts, in milliseconds since the Unix epoch; null is the channel's epoch. */
  readonly anchorMs: number | null;

  /** Use {@link loop}. */
  constructor(programmes: readonly Programme[], anchorMs: number | null) {
    this.programmes = programmes;
    this.anchorMs = anchorMs;
  }
}

/** Any schedule that a channel can air. */
export type Schedule = LoopSchedule;

/**
 * Airs the programmes one after the other, for ever.
 * @throws HeadendError `SCHEDULE_EMPTY` without programmes, `INVALID_OPTIONS` naming what is wrong with one.
 */
export function loop(programmes: readonly Programme[], options: LoopOptions = {}): Schedule {
  validate('loop', ProgrammesSchema, programmes);
  if (programmes.length === 0) {
    throw new HeadendError('SCHEDULE_EMPTY', 'schedule', 'loop: give at least one programme');
  }
  const anchorMs = options.anchor === undefined ? null : new Date(options.anchor).getTime();
  if (Number.isNaN(anchorMs)) {
    throw new HeadendError(
      'INVALID_OPTIONS',
      'options',
      `loop: anchor must be a Date or an ISO 8601 string, got ${String(options.anchor)}`,
    );
  }
  return new LoopSchedule([...programmes], anchorMs);
}

/** A programme whose source and length on the channel are settled. */
export interface ResolvedProgramme {
  readonly title: string;
  readonly source: EntrySource;
  /** Length in output frames, at least 1. */
  readonly frames: number;
}

/** One airing of a programme: output frames [startFrame, endFrame), counted from the channel's epoch. */
export interface Airing {
  readonly programme: ResolvedProgramme;
  /** Position of the programme in its schedule. */
  readonly index: number;
  readonly startFrame: number;
  readonly endFrame: number;
  /** How far into the airing the frame that was asked about is. */
  readonly offsetFrames: number;
}

/** A pure function from output frame to what airs. */
export interface ResolvedSchedule {
  /** Differs between schedules that air different things; equal for equal ones, on any machine. */
  readonly identity: string;
  airingAt(frame: number): Airing;
}

/** A loop over programmes of known length; a look-up is a modulo and a binary search. */
export class ResolvedLoop implements ResolvedSchedule {
  readonly #programmes: readonly ResolvedProgramme[];
  readonly #anchorFrame: number;
  // starts[i] is the first frame of programme i within a pass; one more item holds the length of the pass.
  readonly #starts: readonly number[];
  readonly identity: string;

  /** @param anchorFrame The frame at which a pass starts; may be negative. */
  constructor(programmes: readonly ResolvedProgramme[], anchorFrame: number) {
    this.#programmes = programmes;
    this.#anchorFrame = anchorFrame;
    this.identity = JSON.stringify([anchorFrame, programmes]);
    const starts = [0];
    let total = 0;
    for (const { frames } of programmes) {
      total += frames;
      starts.push(total);
    }
    this.#starts = starts;
  }

  airingAt(frame: number): Airing {
    const starts = this.#starts;
    const total = starts[starts.length - 1] ?? 0;
    const position = (((frame - this.#anchorFrame) % total) + total) % total;
    let low = 0;
    let high = this.#programmes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    const programme = this.#programmes[low];
    if (!programme)
      throw new HeadendError('SCHEDULE_EMPTY', 'schedule', 'the schedule has no programme');
    const offsetFrames = position - (starts[low] ?? 0);
    const startFrame = frame - offsetFrames;
    return {
      programme,
      index: low,
      startFrame,
      endFrame: startFrame + programme.frames,
      offsetFrames,
    };
  }
}

/** Every airing that overlaps output frames [fromFrame, toFrame), in order and whole (not cut to the range). */
export function* airings(
  schedule: ResolvedSchedule,
  fromFrame: number,
  toFrame: number,
): Generator<Airing, void, void> {
  for (let frame = fromFrame; frame < toFrame; ) {
    const airing = schedule.airingAt(frame);
    yield airing;
    frame = airing.endFrame;
  }
}

/**
 * The timeline of output frames [fromFrame, toFrame) for the engine: sorted, without holes. Entries are
 * whole airings, so an entry that spans two requests is the same in both.
 */
export function entries(
  schedule: ResolvedSchedule,
  fromFrame: number,
  toFrame: number,
): TimelineEntry[] {
  return Array.from(
    airings(schedule, fromFrame, toFrame),
    ({ startFrame, endFrame, programme }) => ({
      startFrame,
      endFrame,
      source: programme.source,
    }),
  );
}
