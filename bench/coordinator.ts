// What a look of the coordinator at a thousand channels costs.
import type { Engine } from '../lib/engine/engine.js';
import { SegmentStore } from '../lib/store/segment-store.js';
import { BatchCoordinator } from '../lib/stream/batch-coordinator.js';
import { StreamManager } from '../lib/stream/stream-manager.js';
import { WorkScheduler } from '../lib/stream/work-scheduler.js';
import { channel, EPOCH } from '../test/simulator/channels.js';
import { CostEngine, Machine } from '../test/simulator/machine.js';
import { FakeClock } from '../test/stream/fake-clock.js';
import { type Bench, type Figures, figure } from './harness/bench.js';

const CHANNELS: Readonly<Record<string, number>> = { '100': 100, '1,000': 1000 };
const VIEWERS = 10;
const TICKS = 200;

function silentStreams(clock: FakeClock): StreamManager {
  const silent = () => {};
  const engine: Engine = new CostEngine(new Machine(clock, 10_000));
  return new StreamManager({
    engine,
    clock,
    store: new SegmentStore({ clock, maxBytes: 1e9 }),
    events: { fault: silent, channel: silent, batch: silent, session: silent, warning: silent },
    journal: null,
    scheduler: new WorkScheduler({ clock, slots: 10_000 }),
    admission: 'off',
    coordinatorIntervalMs: 60_000,
  });
}

/** A coordinator of its own looks at the channels, so that its looks alone are measured. */
async function coordinate(channels: number): Promise<BatchCoordinator> {
  const clock = new FakeClock(EPOCH + 1_000_000_000, 1);
  const streams = silentStreams(clock);
  const coordinator = new BatchCoordinator({ clock, intervalMs: 2000, onError: console.error });
  for (let n = 0; n < channels; n++) {
    const stream = streams.add(channel(n, { segments: 10, threshold: 4 }, 3_600_000));
    for (let viewer = 0; viewer < VIEWERS; viewer++) await stream.register(`viewer-${viewer}`);
    coordinator.add(stream);
  }
  await clock.advance(5000);
  return coordinator;
}

function looks(coordinator: BatchCoordinator): Figures {
  const times = Array.from({ length: TICKS }, () => {
    const begin = performance.now();
    coordinator.tick();
    return performance.now() - begin;
  }).sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * (TICKS - 1))] ?? Number.NaN;
  return { medianMs: at(0.5), p95Ms: at(0.95), longestMs: at(1) };
}

export const bench: Bench = {
  title: 'A look of the coordinator',
  about:
    `Milliseconds that the coordinator takes to look at all channels once, ${VIEWERS} viewers each, in ${TICKS} looks ` +
    'one after the other. The engine is simulated: nothing is encoded.',
  variants: Object.keys(CHANNELS),
  async trial(variant) {
    const coordinator = await coordinate(CHANNELS[variant] ?? Number.NaN);
    const figures = looks(coordinator);
    coordinator.stop();
    return figures;
  },
  rows: (rounds) =>
    Object.keys(CHANNELS).map((channels) => ({
      channels,
      'median, ms': figure(rounds, channels, 'medianMs'),
      '95th percentile, ms': figure(rounds, channels, 'p95Ms'),
      'longest, ms': figure(rounds, channels, 'longestMs'),
    })),
};
