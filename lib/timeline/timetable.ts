// Programmes that start at given instants, and what airs between them: the slate, a list of fillers that is
// cut to fit, or another schedule that goes on underneath.

import Type from 'typebox';
import type { Rational } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import { invalidOption, validate } from '../validate.js';
import {
  type Airing,
  cut,
  identityOf,
  type ResolvedProgramme,
  type ResolvedSchedule,
  slate,
  visible,
} from './airing.js';
import { parseInstant } from './instant.js';
import { LoopSchedule, PROGRAMMES_LIMIT, type ResolvedLoop } from './loop.js';
import { consistent, type Programme, programmeMembers } from './programme.js';

/** A programme with a place in time. */
export interface TimedProgramme extends Programme {
  /**
   * When it starts: a `Date`, or ISO 8601 text with `Z` or an offset. Default: when the programme before it
   * in the list ends; the first one of the list must say it.
   */
  readonly startsAt?: Date | string;
}

/** Options of {@link at}. */
export interface AtOptions {
  /**
   * What fills the time between the programmes. Each gap begins with the start of a programme of this loop,
   * the one after the last that aired in the gap before. Its `anchor` means nothing here. Default: the slate.
   */
  readonly between?: LoopSchedule;
  /**
   * What happens to the last filler of a gap: `cut` when the gap is over, or left `out`, with the slate in its
   * place, when it does not fit whole. Default `cut`.
   */
  readonly lastFiller?: 'cut' | 'out';
  /**
   * A schedule that the programmes interrupt. It runs underneath on its own clock: after an interruption it is
   * where it would have been without. Not together with `between`.
   */
  readonly over?: LoopSchedule | TimetableSchedule;
  /**
   * What a request gets before the first and after the last programme, where neither `between` nor `over` fills
   * that time: the `slate`, or an `error` (`SCHEDULE_NOT_STARTED`, `SCHEDULE_ENDED`). Default `slate`.
   */
  readonly outside?: 'slate' | 'error';
}

const TimedProgrammesSchema = Type.Array(
  consistent(
    Type.Object(
      { ...programmeMembers, startsAt: Type.Optional(Type.Unsafe<Date | string>({})) },
      { additionalProperties: false },
    ),
  ),
  { maxItems: PROGRAMMES_LIMIT },
);

/** A programme of a {@link TimetableSchedule} and its place in time. */
export interface TimetableItem {
  /** What airs. */
  readonly programme: Programme;
  /** In milliseconds since the Unix epoch; null is the end of the item before. */
  readonly startsAtMs: number | null;
}

/** What {@link at} makes. */
export class TimetableSchedule {
  /** The programmes with their places in time, as they were given. */
  readonly items: readonly TimetableItem[];
  /** The options of {@link at}, as they were given. */
  readonly options: AtOptions;

  /** Use {@link at}. */
  constructor(items: readonly TimetableItem[], options: AtOptions) {
    this.items = items;
    this.options = options;
  }
}

/**
 * Airs programmes at given instants. One that is not over when the next one starts is cut there.
 * @throws HeadendError `SCHEDULE_EMPTY` without programmes, `INVALID_OPTIONS` naming what is wrong with one.
 */
export function at(
  programmes: readonly TimedProgramme[],
  options: AtOptions = {},
): TimetableSchedule {
  validate('at', TimedProgrammesSchema, programmes);
  checkOptions(options);
  if (programmes.length === 0) {
    throw new HeadendError('SCHEDULE_EMPTY', 'schedule', 'at: give at least one programme');
  }
  const items = programmes.map(({ startsAt, ...programme }, index) => ({
    programme,
    startsAtMs: startsAt === undefined ? null : parseInstant(`at: [${index}].startsAt`, startsAt),
  }));
  if (items[0]?.startsAtMs === null) {
    throw invalidOption(
      'at',
      '[0].startsAt',
      'must say when the first programme starts',
      undefined,
    );
  }
  const starts = new Set<number>();
  for (const [index, { startsAtMs }] of items.entries()) {
    if (startsAtMs === null) continue;
    if (starts.has(startsAtMs)) {
      const instant = new Date(startsAtMs);
      throw invalidOption('at', `[${index}].startsAt`, 'must differ from all others', instant);
    }
    starts.add(startsAtMs);
  }
  return new TimetableSchedule(items, { ...options });
}

function checkOptions({ between, over, lastFiller, outside }: AtOptions): void {
  if (between !== undefined && !(between instanceof LoopSchedule)) {
    throw invalidOption('at', 'between', 'must be a schedule made by loop()', between);
  }
  if (over !== undefined && !(over instanceof LoopSchedule || over instanceof TimetableSchedule)) {
    throw invalidOption('at', 'over', 'must be a schedule made by loop() or at()', over);
  }
  if (between && over) {
    throw invalidOption('at', 'over', 'must not be given together with between', over);
  }
  if (lastFiller !== undefined && lastFiller !== 'cut' && lastFiller !== 'out') {
    throw invalidOption('at', 'lastFiller', "must be 'cut' or 'out'", lastFiller);
  }
  if (outside !== undefined && outside !== 'slate' && outside !== 'error') {
    throw invalidOption('at', 'outside', "must be 'slate' or 'error'", outside);
  }
}

/** A programme and the frame at which it starts. */
export interface Slot {
  readonly programme: ResolvedProgramme;
  /** Its position in the list that it comes from. */
  readonly index: number;
  readonly startFrame: number;
}

/** What airs where no slot does. */
export type Filling =
  | { readonly kind: 'slate'; readonly outside: 'slate' | 'error' }
  | { readonly kind: 'between'; readonly loop: ResolvedLoop; readonly lastFiller: 'cut' | 'out' }
  | { readonly kind: 'over'; readonly schedule: ResolvedSchedule };

/** A timetable of programmes of known length; a look-up is a binary search, and one in what fills the gaps. */
export class ResolvedTimetable implements ResolvedSchedule {
  readonly #slots: readonly Slot[];
  readonly #filling: Filling;
  readonly #frameRate: Rational;
  // firstFillers[i] is the position of the filler with which the gap behind slot i begins.
  readonly #firstFillers: readonly number[];
  readonly identity: string;

  /** @param slots At least one, in any order, no two with the same start. */
  constructor(slots: readonly Slot[], filling: Filling, frameRate: Rational) {
    if (slots.length === 0) {
      throw new HeadendError('SCHEDULE_EMPTY', 'schedule', 'the timetable has no programme');
    }
    this.#slots = slots.toSorted((a, b) => a.startFrame - b.startFrame);
    this.#filling = filling;
    this.#frameRate = frameRate;
    this.#firstFillers = filling.kind === 'between' ? this.#layFillers(filling.loop) : [];
    this.identity = identityOf([
      'timetable',
      this.#slots.map(({ programme, startFrame }) => [startFrame, visible(programme)]),
      fillingIdentity(filling),
    ]);
  }

  airingAt(frame: number): Airing {
    const position = this.#positionAt(frame);
    const slot = this.#slots[position];
    const endFrame = this.#endOf(position);
    if (!slot || frame >= endFrame) return this.#gapAt(frame, position);
    const { programme, index, startFrame } = slot;
    const whole = {
      kind: 'programme' as const,
      programme,
      index,
      startFrame,
      endFrame: startFrame + programme.frames,
      offsetFrames: frame - startFrame,
    };
    return cut(whole, startFrame, endFrame, this.#frameRate);
  }

  refusal(frame: number): HeadendError | null {
    const filling = this.#filling;
    const on = this.#positionAt(frame);
    if (on >= 0 && frame < this.#endOf(on)) return null;
    if (filling.kind === 'over') return filling.schedule.refusal?.(frame) ?? null;
    if (filling.kind === 'between' || filling.outside === 'slate') return null;
    if (frame < (this.#slots[0]?.startFrame ?? 0)) {
      return new HeadendError(
        'SCHEDULE_NOT_STARTED',
        'schedule',
        'the schedule has not begun yet',
        {
          retryable: true,
        },
      );
    }
    if (frame < this.#endOf(this.#slots.length - 1)) return null;
    return new HeadendError('SCHEDULE_ENDED', 'schedule', 'the schedule is over');
  }

  // Position of the last slot that starts at or before a frame; -1 before the first.
  #positionAt(frame: number): number {
    let low = -1;
    let high = this.#slots.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#slots[middle]?.startFrame ?? Infinity) <= frame) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #endOf(position: number): number {
    const slot = this.#slots[position];
    if (!slot) return -Infinity;
    return Math.min(slot.startFrame + slot.programme.frames, this.#startAfter(position));
  }

  #startAfter(position: number): number {
    return this.#slots[position + 1]?.startFrame ?? Infinity;
  }

  // What airs at a frame of the gap behind the slot at a position.
  #gapAt(frame: number, position: number): Airing {
    const filling = this.#filling;
    const from = this.#endOf(position);
    const to = this.#startAfter(position);
    if (filling.kind === 'slate') return slate(frame, from, to);
    if (filling.kind === 'over') {
      return cut(filling.schedule.airingAt(frame), from, to, this.#frameRate);
    }
    // Before the first programme the fillers run so that one ends where it starts.
    const filler =
      from === -Infinity
        ? filling.loop.airingFrom(0, to, frame)
        : filling.loop.airingFrom(this.#firstFillers[position] ?? 0, from, frame);
    if (filler.endFrame > to && filling.lastFiller === 'out') {
      return slate(frame, filler.startFrame, to);
    }
    return cut({ ...filler, kind: 'filler' }, from, to, this.#frameRate);
  }

  #layFillers(fillers: ResolvedLoop): number[] {
    let next = 0;
    return this.#slots.map((_, position) => {
      const first = next;
      const frames = this.#startAfter(position) - this.#endOf(position);
      if (frames > 0 && frames < Infinity) next = fillers.following(first, frames);
      return first;
    });
  }
}

function fillingIdentity(filling: Filling): unknown {
  if (filling.kind === 'slate') return 'slate';
  if (filling.kind === 'over') return ['over', filling.schedule.identity];
  return ['between', filling.lastFiller, filling.loop.identity];
}
