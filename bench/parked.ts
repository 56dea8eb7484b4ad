// What a parked producer holds: threads, open files and memory, at one rung and with the default ladder.
import { createNativeEngine } from '../lib/engine/native.js';
import { residentBytes, resources } from '../test/lifecycle/resources.js';
import { type Bench, figure } from './harness/bench.js';
import { channel, LADDER, prepareFilm, request } from './harness/channel.js';

const LADDERS = {
  'one rung of 480p': LADDER.filter(({ height }) => height === 480),
  'one rung of 1080p': LADDER.filter(({ height }) => height === 1080),
  'default ladder': LADDER,
};

async function trial(variant: string): Promise<Record<string, number>> {
  const rungs = Object.entries(LADDERS).find(([name]) => name === variant)?.[1];
  if (rungs === undefined) throw new RangeError(variant);
  const engine = createNativeEngine();
  const before = { ...resources(), rss: residentBytes() };
  const sink = { onInit() {}, onSegment() {}, onFault() {} };
  const producer = engine.createProducer(channel(rungs), sink);
  await producer.produce(request(4, 1, rungs));
  const after = { ...resources(), rss: residentBytes() };
  await engine.close();
  return {
    threads: after.threads.length - before.threads.length,
    files: after.files.filter((name) => !before.files.includes(name)).length,
    mebibytes: (after.rss - before.rss) / 2 ** 20,
  };
}

export const bench: Bench = {
  title: 'A parked producer',
  about:
    'What a channel holds between two batches, in the middle of a 1080p film of H.264: threads (all asleep), open ' +
    'files, and what the resident memory of the process grew by since before the producer was made. Decoder, ' +
    'x264 and their frame threads are part of it, and so is what libc keeps of what was freed.',
  variants: Object.keys(LADDERS),
  prepare: prepareFilm,
  trial,
  rows: (rounds) =>
    Object.keys(LADDERS).map((ladder) => ({
      rungs: ladder,
      threads: figure(rounds, ladder, 'threads'),
      files: figure(rounds, ladder, 'files'),
      'memory, MiB': figure(rounds, ladder, 'mebibytes'),
    })),
};
