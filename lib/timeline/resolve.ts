// Turns a schedule as a person wrote it into a resolved one: measures the programmes whose length only
// the file knows (a few at a time), and settles titles and sources.

import { basename, extname } from 'node:path';
import type { ProbeResult, Rational } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { Grid } from './grid.js';
import { floorDiv, secondsToRational } from './rational.js';
import {
  type Programme,
  ResolvedLoop,
  type ResolvedProgramme,
  type ResolvedSchedule,
  type Schedule,
} from './schedule.js';

/** How many sources are probed at the same time. */
const PROBE_CONCURRENCY = 4;

/** Looks at a source; rejects with a typed error when it cannot be read. */
export type Probe = (url: string, signal?: AbortSignal) => Promise<ProbeResult>;

/**
 * Resolves a schedule on a channel's grid.
 * @throws HeadendError naming the source: the probe's own error for a file that cannot be read and has no
 * explicit duration, `SOURCE_INVALID` for one without a known length, `INVALID_OPTIONS` for an in point
 * behind the end.
 * @param gains Gain in dB of the sound of sources, by source; those that are not in it have none.
 */
export async function resolveSchedule(
  schedule: Schedule,
  grid: Grid,
  probe: Probe,
  signal?: AbortSignal,
  gains: ReadonlyMap<string, number> = new Map(),
): Promise<ResolvedSchedule> {
  const probes = await probeUnmeasured(schedule.programmes, probe, signal);
  const programmes = schedule.programmes.map((programme, index) =>
    resolveProgramme(programme, index, grid.format.frameRate, probes, gains),
  );
  const anchorFrame = schedule.anchorMs === null ? 0 : grid.frameAt(schedule.anchorMs);
  return new ResolvedLoop(programmes, anchorFrame);
}

async function probeUnmeasured(
  programmes: readonly Programme[],
  probe: Probe,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, ProbeResult>> {
  const urls = new Set<string>();
  for (const { source, duration } of programmes) {
    if (typeof source === 'string' && duration === undefined) urls.add(source);
  }
  const results = new Map<string, ProbeResult>();
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const queue = urls.values();
  const worker = async () => {
    for (const url of queue) {
      stop.throwIfAborted();
      results.set(url, await probe(url, stop));
    }
  };
  try {
    await Promise.all(Array.from({ length: PROBE_CONCURRENCY }, worker));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
  return results;
}

function resolveProgramme(
  programme: Programme,
  index: number,
  frameRate: Rational,
  probes: ReadonlyMap<string, ProbeResult>,
  gains: ReadonlyMap<string, number>,
): ResolvedProgramme {
  const { source, duration } = programme;
  const inPoint = secondsToRational(programme.inPoint ?? 0);
  if (typeof source !== 'string') {
    if (duration === undefined) {
      throw new HeadendError(
        'INVALID_OPTIONS',
        'schedule',
        `programme ${index}: a generator never ends by itself; give it a duration in seconds`,
      );
    }
    return {
      title: programme.title ?? 'Generated',
      source: { kind: 'generator', ...source, inFrame: wholeFrames(inPoint, frameRate) },
      frames: explicitFrames(duration, frameRate),
    };
  }
  const probed = probes.get(source);
  const gain = gains.get(source) ?? 0;
  return {
    title: programme.title || probed?.title || nameOf(source),
    source: { kind: 'file', url: source, inPoint, ...(gain !== 0 && { gain }) },
    frames:
      duration === undefined
        ? measuredFrames(source, index, probed?.duration ?? null, inPoint, frameRate)
        : explicitFrames(duration, frameRate),
  };
}

// A decimal duration is at most half a microsecond off the exact one that was meant (301/30 s is written
// 10.033333), so a programme that lacks less than a microsecond to its last frame has that frame.
function explicitFrames(seconds: number, frameRate: Rational): number {
  const micros = BigInt(Math.round(seconds * 1_000_000)) + 1n;
  const frames = floorDiv(micros * BigInt(frameRate.num), 1_000_000n * BigInt(frameRate.den));
  return Math.max(1, Number(frames));
}

function measuredFrames(
  source: string,
  index: number,
  duration: Rational | null,
  inPoint: Rational,
  frameRate: Rational,
): number {
  if (duration === null) {
    throw new HeadendError(
      'SOURCE_INVALID',
      'schedule',
      `programme ${index}: ${source} does not say how long it is; give the programme a duration in seconds`,
    );
  }
  const num =
    BigInt(duration.num) * BigInt(inPoint.den) - BigInt(inPoint.num) * BigInt(duration.den);
  if (num <= 0n) {
    throw new HeadendError(
      'INVALID_OPTIONS',
      'schedule',
      `programme ${index}: inPoint must be before the end of ${source} at ` +
        `${(duration.num / duration.den).toFixed(3)} s, got ${inPoint.num / inPoint.den}`,
    );
  }
  const den = BigInt(duration.den) * BigInt(inPoint.den);
  const frames = floorDiv(num * BigInt(frameRate.num), den * BigInt(frameRate.den));
  return Math.max(1, Number(frames));
}

function wholeFrames(seconds: Rational, frameRate: Rational): number {
  return Number(
    floorDiv(
      BigInt(seconds.num) * BigInt(frameRate.num),
      BigInt(seconds.den) * BigInt(frameRate.den),
    ),
  );
}

function nameOf(source: string): string {
  const path = URL.canParse(source) ? new URL(source).pathname : source;
  return basename(path, extname(path)) || source;
}
