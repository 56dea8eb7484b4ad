// A worker thread whose engine tells it something all the time: segments of one tiny frame each, without an end.
// Says so when the first is there; isolation.test.ts terminates it.
import { parentPort } from 'node:worker_threads';
import { createNativeEngine } from '../../lib/engine/native.js';
import { Collector, PRODUCER } from '../support/engine-run.js';

const collector = new Collector();
collector.onEach = () => {
  collector.segments.length = 0;
  collector.onEach = () => {};
  parentPort?.postMessage('busy');
};
const producer = createNativeEngine().createProducer(
  {
    ...PRODUCER,
    format: {
      ...PRODUCER.format,
      ...{ framesPerSegment: 1, keyFrameInterval: 1, framesPerFragment: 1 },
    },
    rungs: [
      {
        ...{ id: 'tiny', width: 32, height: 32, preset: 'ultrafast' },
        ...{ bitrate: 50_000, maxrate: 50_000, bufsize: 100_000 },
      },
    ],
  },
  collector,
);
await producer.produce({
  ...{ from: 0, count: 1_000_000, rungs: ['tiny'] },
  timeline: [{ startFrame: 0, endFrame: 2_000_000, source: { kind: 'slate' } }],
});
