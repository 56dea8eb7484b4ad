// Programmes of any frame rate on a channel of any frame rate, and what an exact channel shows of them: a model
// in whole numbers, made from the documents and not from the engine.
import type { Rational, TimelineEntry } from '../../lib/engine/engine.js';
import type { FrameCode } from '../fixtures/barcode.js';
import { type FixtureOptions, makeFixture } from '../fixtures/make.js';

/** A fixture as a source: its file, and how its frames are numbered. */
export interface Source {
  readonly url: string;
  readonly programme: number;
  readonly frameRate: Rational;
  /** Number of frames in the file. */
  readonly frames: number;
}

/** A part of a source on the air. */
export interface Programme {
  readonly source: Source;
  /** Seconds from the source's start. */
  readonly inPoint: Rational;
  /** Channel frames that it airs. */
  readonly frames: number;
}

/** A programme at its place on the channel. */
export interface Aired extends Programme {
  /** Channel frame at which it begins. */
  readonly start: number;
}

/** Makes the fixture and describes it. */
export async function makeSource(options: FixtureOptions & { programme: number }): Promise<Source> {
  const { path, frames } = await makeFixture(options);
  const frameRate = options.frameRate ?? { num: 25, den: 1 };
  return { url: path, programme: options.programme, frameRate, frames };
}

/** The programmes one after the other, over and over, as far as they touch frames [from, until). */
export function airing(programmes: readonly Programme[], from: number, until: number): Aired[] {
  const pass = programmes.reduce((sum, { frames }) => sum + frames, 0);
  const aired: Aired[] = [];
  for (let start = from - (from % pass); start < until; ) {
    for (const programme of programmes) {
      if (start + programme.frames > from && start < until) aired.push({ ...programme, start });
      start += programme.frames;
    }
  }
  return aired;
}

/** The same for the engine. */
export function timelineOf(aired: readonly Aired[]): TimelineEntry[] {
  return aired.map(({ source, inPoint, frames, start }) => ({
    startFrame: start,
    endFrame: start + frames,
    source: { kind: 'file', url: source.url, inPoint },
  }));
}

/**
 * The number of the source frame on the air `frame` frames into the programme. A source frame begins at the
 * channel frame nearest to it, halves up, and stays until the next one begins: the last k with
 * (k / rate - inPoint) * fps < frame + 1/2.
 */
export function numberOnAir(
  { source, inPoint }: Programme,
  frame: number,
  frameRate: Rational,
): number {
  const big = ({ num, den }: Rational) => ({ num: BigInt(num), den: BigInt(den) });
  const [rate, start, fps] = [big(source.frameRate), big(inPoint), big(frameRate)];
  const denominator = 2n * fps.num * start.den * rate.den;
  const numerator =
    ((2n * BigInt(frame) + 1n) * fps.den * start.den + 2n * fps.num * start.num) * rate.num;
  return Number((numerator + denominator - 1n) / denominator) - 1;
}

/** What channel frames [from, until) show. */
export function codesOnAir(
  programmes: readonly Programme[],
  from: number,
  until: number,
  frameRate: Rational,
): FrameCode[] {
  return airing(programmes, from, until).flatMap((aired) => {
    const first = Math.max(from, aired.start);
    const last = Math.min(until, aired.start + aired.frames);
    return Array.from({ length: last - first }, (_, index) => ({
      programme: aired.source.programme,
      number: numberOnAir(aired, first + index - aired.start, frameRate),
    }));
  });
}
