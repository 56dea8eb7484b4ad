// Engines do not disturb each other: several in one process, several in worker threads, while others fail, are
// closed in mid-batch or are torn down with their threads. D10.
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createNativeEngine } from '../../lib/engine/native.js';
import { describeCodes } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { readFrames } from '../fixtures/read.js';
import {
  Collector,
  expectedCodes,
  fileItem,
  type Item,
  PRODUCER,
  request,
} from '../support/engine-run.js';
import { resources } from './resources.js';

const RUNG = '180p';
const SEGMENTS = 4;

interface Context {
  first: Item[];
  second: Item[];
}

const test = suite<Context>('isolation');

test.before(async (context) => {
  const [one, two] = [
    { programme: 1, frames: 225 },
    { programme: 2, frames: 225 },
  ];
  context.first = [fileItem((await makeFixture(one)).path, 1, 115, 10)];
  context.second = [fileItem((await makeFixture(two)).path, 2, 95, 5)];
});

/** Segments [0, 4) of the items in batches of one, on an engine of their own. */
async function produceAlone(items: readonly Item[]): Promise<Collector> {
  const collector = new Collector();
  const engine = createNativeEngine();
  const producer = engine.createProducer(PRODUCER, collector);
  for (let from = 0; from < SEGMENTS; from += 1)
    await producer.produce(request(items, from, 1, [RUNG]));
  await engine.close();
  return collector;
}

async function assertUndisturbed(collector: Collector, items: readonly Item[]): Promise<void> {
  const { codes, complaints } = await readFrames(collector.joined(RUNG));
  assert.is(complaints, '');
  assert.is(describeCodes(codes), describeCodes(expectedCodes(items, 0, SEGMENTS)));
  assert.equal(collector.faults, []);
}

function busyWorker(): Worker {
  const script = JSON.stringify(new URL('./busy-worker.ts', import.meta.url).href);
  const source = `import('tsx/esm/api').then(({ register }) => (register(), import(${script})))`;
  return new Worker(source, { eval: true, execArgv: [] });
}

/** Resolves when the worker's engine produces. */
function busy(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
}

/** Starts engines whose batches never end and closes them in the middle, one after the other, until told to stop. */
async function closeInMidBatch(items: readonly Item[], goesOn: () => boolean): Promise<number> {
  let closed = 0;
  while (goesOn()) {
    const engine = createNativeEngine();
    const collector = new Collector();
    const begun = new Promise<void>((resolve) => {
      collector.onEach = () => resolve();
    });
    const batch = engine
      .createProducer(PRODUCER, collector)
      .produce(request(items, 0, 500, [RUNG]));
    const ended = batch.then(
      () => 'done',
      (error: { readonly code?: string }) => error.code,
    );
    await begun;
    await engine.close();
    assert.is(await ended, 'ENGINE_STOPPED');
    closed += 1;
  }
  return closed;
}

test('two engines of one process make their channels while a third is started and closed', async ({
  first,
  second,
}) => {
  let both = true;
  const others = closeInMidBatch(second, () => both);
  const [one, two] = await Promise.all([produceAlone(first), produceAlone(second)]);
  both = false;
  assert.ok((await others) > 0);
  await assertUndisturbed(one, first);
  await assertUndisturbed(two, second);
});

test('a fault reaches the engine whose source is at fault, and no other', async ({ first }) => {
  const missing: Item[] = [{ ...fileItem('/nowhere/at/all.mp4', 0, 100), programme: null }];
  const [good, bad] = await Promise.all([produceAlone(first), produceAlone(missing)]);
  await assertUndisturbed(good, first);
  assert.ok(bad.faults.length > 0);
  assert.ok(bad.faults.every(({ code }) => code === 'SOURCE_NOT_FOUND'));
});

test('worker threads that are terminated while their engine speaks leave the others alone', async ({
  first,
}) => {
  await produceAlone(first); // Node's own threads and files are there before anything is counted
  const before = resources();
  const channel = produceAlone(first);
  const neighbour = busyWorker();
  await busy(neighbour);
  for (let round = 0; round < 20; round += 1) {
    const worker = busyWorker();
    await busy(worker);
    await worker.terminate();
  }
  await assertUndisturbed(await channel, first);
  await neighbour.terminate();
  const after = resources();
  assert.equal(
    after.threads.filter((name) => !before.threads.includes(name)),
    [],
  );
  assert.equal(
    after.files.filter((name) => !before.files.includes(name)),
    [],
  );
});

test.run();
