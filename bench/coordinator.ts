// What a look of the coordinator at a thousand channels costs: node --import tsx bench/coordinator.ts [channels]
import type { Engine } from '../lib/engine/engine.js';
import { completeLadder, DEFAULT_LADDER } from '../lib/ladder.js';
import { SegmentStore } from '../lib/store/segment-store.js';
import { BatchCoordinator } from '../lib/stream/batch-coordinator.js';
import { StreamManager } from '../lib/stream/stream-manager.js';
import { WorkScheduler } from '../lib/stream/work-scheduler.js';
import { channelFormat, Grid } from '../lib/timeline/grid.js';
import { ResolvedLoop } from '../lib/timeline/schedule.js';
import { CostEngine, Machine } from '../test/simulator/machine.js';
import { SimClock } from '../test/simulator/sim-clock.js';

const channels = Number(process.argv[2] ?? 1000);
const VIEWERS = 10;
const TICKS = 200;

const epoch = Date.parse('2025-01-01T00:00:00.000Z');
const clock = new SimClock(epoch + 1_000_000_000);
const engine: Engine = new CostEngine(new Machine(clock, 10_000));
const silent = () => {};
const streams = new StreamManager({
  engine,
  clock,
  store: new SegmentStore({ clock, maxBytes: 1e9 }),
  events: { fault: silent, channel: silent, batch: silent, session: silent, warning: silent },
  journal: null,
  scheduler: new WorkScheduler({ clock, slots: 10_000 }),
  admission: 'off',
  coordinatorIntervalMs: 60_000,
});
const grid = new Grid(epoch, channelFormat({ num: 30, den: 1 }, 4));
// The coordinator of the bench looks at the same channels, so that its looks alone are measured.
const coordinator = new BatchCoordinator({ clock, intervalMs: 2000, onError: console.error });
for (let n = 0; n < channels; n++) {
  const stream = streams.add({
    grid,
    schedule: new ResolvedLoop([{ title: 'P', source: { kind: 'slate' }, frames: 1800 }], 0),
    producer: {
      channelId: `c${n}`,
      title: '',
      format: grid.format,
      rungs: completeLadder(DEFAULT_LADDER),
      audioBitrate: 128_000,
      fontFile: '',
    },
    startRung: '720p',
    playlistSegments: 10,
    batch: { segments: 10, threshold: 4 },
    graceMs: 3_600_000,
    viewerTimeoutMs: 3_600_000,
  });
  for (let viewer = 0; viewer < VIEWERS; viewer++) await stream.register(`viewer-${viewer}`);
  coordinator.add(stream);
}
await clock.advance(5000);

const times: number[] = [];
for (let n = 0; n < TICKS; n++) {
  const begin = performance.now();
  coordinator.tick();
  times.push(performance.now() - begin);
}
times.sort((a, b) => a - b);
const at = (part: number) => (times[Math.floor(part * TICKS)] ?? 0).toFixed(2);
console.log(`one look at ${channels} channels with ${VIEWERS} viewers each, ${TICKS} times:`);
console.log(`median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, longest ${at(0.999)} ms`);
coordinator.stop();
process.exit();
