// A process of its own that opens and closes the engine many times; leaks.test.ts runs it with --expose-gc.
// Arguments: FILE, how many cycles come before the first measurement, how many measurements follow it, and how many
// cycles come before each of these.
import { setImmediate as turn } from 'node:timers/promises';
import { createNativeEngine } from '../../lib/engine/native.js';
import { Collector, fileItem, PRODUCER, request } from '../support/engine-run.js';
import { residentBytes, resources } from './resources.js';

/** What the process held at a moment between two cycles. */
export interface Held {
  readonly threads: number;
  readonly files: number;
  readonly residentBytes: number;
  /** Memory outside V8's heap that it knows of: segments among it. */
  readonly externalBytes: number;
}

const [file = '', warmUp = '', measurements = '', cycles = ''] = process.argv.slice(2);
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

async function measure(): Promise<Held> {
  // Finalizers of buffers run in turns of their own.
  for (let pass = 0; pass < 5; pass += 1) {
    globalThis.gc?.();
    await turn();
  }
  const { threads, files } = resources();
  return {
    threads: threads.length,
    files: files.length,
    residentBytes: residentBytes(),
    externalBytes: process.memoryUsage().external,
  };
}

async function run(count: number): Promise<Held> {
  for (let number = 0; number < count; number += 1) await cycle(number);
  return measure();
}

const held = [await run(Number(warmUp))];
while (held.length <= Number(measurements)) held.push(await run(Number(cycles)));
console.log(JSON.stringify(held));
