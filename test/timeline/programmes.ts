// Programmes and contexts for tests of schedules: lengths in frames, no files.
import fc from 'fast-check';
import type { ResolvedProgramme } from '../../lib/timeline/airing.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { ResolvedLoop } from '../../lib/timeline/loop.js';
import type { ResolveContext } from '../../lib/timeline/resolve.js';
import { FakeClock } from '../stream/fake-clock.js';
import { FakeEngine, probeResult } from '../stream/fake-engine.js';

export const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
export const FRAME_RATE = { num: 25, den: 1 };
export const GRID = new Grid(EPOCH, channelFormat(FRAME_RATE, 4));

/** A programme of a file that nobody opens. */
export function programme(name: string, frames: number): ResolvedProgramme {
  return { title: name, source: { kind: 'file', url: name, inPoint: { num: 0, den: 1 } }, frames };
}

export function loopOf(lengths: readonly number[], anchorFrame = 0, prefix = 'L'): ResolvedLoop {
  return new ResolvedLoop(
    lengths.map((frames, index) => programme(`${prefix}${index}`, frames)),
    anchorFrame,
  );
}

/** Lengths of programmes in frames. */
export const lengths = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 12 });

/** What a schedule is resolved with; every file of `durations` (in seconds) can be measured. */
export function contextOf(
  durations: Readonly<Record<string, number>> = {},
  more: Partial<ResolveContext> = {},
): ResolveContext & { readonly clock: FakeClock; readonly engine: FakeEngine } {
  const clock = new FakeClock(EPOCH);
  const engine = new FakeEngine(clock);
  for (const [url, seconds] of Object.entries(durations)) {
    const duration = { num: Math.round(seconds * 1000), den: 1000 };
    engine.probes.set(url, probeResult({ duration }));
  }
  return { grid: GRID, probe: (url) => engine.probe(url), ...more, clock, engine };
}
