// A process of its own that opens and closes the engine many times; leaks.test.ts runs it with --expose-gc.
// Arguments: FILE, and the numbers of held.ts.
import { createNativeEngine } from '../../lib/engine/native.js';
import { Collector, fileItem, PRODUCER, request } from '../support/engine-run.js';
import { printHeld } from './held.js';

const [file = '', ...counts] = process.argv.slice(2);
const items = [fileItem(file, 0, 100)];
const OPTIONS = {
  ...PRODUCER,
  format: {
    ...PRODUCER.format,
    ...{ framesPerSegment: 5, keyFrameInterval: 5, framesPerFragment: 5 },
  },
  rungs: [
    {
      ...{ id: 'small', width: 320, height: 180, preset: 'ultrafast' },
      ...{ bitrate: 300_000, maxrate: 300_000, bufsize: 600_000 },
    },
  ],
};

/** Every other cycle ends in mid-batch, and every third probes too. */
async function cycle(number: number): Promise<void> {
  const engine = createNativeEngine();
  const collector = new Collector();
  const begun = new Promise<void>((resolve) => {
    collector.onEach = () => resolve();
  });
  const producer = engine.createProducer(OPTIONS, collector);
  if (number % 3 === 0) await engine.probe(file);
  const count = number % 2 === 0 ? 1 : 500;
  const batch = producer.produce(request(items, number % 10, count, ['small'], 5));
  if (count === 1) await batch;
  else {
    batch.catch(() => {});
    await begun;
  }
  await engine.close();
}

const [warmUp = 0, stretches = 0, cycles = 0] = counts.map(Number);
await printHeld(cycle, { warmUp, stretches, cycles });
