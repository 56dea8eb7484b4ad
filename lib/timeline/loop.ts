// The simplest schedule: programmes one after the other, for ever.

import Type from 'typebox';
import { HeadendError } from '../errors.js';
import { validate } from '../validate.js';
import {
  type Airing,
  identityOf,
  type ResolvedProgramme,
  type ResolvedSchedule,
  visible,
} from './airing.js';
import { parseInstant } from './instant.js';
import { type Programme, ProgrammeSchema } from './programme.js';

/** How many programmes one list may hold. */
export const PROGRAMMES_LIMIT = 100_000;

const ProgrammesSchema = Type.Array(ProgrammeSchema, { maxItems: PROGRAMMES_LIMIT });

/** Options of {@link loop}. */
export interface LoopOptions {
  /** An instant at which the first programme starts. Default: the channel's epoch. */
  readonly anchor?: Date | string;
}

/** What {@link loop} makes. */
export class LoopSchedule {
  /** What airs, in this order. */
  readonly programmes: readonly Programme[];
  /** Instant at which a pass of the loop starts, in milliseconds since the Unix epoch; null is the channel's epoch. */
  readonly anchorMs: number | null;

  /** Use {@link loop}. */
  constructor(programmes: readonly Programme[], anchorMs: number | null) {
    this.programmes = programmes;
    this.anchorMs = anchorMs;
  }
}

/**
 * Airs the programmes one after the other, for ever.
 * @throws HeadendError `SCHEDULE_EMPTY` without programmes, `INVALID_OPTIONS` naming what is wrong with one.
 */
export function loop(programmes: readonly Programme[], options: LoopOptions = {}): LoopSchedule {
  validate('loop', ProgrammesSchema, programmes);
  if (programmes.length === 0) {
    throw new HeadendError('SCHEDULE_EMPTY', 'schedule', 'loop: give at least one programme');
  }
  const { anchor } = options;
  const anchorMs = anchor === undefined ? null : parseInstant('loop: anchor', anchor);
  return new LoopSchedule([...programmes], anchorMs);
}

/** A programme of a pass, and how far into it a place is. */
interface Place {
  readonly index: number;
  readonly offsetFrames: number;
}

/** A loop over programmes of known length; a look-up is a modulo and a binary search. */
export class ResolvedLoop implements ResolvedSchedule {
  readonly #programmes: readonly ResolvedProgramme[];
  readonly #indexes: readonly number[] | null;
  readonly #anchorFrame: number;
  // starts[i] is the first frame of programme i within a pass; one more item holds the length of the pass.
  readonly #starts: readonly number[];
  readonly identity: string;

  /**
   * @param anchorFrame The frame at which a pass starts; may be negative.
   * @param indexes Each programme's position in the list that it comes from, where some were left out.
   */
  constructor(
    programmes: readonly ResolvedProgramme[],
    anchorFrame: number,
    indexes: readonly number[] | null = null,
  ) {
    if (programmes.length === 0) {
      throw new HeadendError('SCHEDULE_EMPTY', 'schedule', 'the loop has no programme');
    }
    this.#programmes = programmes;
    this.#indexes = indexes;
    this.#anchorFrame = anchorFrame;
    this.identity = identityOf(['loop', anchorFrame, programmes.map(visible)]);
    const starts = [0];
    let total = 0;
    for (const { frames } of programmes) {
      total += frames;
      starts.push(total);
    }
    this.#starts = starts;
  }

  airingAt(frame: number): Airing {
    return this.#airing(frame, this.#place(frame - this.#anchorFrame));
  }

  /** What airs at `frame` if the programme at position `first` starts at `startFrame`. */
  airingFrom(first: number, startFrame: number, frame: number): Airing {
    return this.#airing(
      frame,
      this.#place(this.#starts[first % this.length] ?? 0, frame - startFrame),
    );
  }

  /** How many programmes a pass has. */
  get length(): number {
    return this.#programmes.length;
  }

  /** Position, within a pass, of the programme that follows those that begin in `frames` frames from `first` on. */
  following(first: number, frames: number): number {
    const { index } = this.#place(this.#starts[first % this.length] ?? 0, frames - 1);
    return (index + 1) % this.length;
  }

  #place(position: number, later = 0): Place {
    const starts = this.#starts;
    const total = starts[starts.length - 1] ?? 0;
    const within = (((position + later) % total) + total) % total;
    let low = 0;
    let high = this.#programmes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= within) low = middle;
      else high = middle - 1;
    }
    return { index: low, offsetFrames: within - (starts[low] ?? 0) };
  }

  #airing(frame: number, { index, offsetFrames }: Place): Airing {
    const programme = this.#programmes[index];
    if (!programme) throw new RangeError(`no programme ${index}`);
    const startFrame = frame - offsetFrames;
    return {
      kind: 'programme',
      programme,
      index: this.#indexes?.[index] ?? index,
      startFrame,
      endFrame: startFrame + programme.frames,
      offsetFrames,
    };
  }
}
