// How many positions per second become durable: through Batcher and journal, against one commit per position.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Batcher } from '../lib/flow/batcher.js';
import type { FileJournal } from '../lib/journal/journal.js';
import { openJournal } from '../lib/journal/open-journal.js';
import type { PositionReported } from '../lib/journal/operations.js';
import { JournalStore } from '../lib/journal/store.js';
import { type Bench, type Figures, figure, ratio } from './harness/bench.js';

const SESSIONS = 20_000;
const DURATION_MS = 10_000;

/** A file of positions that is open, and how positions are written to it: `write` resolves with how many became durable. */
interface Way {
  write(positions: AsyncIterable<PositionReported>): Promise<number>;
  close(): unknown;
}

/** Positions as fast as they are taken, for the time of the trial. */
async function* positions(sessions: readonly string[]): AsyncGenerator<PositionReported> {
  const end = performance.now() + DURATION_MS;
  for (let n = 0; performance.now() < end; n++) {
    yield {
      ...{ type: 'position', channelId: 'news', rendition: '720p' },
      // In no order that the file has.
      sessionId: sessions[(n * 7919) % sessions.length] ?? '',
      ...{ segmentNumber: n, atMs: Date.now() },
    };
  }
}

async function openFile(
  file: string,
  sessions: readonly string[],
  options: { maxBatchOperations?: number } = {},
): Promise<FileJournal> {
  const onFault = (fault: Error) => {
    throw fault;
  };
  const journal = await openJournal({ file, onFault, ...options });
  for (const sessionId of sessions) {
    void journal.record({ type: 'session-opened', channelId: 'news', sessionId, atMs: Date.now() });
  }
  await journal.flush();
  return journal;
}

/** Each position is durable before the next one is recorded. */
function oneByOne(journal: FileJournal): Way {
  return {
    close: () => journal.close(),
    async write(source) {
      let count = 0;
      for await (const each of source) {
        void journal.record(each);
        await journal.flush();
        count++;
      }
      return count;
    },
  };
}

/** Two thousand positions may wait for the disk while the next thousand is recorded. */
function batched(journal: FileJournal): Way {
  return {
    close: () => journal.close(),
    async write(source) {
      const waiting: Promise<unknown>[] = [];
      let recorded: Promise<void>[] = [];
      let count = 0;
      for await (const each of source) {
        recorded.push(journal.record(each));
        if (++count % 1000 > 0) continue;
        waiting.push(Promise.all(recorded));
        recorded = [];
        if (waiting.length > 2) await waiting.shift();
      }
      await Promise.all([...waiting, ...recorded]);
      return count;
    },
  };
}

/** The same commits without a thread of their own. */
async function onMainThread(journal: FileJournal, file: string, maxSize: number): Promise<Way> {
  await journal.close();
  const store = new JournalStore({
    ...{ file, lockTimeoutMs: 0, sessionTimeoutMs: 30_000 },
    ...{ maxAgeMs: 1e9, maxRows: 1e6, maxFileBytes: 1e9 },
  });
  store.open();
  return {
    close: () => store.close(),
    async write(source) {
      const batcher = new Batcher<PositionReported>({ maxSize, maxLatencyMs: 100 });
      let count = 0;
      for await (const output of batcher.batches(source)) {
        if (output.kind === 'error') throw output.error;
        store.commit(`${count}`, output.items, Date.now());
        count += output.items.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return count;
    },
  };
}

type OpenWay = (file: string, sessions: readonly string[]) => Promise<Way>;

const WAYS: Readonly<Record<string, OpenWay>> = {
  'one position per commit': async (...target) => oneByOne(await openFile(...target)),
  'at most 16 per commit': async (...target) =>
    batched(await openFile(...target, { maxBatchOperations: 16 })),
  'Batcher and journal': async (...target) => batched(await openFile(...target)),
  'no thread, one per commit': async (...target) =>
    onMainThread(await openFile(...target), target[0], 1),
  'no thread, 1,000 per commit': async (...target) =>
    onMainThread(await openFile(...target), target[0], 1000),
};

async function measure(way: Way, sessions: readonly string[]): Promise<Figures> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begin = performance.now();
  const count = await way.write(positions(sessions));
  const seconds = (performance.now() - begin) / 1000;
  delay.disable();
  return { perSecond: count / seconds, longestBlockMs: delay.max / 1e6 };
}

export const bench: Bench = {
  title: 'Durable positions',
  about:
    `Positions of ${SESSIONS.toLocaleString('en')} sessions, written for ${DURATION_MS / 1000} s as fast as they become ` +
    'durable, and the longest time that the main thread did not turn its event loop meanwhile. The file lies in the ' +
    'folder of temporary files: name one on the disk in question with TMPDIR. A viewer reports a position every four ' +
    'seconds: 100,000 a second are 400,000 viewers. Goals: Batcher and journal at least 50 times one position per ' +
    'commit, and at least 100,000 positions per second.',
  variants: Object.keys(WAYS),
  async trial(variant) {
    const folder = await mkdtemp(join(tmpdir(), 'headend-bench-'));
    try {
      const sessions = Array.from({ length: SESSIONS }, () => randomUUID());
      const way = await WAYS[variant]?.(join(folder, 'journal.db'), sessions);
      if (way === undefined) throw new RangeError(`no way ${variant}`);
      const figures = await measure(way, sessions);
      await way.close();
      return figures;
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  rows: (rounds) =>
    Object.keys(WAYS).map((way) => ({
      way,
      'positions per second': Math.round(figure(rounds, way, 'perSecond')),
      ratio: ratio(rounds, way, 'perSecond', 'one position per commit'),
      'main thread blocked, ms': figure(rounds, way, 'longestBlockMs'),
    })),
};
