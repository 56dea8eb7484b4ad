// One trial of bench/journal.ts in a process of its own: writes positions in one way for a while and prints, as JSON,
// how many became durable per second. The child of journal.ts; `node --import tsx bench/journal-trial.ts WAY FOLDER`.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Batcher } from '../lib/flow/batcher.js';
import type { FileJournal } from '../lib/journal/journal.js';
import { openJournal } from '../lib/journal/open-journal.js';
import type { PositionReported } from '../lib/journal/operations.js';
import { JournalStore } from '../lib/journal/store.js';

/** What a trial reports. */
export interface Trial {
  readonly positions: number;
  readonly perSecond: number;
  /** Longest time that the main thread did not turn its event loop. */
  readonly longestBlockMs: number;
}

const [way = '', folder = ''] = process.argv.slice(2);
const file = join(folder, 'journal.db');
/** A viewer reports a position every four seconds: a hundred thousand a second are four hundred thousand viewers. */
const SESSIONS = Array.from({ length: 20_000 }, () => randomUUID());
const DURATION_MS = 3000;

function position(n: number): PositionReported {
  return {
    type: 'position',
    channelId: 'news',
    // In no order that the file has.
    sessionId: SESSIONS[(n * 7919) % SESSIONS.length] ?? '',
    rendition: '720p',
    segmentNumber: n,
    atMs: Date.now(),
  };
}

/** Positions as fast as they are taken, for the time of the trial. */
async function* positions(): AsyncGenerator<PositionReported> {
  const end = performance.now() + DURATION_MS;
  for (let n = 0; performance.now() < end; n++) yield position(n);
}

async function open(options: { maxBatchOperations?: number } = {}): Promise<FileJournal> {
  const onFault = (fault: Error) => {
    throw fault;
  };
  const journal = await openJournal({ file, onFault, ...options });
  for (const sessionId of SESSIONS) {
    void journal.record({ type: 'session-opened', channelId: 'news', sessionId, atMs: Date.now() });
  }
  await journal.flush();
  return journal;
}

/** The journal's file without its thread. */
async function openStore(): Promise<JournalStore> {
  await (await open()).close();
  const store = new JournalStore({
    ...{ file, lockTimeoutMs: 0, sessionTimeoutMs: 30_000 },
    ...{ maxAgeMs: 1e9, maxRows: 1e6, maxFileBytes: 1e9 },
  });
  store.open();
  return store;
}

/** Each position is durable before the next one is recorded. */
async function oneByOne(journal: FileJournal): Promise<number> {
  let count = 0;
  for await (const each of positions()) {
    void journal.record(each);
    await journal.flush();
    count++;
  }
  return count;
}

/** Through a Batcher; two of its batches may wait for the disk while the next one is gathered. */
async function batched(journal: FileJournal): Promise<number> {
  const batcher = new Batcher<PositionReported>({ maxSize: 1000, maxLatencyMs: 100 });
  const waiting: Promise<unknown>[] = [];
  let count = 0;
  for await (const output of batcher.batches(positions())) {
    if (output.kind === 'error') throw output.error;
    waiting.push(Promise.all(output.items.map((item) => journal.record(item))));
    count += output.items.length;
    if (waiting.length > 2) await waiting.shift();
  }
  await Promise.all(waiting);
  return count;
}

/** The same commits without a thread of their own. */
async function onMainThread(store: JournalStore, maxSize: number): Promise<number> {
  const batcher = new Batcher<PositionReported>({ maxSize, maxLatencyMs: 100 });
  let count = 0;
  for await (const output of batcher.batches(positions())) {
    if (output.kind === 'error') throw output.error;
    store.commit(`${count}`, output.items);
    count += output.items.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return count;
}

const ways: Readonly<Record<string, () => Promise<() => Promise<number>>>> = {
  'one-by-one': async () => {
    const journal = await open();
    return () => oneByOne(journal);
  },
  batched: async () => {
    const journal = await open();
    return () => batched(journal);
  },
  'batches-of-16': async () => {
    const journal = await open({ maxBatchOperations: 16 });
    return () => batched(journal);
  },
  'main-thread': async () => {
    const store = await openStore();
    return () => onMainThread(store, 1000);
  },
  'main-thread-one-by-one': async () => {
    const store = await openStore();
    return () => onMainThread(store, 1);
  },
};

const prepare = ways[way];
if (prepare === undefined) throw new Error(`unknown way: ${way}`);
const trial = await prepare();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const begin = performance.now();
const count = await trial();
const seconds = (performance.now() - begin) / 1000;
delay.disable();
const report: Trial = {
  positions: count,
  perSecond: count / seconds,
  longestBlockMs: delay.max / 1e6,
};
console.log(JSON.stringify(report));
process.exit();
