// How long a programme is on a channel: what its options say, or what a look at the file finds out.

import { basename, extname } from 'node:path';
import type { ProbeResult, Rational } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { ResolvedProgramme } from './airing.js';
import type { Programme, ProgrammeDetails } from './programme.js';
import { floorDiv, secondsToRational } from './rational.js';

/** Whether only the file knows how long the programme is. */
export function needsProbe({ source, duration, outPoint }: Programme): boolean {
  return typeof source === 'string' && duration === undefined && outPoint === undefined;
}

/** What is known about a programme's file. */
export interface KnownSource {
  readonly probed?: ProbeResult | undefined;
  /** Gain of its sound in dB. */
  readonly gain?: number | undefined;
}

/**
 * The programme with its length in frames.
 * @param name What to call the programme in messages.
 * @throws HeadendError `SOURCE_INVALID` for a file without a known length, `INVALID_OPTIONS` for an in point
 * behind the end or a generator without a length.
 */
export function measure(
  programme: Programme,
  { probed, gain = 0 }: KnownSource,
  frameRate: Rational,
  name: string,
): ResolvedProgramme {
  const { source } = programme;
  const inPoint = secondsToRational(programme.inPoint ?? 0);
  const explicit = explicitFrames(programme, frameRate);
  const details = detailsOf(programme);
  const about = details === undefined ? {} : { details };
  if (typeof source !== 'string') {
    if (explicit === null) {
      throw new HeadendError(
        'INVALID_OPTIONS',
        'schedule',
        `${name}: a generator never ends by itself; give it a duration in seconds`,
      );
    }
    return {
      title: programme.title ?? 'Generated',
      source: { kind: 'generator', ...source, inFrame: wholeFrames(inPoint, frameRate) },
      frames: explicit,
      ...about,
    };
  }
  const duration = probed?.duration ?? null;
  const filled = duration && filledFrames(duration, inPoint, frameRate);
  const frames = explicit ?? measuredFrames(name, source, duration, filled, inPoint);
  const unfilled = filled === null ? 0 : Math.max(0, frames - Math.max(0, filled));
  return {
    title: programme.title || probed?.title || nameOf(source),
    source: { kind: 'file', url: source, inPoint, ...(gain !== 0 && { gain }) },
    frames,
    ...(explicit !== null && unfilled > 0 ? { unfilledFrames: unfilled } : {}),
    ...about,
  };
}

// A decimal duration is at most half a microsecond off the exact one that was meant (301/30 s is written
// 10.033333), so a programme that lacks less than a microsecond to its last frame has that frame.
function explicitFrames(programme: Programme, frameRate: Rational): number | null {
  const { inPoint = 0, outPoint, duration = outPoint && outPoint - inPoint } = programme;
  if (duration === undefined) return null;
  const micros = BigInt(Math.round(duration * 1_000_000)) + 1n;
  const frames = floorDiv(micros * BigInt(frameRate.num), 1_000_000n * BigInt(frameRate.den));
  return Math.max(1, Number(frames));
}

// Whole frames from the in point to the end of the file; less than 1 when it ends before.
function filledFrames(duration: Rational, inPoint: Rational, frameRate: Rational): number {
  const num =
    BigInt(duration.num) * BigInt(inPoint.den) - BigInt(inPoint.num) * BigInt(duration.den);
  const den = BigInt(duration.den) * BigInt(inPoint.den);
  if (num <= 0n) return 0;
  return Math.max(1, Number(floorDiv(num * BigInt(frameRate.num), den * BigInt(frameRate.den))));
}

function measuredFrames(
  name: string,
  source: string,
  duration: Rational | null,
  filled: number | null,
  inPoint: Rational,
): number {
  if (duration === null || filled === null) {
    throw new HeadendError(
      'SOURCE_INVALID',
      'schedule',
      `${name}: ${source} does not say how long it is; give the programme a duration in seconds`,
    );
  }
  if (filled > 0) return filled;
  throw new HeadendError(
    'INVALID_OPTIONS',
    'schedule',
    `${name}: inPoint must be before the end of ${source} at ` +
      `${(duration.num / duration.den).toFixed(3)} s, got ${inPoint.num / inPoint.den}`,
  );
}

function wholeFrames(seconds: Rational, frameRate: Rational): number {
  return Number(
    floorDiv(
      BigInt(seconds.num) * BigInt(frameRate.num),
      BigInt(seconds.den) * BigInt(frameRate.den),
    ),
  );
}

function detailsOf(programme: Programme): ProgrammeDetails | undefined {
  const { source: _, inPoint, outPoint, duration, title, ...details } = programme;
  return Object.keys(details).length === 0 ? undefined : details;
}

function nameOf(source: string): string {
  const path = URL.canParse(source) ? new URL(source).pathname : source;
  return basename(path, extname(path)) || source;
}
