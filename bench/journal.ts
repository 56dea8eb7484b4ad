// How many positions per second become durable: through Batcher and journal, against one commit per position. Each
// trial is a process of its own; the ways take turns, and the median of each counts.
//   node --import tsx bench/journal.ts [ROUNDS]
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Trial } from './journal-trial.js';

const WAYS = {
  'one-by-one': 'the journal, each position durable before the next',
  'batches-of-16': 'Batcher and journal, at most 16 positions per commit',
  batched: 'Batcher and journal as they are (adaptive, up to 1000 per commit)',
  'main-thread-one-by-one': 'no thread: one commit per position',
  'main-thread': 'no thread: 1000 positions per commit',
} as const;

type Way = keyof typeof WAYS;

/** Medians of one way. */
export interface JournalResult {
  readonly way: Way;
  readonly perSecond: number;
  readonly longestBlockMs: number;
}

const TRIAL = fileURLToPath(new URL('./journal-trial.ts', import.meta.url));
const ways = Object.keys(WAYS).filter((way): way is Way => way in WAYS);

async function trial(way: Way): Promise<Trial> {
  // In the home of temporary files: name a folder on the disk in question with TMPDIR.
  const folder = await mkdtemp(join(tmpdir(), 'headend-bench-'));
  try {
    const args = ['--import', 'tsx', TRIAL, way, folder];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Runs all trials and prints what came of them. */
export async function benchJournal(rounds = 5): Promise<JournalResult[]> {
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `${cpus()[0]?.model}, ${availableParallelism()} cores, load ${load} before, Node ${process.version}`,
  );
  const trials = new Map<Way, Trial[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) trials.get(way)?.push(await trial(way));
  }
  const results = ways.map((way) => {
    const of = trials.get(way) ?? [];
    return {
      way,
      perSecond: median(of.map(({ perSecond }) => perSecond)),
      longestBlockMs: median(of.map(({ longestBlockMs }) => longestBlockMs)),
    };
  });
  for (const { way, perSecond, longestBlockMs } of results) {
    const rate = Math.round(perSecond).toLocaleString('en').padStart(9);
    console.log(
      `${rate}/s  main thread blocked ${longestBlockMs.toFixed(0)} ms at most  ${WAYS[way]}`,
    );
  }
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await benchJournal(Number(process.argv[2] ?? 5));
}
