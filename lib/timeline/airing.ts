// The contract between schedules and everything else: a pure function from output frame to what airs, and
// what can be done with any such function: list it, cut it, hand it to the engine.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { EntrySource, Rational, TimelineEntry } from '../engine/engine.js';
import type { HeadendError } from '../errors.js';
import type { ProgrammeDetails } from './programme.js';
import { floorDiv, rational } from './rational.js';

/** A programme whose source and length on the channel are settled. */
export interface ResolvedProgramme {
  /** Empty for the slate. */
  readonly title: string;
  readonly source: EntrySource;
  /** Length in output frames, at least 1. */
  readonly frames: number;
  /** Frames at its end that the source is known not to fill: the slate airs there. Default 0. */
  readonly unfilledFrames?: number;
  readonly details?: ProgrammeDetails;
}

/** An item of the schedule, what fills the time between items, or the slate where there is neither. */
export type AiringKind = 'programme' | 'filler' | 'slate';

/** One airing of a programme: output frames [startFrame, endFrame), counted from the channel's epoch. */
export interface Airing {
  readonly kind: AiringKind;
  /** Its `frames` is the length of this airing. */
  readonly programme: ResolvedProgramme;
  /** Position of the programme in the list it comes from; -1 for the slate. */
  readonly index: number;
  readonly startFrame: number;
  readonly endFrame: number;
  /** How far into the airing the frame that was asked about is. */
  readonly offsetFrames: number;
}

/** A function from output frame to what airs. */
export interface ResolvedSchedule {
  /** Differs between schedules that air different things; equal for equal ones, on any machine. */
  readonly identity: string;
  /** What airs at a frame. Total: where there is nothing to air it is the slate. */
  airingAt(frame: number): Airing;
  /** The first frame about which nothing is known yet. Absent when everything is. */
  readonly knownUntil?: number;
  /** Says that frames before this one are being made, and what airs in them must not change any more. */
  settle?(frame: number): void;
  /** Why a channel that asked for errors instead of the slate is not on the air at a frame; null if it is. */
  refusal?(frame: number): HeadendError | null;
  /** Ends what keeps the schedule going. Idempotent. */
  close?(): void;
}

/** Slate without an end is told of in pieces of this length, which begin at its multiples. */
const SLATE_PIECE_FRAMES = 90_000;

/** The slate in frames [from, to), of which at least one end is finite, around `frame`. */
export function slate(frame: number, from: number, to: number): Airing {
  const endless = from === -Infinity || to === Infinity;
  const piece = Math.floor(frame / SLATE_PIECE_FRAMES) * SLATE_PIECE_FRAMES;
  const startFrame = endless ? Math.max(from, piece) : from;
  const endFrame = endless ? Math.min(to, piece + SLATE_PIECE_FRAMES) : to;
  return {
    kind: 'slate',
    programme: { title: '', source: { kind: 'slate' }, frames: endFrame - startFrame },
    index: -1,
    startFrame,
    endFrame,
    offsetFrames: frame - startFrame,
  };
}

/**
 * The part of an airing that lies in frames [from, to), which it overlaps: in each of its frames it shows what
 * the whole one shows there.
 */
export function cut(airing: Airing, from: number, to: number, frameRate: Rational): Airing {
  const startFrame = Math.max(airing.startFrame, from);
  const endFrame = Math.min(airing.endFrame, to);
  const late = startFrame - airing.startFrame;
  const early = airing.endFrame - endFrame;
  if (late === 0 && early === 0) return airing;
  const { unfilledFrames = 0, ...programme } = airing.programme;
  const frames = endFrame - startFrame;
  const unfilled = Math.min(frames, Math.max(0, unfilledFrames - early));
  return {
    ...airing,
    programme: {
      ...programme,
      source: advanced(programme.source, late, frameRate),
      frames,
      ...(unfilled > 0 ? { unfilledFrames: unfilled } : {}),
    },
    startFrame,
    endFrame,
    offsetFrames: airing.offsetFrames - late,
  };
}

// The source as it is `frames` later.
function advanced(source: EntrySource, frames: number, { num, den }: Rational): EntrySource {
  if (frames === 0 || source.kind === 'slate') return source;
  if (source.kind === 'generator') return { ...source, inFrame: source.inFrame + frames };
  const { inPoint } = source;
  const numerator =
    BigInt(inPoint.num) * BigInt(num) + BigInt(frames) * BigInt(den) * BigInt(inPoint.den);
  return { ...source, inPoint: exact(numerator, BigInt(inPoint.den) * BigInt(num)) };
}

// Odd frame rates hours into a file need more digits than a number has: those are rounded to microseconds.
function exact(num: bigint, den: bigint): Rational {
  let a = num;
  let b = den;
  while (b !== 0n) [a, b] = [b, a % b];
  const lowest = { num: Number(num / a), den: Number(den / a) };
  if (Number.isSafeInteger(lowest.num) && Number.isSafeInteger(lowest.den)) return lowest;
  return rational(Number(floorDiv(2n * num * 1_000_000n + den, 2n * den)), 1_000_000);
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
 * whole airings, so an entry that spans two requests is the same in both. Settles the schedule up to
 * `toFrame`.
 */
export function entries(
  schedule: ResolvedSchedule,
  fromFrame: number,
  toFrame: number,
): TimelineEntry[] {
  schedule.settle?.(toFrame);
  return Array.from(
    airings(schedule, fromFrame, toFrame),
    ({ startFrame, endFrame, programme }) => ({
      startFrame,
      endFrame,
      source: programme.source,
    }),
  );
}

/** Whether two timelines air the same up to a frame, from where both have begun. */
export function agree(
  one: readonly TimelineEntry[],
  other: readonly TimelineEntry[],
  toFrame: number,
): boolean {
  const fromFrame = Math.max(one[0]?.startFrame ?? toFrame, other[0]?.startFrame ?? toFrame);
  const part = (timeline: readonly TimelineEntry[]) =>
    timeline
      .filter(({ startFrame, endFrame }) => startFrame < toFrame && endFrame > fromFrame)
      .map((entry) => ({ ...entry, endFrame: Math.min(entry.endFrame, toFrame) }));
  return fromFrame >= toFrame || isDeepStrictEqual(part(one), part(other));
}

/** A hash of what a schedule is made from, to serve as its identity. */
export function identityOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** What of a programme decides what is seen and heard. */
export function visible({ source, frames }: ResolvedProgramme): unknown {
  return [source, frames];
}
