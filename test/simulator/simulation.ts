// The whole control plane on a simulated machine with simulated viewers: everything is Headend's own but the encoding
// and the time. Runs take the same course every time.
import { delay } from '../../lib/clock.js';
import { SegmentStore } from '../../lib/store/segment-store.js';
import { StreamManager } from '../../lib/stream/stream-manager.js';
import { FakeClock } from '../stream/fake-clock.js';
import { channel, EPOCH } from './channels.js';
import { CostEngine, Machine } from './machine.js';
import { POLICIES, type Policy } from './policies.js';
import { type Visit, visit } from './viewer.js';

/** What is simulated. */
export interface Scenario {
  readonly policy: Policy;
  readonly cores: number;
  readonly channels: number;
  /** Viewers in front of their sets at any time. */
  readonly viewers: number;
  readonly minutes: number;
  readonly batch: { readonly segments: number; readonly threshold: number };
  readonly seed: number;
}

/** What came of it. Times in milliseconds. */
export interface Outcome {
  readonly visits: number;
  /** Of the machine's processor time. */
  readonly used: number;
  readonly tuneIn: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly underrunsPerHour: number;
  /** Part of the watching time. */
  readonly stalled: number;
  /** Jain's index of the channels' undisturbed time: 1 when all fare alike. */
  readonly fairness: number;
  /** Segments of renditions made for every segment of a picture that somebody got. */
  readonly made: number;
}

/** Simulates a scenario. */
export async function simulate(scenario: Scenario): Promise<Outcome> {
  const clock = new FakeClock(EPOCH + 1_000_000_500, 1);
  const random = generator(scenario.seed);
  const machine = new Machine(clock, scenario.cores);
  const engine = new CostEngine(machine);
  const streams = createStreams(scenario, clock, engine);
  const ids = Array.from({ length: scenario.channels }, (_, n) => `c${n}`);
  const visits: Visit[] = [];
  const endAt = clock.monotonic() + scenario.minutes * 60_000;
  const stop = new AbortController();

  // One seat: a viewer follows the other, and each zaps through a few channels before one is watched.
  const seat = async (number: number) => {
    await delay(clock, random() * 60_000, stop.signal);
    for (let n = 0; clock.monotonic() < endAt; n++) {
      const zaps = random() < 0.6;
      const plan = {
        sessionId: `viewer-${number}-${n}`,
        rung: pick(['1080p', '720p', '720p', '480p'], random()),
        laterRung: pick(['1080p', '720p', '480p'], random()),
        watchMs: zaps ? 3000 + random() * 15_000 : 60_000 + random() * 540_000,
        leaves: random() < 0.7,
      };
      // Popular channels have small numbers.
      const channel = pick(ids, random() ** 2);
      visits.push(await visit(streams.get(channel), clock, plan));
      await delay(clock, 200 + random() * 800, stop.signal);
    }
  };
  const seats = Array.from({ length: scenario.viewers }, (_, n) => seat(n).catch(() => {}));
  await clock.advance(scenario.minutes * 60_000);
  stop.abort(new Error('over'));
  const closed = streams.shutdown();
  await clock.advance(1000);
  await Promise.all([closed, ...seats]);
  const capacity = scenario.cores * scenario.minutes * 60_000;
  return summary(visits, machine.used / capacity, engine.made);
}

function createStreams(scenario: Scenario, clock: FakeClock, engine: CostEngine): StreamManager {
  const silent = () => {};
  const streams = new StreamManager({
    engine,
    clock,
    store: new SegmentStore({ clock, maxBytes: 1e9 }),
    events: { fault: silent, channel: silent, batch: silent, session: silent, warning: silent },
    journal: null,
    scheduler: POLICIES[scenario.policy](clock, scenario.cores),
    admission: 'off',
    coordinatorIntervalMs: 2000,
  });
  for (let n = 0; n < scenario.channels; n++) {
    streams.add(channel(n, scenario.batch, 30_000));
  }
  return streams;
}

function summary(visits: readonly Visit[], used: number, made: number): Outcome {
  const tuneIns = visits
    .map(({ tuneInMs, watchedMs }) => tuneInMs ?? watchedMs)
    .sort((a, b) => a - b);
  const quantile = (part: number) =>
    tuneIns[Math.min(tuneIns.length - 1, Math.floor(part * tuneIns.length))] ?? 0;
  const watched = visits.reduce((sum, { watchedMs }) => sum + watchedMs, 0);
  const stalled = visits.reduce((sum, { stalledMs }) => sum + stalledMs, 0);
  const underruns = visits.reduce((sum, visit) => sum + visit.underruns, 0);
  return {
    visits: visits.length,
    used,
    tuneIn: { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
    underrunsPerHour: underruns / (watched / 3_600_000),
    stalled: stalled / watched,
    fairness: fairness(visits),
    made: made / (watched / 4000),
  };
}

function fairness(visits: readonly Visit[]): number {
  const channels = new Map<string, { good: number; all: number }>();
  for (const { channelId, watchedMs, stalledMs, tuneInMs } of visits) {
    const sum = channels.get(channelId) ?? { good: 0, all: 0 };
    sum.all += watchedMs;
    sum.good += watchedMs - stalledMs - (tuneInMs ?? watchedMs);
    channels.set(channelId, sum);
  }
  const parts = Array.from(channels.values(), ({ good, all }) => good / all);
  const total = parts.reduce((sum, part) => sum + part, 0);
  const squares = parts.reduce((sum, part) => sum + part * part, 0);
  return squares === 0 ? 1 : total ** 2 / (parts.length * squares);
}

function pick(list: readonly string[], position: number): string {
  return list[Math.min(list.length - 1, Math.floor(position * list.length))] ?? '';
}

// mulberry32: numbers from 0 to 1, the same for the same seed.
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
