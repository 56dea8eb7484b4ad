// A process of its own that brings the engine into a state and leaves it in one of several ways; leave.test.ts runs
// it. Arguments: STATE WAY FILE SILENT, SILENT being a URL of the silent server.
import { parentPort, Worker } from 'node:worker_threads';
import type { Engine, Producer } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HeadendError } from '../../lib/errors.js';
import { Collector, fileItem, PRODUCER, request } from '../support/engine-run.js';
import { resources } from './resources.js';
import { type ChildReport, STATES, type State } from './states.js';

const [state = '', way = '', file = '', silent = ''] = process.argv.slice(2);

/** An engine in a state, and how what it does ends. */
interface Life {
  readonly engine: Engine;
  readonly inFlight: Promise<string>;
}

function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof HeadendError ? error.code : String(error)),
  );
}

const nothing = Promise.resolve('done');

/** A batch that is far from its end. */
function start(producer: Producer, url: string, from = 3): Promise<string> {
  return outcome(producer.produce(request([fileItem(url, 0, 100)], from, 500)));
}

async function produceUntilFirst(
  engine: Engine,
  url = file,
  from = 3,
): Promise<[Producer, Promise<string>]> {
  const collector = new Collector();
  const first = new Promise<void>((resolve) => {
    collector.onEach = () => resolve();
  });
  const producer = engine.createProducer(PRODUCER, collector);
  const batch = start(producer, url, from);
  await first;
  return [producer, batch];
}

/** One way into each state. */
const enter: Readonly<Record<State, (engine: Engine) => Promise<Life>>> = {
  created: async (engine) => {
    engine.createProducer(PRODUCER, new Collector());
    return { engine, inFlight: nothing };
  },
  probing: async (engine) => ({ engine, inFlight: outcome(engine.probe(file)) }),
  'probing silence': async (engine) => {
    const inFlight = outcome(engine.probe(silent));
    await asked();
    return { engine, inFlight };
  },
  starting: async (engine) => {
    const producer = engine.createProducer(PRODUCER, new Collector());
    return { engine, inFlight: start(producer, file) };
  },
  'starting on silence': async (engine) => {
    const producer = engine.createProducer(PRODUCER, new Collector());
    const inFlight = start(producer, silent);
    await asked();
    return { engine, inFlight };
  },
  producing: async (engine) => {
    const [, inFlight] = await produceUntilFirst(engine);
    return { engine, inFlight };
  },
  starved: async (engine) => {
    // The server holds back what comes after some seconds: reading ahead, the engine is there by the first segment.
    const [, inFlight] = await produceUntilFirst(engine, new URL('/half.ts', silent).href, 0);
    await asked();
    return { engine, inFlight };
  },
  parked: async (engine) => {
    const producer = engine.createProducer(PRODUCER, new Collector());
    await producer.produce(request([fileItem(file, 0, 100)], 3, 1));
    return { engine, inFlight: nothing };
  },
  stopping: async (engine) => {
    const [producer, inFlight] = await produceUntilFirst(engine);
    void producer.stop();
    return { engine, inFlight };
  },
  closed: async (engine) => {
    const [, inFlight] = await produceUntilFirst(engine);
    await engine.close();
    return { engine, inFlight };
  },
};

/** Resolves when the silent server has been asked for a file and has said all it will: the engine waits for it now. */
async function asked(): Promise<void> {
  await fetch(new URL('/asked', silent));
}

function isState(value: string): value is State {
  return STATES.some((known) => known === value);
}

async function live(): Promise<Life> {
  if (!isState(state)) throw new Error(`unknown state: ${state}`);
  return enter[state](createNativeEngine());
}

async function report(before: ReturnType<typeof resources>, stopMs: number, inFlight: string) {
  const after = resources();
  const made: ChildReport = {
    stopMs,
    inFlight,
    threads: after.threads.filter((name) => !before.threads.includes(name)),
    files: after.files.filter((name) => !before.files.includes(name)),
  };
  console.log(JSON.stringify(made));
}

async function terminateWorker(): Promise<void> {
  // The helper thread of tsx and the like are there before anything is counted.
  const source = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(import.meta.url)})))`;
  const before = resources();
  const worker = new Worker(source, {
    eval: true,
    argv: [state, 'stay', file, silent],
    execArgv: [],
  });
  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  const begin = performance.now();
  await worker.terminate();
  await report(before, performance.now() - begin, 'never');
}

async function close(): Promise<void> {
  if (silent !== '') await fetch(new URL('/ready', silent)); // opens what fetch keeps open
  const before = resources();
  const { engine, inFlight } = await live();
  const begin = performance.now();
  await engine.close();
  const stopMs = performance.now() - begin;
  await report(before, stopMs, await inFlight);
}

/** In the worker thread: says that the state is reached and stays in it. */
async function stay(): Promise<void> {
  await live();
  parentPort?.postMessage('ready');
}

if (way === 'close') await close();
else if (way === 'terminate') await terminateWorker();
else if (way === 'stay') await stay();
else {
  await live();
  if (way === 'exit') process.exit(7);
  throw new Error('uncaught on purpose');
}
