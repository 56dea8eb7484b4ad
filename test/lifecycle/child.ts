// A process of its own that starts the engine and leaves in one of several ways; lifecycle.test.ts runs it.
// Prints one line of JSON about what was left behind and must then end by itself.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, Worker } from 'node:worker_threads';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HeadendError } from '../../lib/errors.js';
import { Collector, fileItem, type Item, PRODUCER, request } from '../support/engine-run.js';

/** What the process reports. */
export interface ChildReport {
  /** How the batch in flight ended. */
  readonly batch: string;
  readonly stopMs: number;
  /** Names of threads that were not there before the engine. */
  readonly threads: readonly string[];
  readonly files: readonly string[];
}

const [way = '', url = ''] = process.argv.slice(2);
const items: Item[] = [fileItem(url, 0, 100)];

/** Names of this process's threads, without Node's own, which come and go. */
function threads(): string[] {
  const names = readdirSync('/proc/self/task').map((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim();
    } catch {
      return '';
    }
  });
  return names.filter(
    (name) =>
      name !== '' &&
      !/^(node|MainThread|libuv-worker|V8Worker|DelayedTaskSche|SignalInspector|Worker|WorkerThread)/i.test(
        name,
      ),
  );
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd');
}

async function stopInMidBatch(stop: 'producer' | 'engine', from: number): Promise<void> {
  const [threadsBefore, filesBefore] = [threads(), openFiles()];
  const engine = createNativeEngine();
  const collector = new Collector();
  const producer = engine.createProducer(PRODUCER, collector);
  const batch = producer.produce(request(items, from, 500)).then(
    () => 'finished',
    (error: unknown) => (error instanceof HeadendError ? error.code : String(error)),
  );
  if (way === 'fifo') await sleep(300);
  else
    await new Promise<void>((resolve) => {
      collector.onEach = () => resolve();
    });
  const begin = performance.now();
  if (stop === 'producer') await producer.stop();
  await engine.close();
  const stopMs = performance.now() - begin;
  const report: ChildReport = {
    batch: await batch,
    stopMs,
    threads: threads().filter((name) => !threadsBefore.includes(name)),
    files: openFiles().filter((name) => !filesBefore.includes(name)),
  };
  console.log(JSON.stringify(report));
}

/** Starts a batch and resolves when it has given a segment. */
async function startBatch(): Promise<void> {
  const collector = new Collector();
  const producer = createNativeEngine().createProducer(PRODUCER, collector);
  producer.produce(request(items, 0, 500)).catch(() => {});
  await new Promise<void>((resolve) => {
    collector.onEach = () => resolve();
  });
}

/** A parked producer must not keep the process alive. */
async function leaveParked(): Promise<void> {
  const producer = createNativeEngine().createProducer(PRODUCER, new Collector());
  await producer.produce(request(items, 0, 1));
}

async function terminateWorker(): Promise<void> {
  const script = JSON.stringify(import.meta.url);
  const source = `import('tsx/esm/api').then(({ register }) => (register(), import(${script})))`;
  const worker = new Worker(source, { eval: true, argv: ['in-worker', url], execArgv: [] });
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  await worker.terminate();
}

const ways: Readonly<Record<string, () => Promise<void>>> = {
  producer: () => stopInMidBatch('producer', 0),
  fifo: () => stopInMidBatch('producer', 0),
  engine: () => stopInMidBatch('engine', 3),
  parked: leaveParked,
  exit: async () => {
    await startBatch();
    process.exit(7);
  },
  throw: async () => {
    await startBatch();
    throw new Error('uncaught on purpose');
  },
  worker: terminateWorker,
  'in-worker': async () => {
    await startBatch();
    parentPort?.postMessage('producing');
  },
};

const leave = ways[way];
if (leave === undefined) throw new Error(`unknown way to leave: ${way}`);
await leave();
