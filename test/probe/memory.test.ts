// deadline: 180 s
// What looks at a file have found out is used when it is opened again: it reads less, and what airs is the same. A file
// that was replaced or overwritten is looked at anew.
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { describeCodes } from '../fixtures/barcode.js';
import { type FixtureOptions, makeFixture } from '../fixtures/make.js';
import { readFrames } from '../fixtures/read.js';
import {
  type Collector,
  expectedCodes,
  FRAMES_PER_SEGMENT,
  fileItem,
  PRODUCER,
  produceBatches,
} from '../support/engine-run.js';
import { words } from '../support/process.js';

const FRAMES = 600;
const SIZE = { width: 320, height: 180 };
const SMALL = { ...PRODUCER, rungs: PRODUCER.rungs.slice(1) };

const test = suite<{ folder: string }>('what is known of a source');

test.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-memory-'));
});

test.after(async ({ folder }) => {
  await rm(folder, { recursive: true });
});

async function withEngine<Value>(work: (engine: Engine) => Promise<Value>): Promise<Value> {
  const engine = createNativeEngine();
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** A channel of that file alone, cold at `segment`. */
async function cold(engine: Engine, path: string, segment: number, programme = 1) {
  const items = [fileItem(path, programme, FRAMES)];
  const collector = await produceBatches(engine, items, segment, [1], SMALL);
  assert.equal(collector.faults, []);
  return collector;
}

/** The sound of that segment; one that holds back less than the others may be ahead of the batch. */
function sound(collector: Collector, segment: number): Buffer {
  const { segments } = collector.media('audio');
  return Buffer.concat(
    segments.filter(({ sequence }) => sequence === segment).map(({ data }) => data),
  );
}

async function assertShows(collector: Collector, path: string, segment: number, programme = 1) {
  const { codes } = await readFrames(collector.joined('180p'), [4 / 3]);
  const due = expectedCodes([fileItem(path, programme, FRAMES)], segment, 1);
  assert.is(describeCodes(codes.slice(0, FRAMES_PER_SEGMENT)), describeCodes(due), path);
}

/** Bytes that this process has read. */
async function bytesRead(): Promise<number> {
  const counters = await readFile('/proc/self/io', 'latin1');
  return Number(/^rchar: (\d+)$/m.exec(counters)?.[1]);
}

/** Without noise that the decoder makes up, which is another one from elsewhere. */
const AAC = words('-c:a aac -aac_pns 0');

const KINDS: readonly FixtureOptions[] = [
  { container: 'mp4', audio: AAC },
  { container: 'mkv', audio: AAC },
  { container: 'ts', audio: AAC, startTime: 50 },
  // The clock of a transport stream comes round in this one.
  { container: 'ts', audio: AAC, startTime: 95_425 },
  { container: 'ts', video: words('-c:v mpeg2video -q:v 4 -g 60 -bf 2'), audio: AAC },
  { container: 'mpg', video: words('-c:v mpeg2video -q:v 4 -g 30 -bf 2'), audio: false },
  { container: 'mov', video: words('-c:v mpeg4 -q:v 4 -g 50'), audio: words('-c:a pcm_s16le') },
  {
    ...{ container: 'webm', video: words('-c:v libvpx-vp9 -deadline realtime -g 75 -crf 30') },
    audio: words('-c:a libopus'),
  },
];

for (const kind of KINDS) {
  const codec = typeof kind.video === 'object' ? kind.video[1] : 'h264';
  test(`D8: a known source airs as one that nobody has looked at: ${codec} in ${kind.container}, from ${kind.startTime ?? 0} s`, async () => {
    const { path } = await makeFixture({ programme: 1, frames: FRAMES, ...SIZE, ...kind });
    await withEngine(async (known) => {
      await known.probe(path, { keyFrames: true });
      for (const segment of [0, 5, 11]) {
        const first = await withEngine((engine) => cold(engine, path, segment));
        await assertShows(first, path, segment);
        const later = await cold(known, path, segment);
        await assertShows(later, path, segment);
        assert.ok(
          sound(later, segment).equals(sound(first, segment)),
          `sound of segment ${segment}`,
        );
      }
    });
  });
}

test('a transport stream whose key frames are known is opened and sought with fewer reads', async () => {
  const { path } = await makeFixture({
    ...{ programme: 1, frames: FRAMES, ...SIZE, container: 'ts' },
    video: words(
      '-c:v libx264 -preset ultrafast -g 250 -sc_threshold 0 -b:v 8M -x264-params nal-hrd=cbr:force-cfr=1',
    ),
    output: words('-muxrate 9M'),
  });
  const reads = async (engine: Engine) => {
    const before = await bytesRead();
    // A key frame every ten seconds: eight before this segment.
    await cold(engine, path, 9);
    return (await bytesRead()) - before;
  };
  const unknown = await withEngine(reads);
  const known = await withEngine(async (engine) => {
    const { keyFrames } = await engine.probe(path, { keyFrames: true });
    assert.equal(keyFrames, [0, 10, 20]);
    return reads(engine);
  });
  assert.ok(known < unknown / 2, `${known} bytes instead of ${unknown}`);
});

test('D7: a file that was replaced or overwritten is looked at anew', async ({ folder }) => {
  const kind = { frames: FRAMES, container: 'ts', ...SIZE };
  const one = await makeFixture({ ...kind, programme: 1 });
  const two = await makeFixture({ ...kind, programme: 2, startTime: 9, width: 256, height: 144 });
  const path = join(folder, 'film.ts');
  await withEngine(async (engine) => {
    await copyFile(one.path, path);
    await engine.probe(path, { keyFrames: true });
    await assertShows(await cold(engine, path, 8), path, 8);
    await copyFile(two.path, `${path}.new`);
    await rename(`${path}.new`, path);
    await assertShows(await cold(engine, path, 8, 2), path, 8, 2);
    await engine.probe(path, { keyFrames: true });
    await writeFile(path, await readFile(one.path));
    await assertShows(await cold(engine, path, 8), path, 8);
  });
});

test.run();
