// deadline: 240 s
// D2: files that this machine's own GPU decodes and scales, where it has one that passed its trial: every frame in its
// place whatever the codec, cold and warm, and software from the frame that the GPU refuses. Skipped where there is none.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Engine, type EngineFault, SOFTWARE_ENCODER } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { describeCodes } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { resources } from '../lifecycle/resources.js';
import {
  expectedCodes,
  fileItem,
  GRID,
  type Item,
  PRODUCER,
  produceBatches,
  RUNG_IDS,
} from '../support/engine-run.js';
import { judgeRendition } from '../support/hls-checker.js';
import { words } from '../support/process.js';

const FRAMES = 200;
const HD = { width: 1280, height: 720, frames: FRAMES };
const SEGMENTS = FRAMES / GRID.framesPerSegment;
const TAGS = words('-color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709');

/** By name: how ffmpeg encodes it, and whether GPUs decode it (of NVIDIA's only those of 2025 decode 4:2:2). */
const CODECS: Readonly<Record<string, { video: string; container: string; refused?: true }>> = {
  'H.264': { video: 'libx264 -preset ultrafast -bf 2 -g 50', container: 'mp4' },
  'H.264 in a transport stream': { video: 'libx264 -preset veryfast -bf 3 -g 50', container: 'ts' },
  'H.264, interlaced': {
    video: 'libx264 -preset veryfast -flags:v +ildct+ilme -g 50',
    container: 'ts',
  },
  HEVC: { video: 'libx265 -preset ultrafast -g 50 -x265-params log-level=error', container: 'mp4' },
  'HEVC, 10 bit': {
    video: 'libx265 -preset ultrafast -g 50 -pix_fmt yuv420p10le -x265-params log-level=error',
    container: 'mkv',
  },
  VP9: { video: 'libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2M -g 50', container: 'mkv' },
  'MPEG-2': { video: 'mpeg2video -b:v 6M -bf 2 -g 15', container: 'ts' },
  'H.264, 4:2:2 10 bit': {
    video: 'libx264 -preset ultrafast -g 50 -pix_fmt yuv422p10le',
    container: 'mp4',
    refused: true,
  },
};

const engine = createNativeEngine();
const reports = await engine.hardware();
const encoder = reports.find(({ works, device }) => works && device?.works)?.name;
const test = suite<{ engine: Engine }>('files on a GPU');
const onDevice = encoder === undefined ? test.skip : test;
const OPTIONS = { ...PRODUCER, encoder: encoder ?? SOFTWARE_ENCODER, device: true };
if (encoder === undefined) console.log('No GPU of this machine decodes and scales: skipped.');
else console.log(`${encoder}, on ${reports.find(({ name }) => name === encoder)?.device?.name}`);

test.after(() => engine.close());

async function fixture(name: string, programme: number): Promise<Item> {
  const { video = '', container = 'mp4' } = CODECS[name] ?? {};
  const { path } = await makeFixture({
    ...HD,
    ...{ programme, container, video: ['-c:v', ...words(video), ...TAGS] },
  });
  return fileItem(path, programme, FRAMES);
}

/** Judges every rung: the codes of [0, `segments`) are those of the items. */
async function play(
  items: readonly Item[],
  lengths: readonly number[],
): Promise<readonly EngineFault[]> {
  const made = await produceBatches(engine, items, 0, lengths, OPTIONS);
  const segments = lengths.reduce((sum, length) => sum + length, 0);
  const problems: string[] = [];
  for (const rung of RUNG_IDS) {
    const { codes } = await judgeRendition(made.media(rung), { grid: GRID }, problems);
    assert.is(describeCodes(codes), describeCodes(expectedCodes(items, 0, segments)), rung);
  }
  await judgeRendition(made.media('audio'), { grid: GRID }, problems);
  assert.equal(problems, []);
  return made.faults;
}

for (const [name, { refused }] of Object.entries(CODECS)) {
  onDevice(`${name}: every frame is in its place`, async () => {
    const faults = await play([await fixture(name, 1)], [1, SEGMENTS - 1]);
    for (const { message } of faults) console.log(`${name}: ${message}`);
    // Once for each time that it airs, and a little of the next is read ahead.
    const codes = [...new Set(faults.map(({ code }) => code))];
    assert.equal(codes, refused ? codes.filter((code) => code === 'DEVICE_FAILED') : []);
  });
}

onDevice('programmes of every codec follow each other', async () => {
  const names = Object.keys(CODECS).filter((name) => !CODECS[name]?.refused);
  const items = await Promise.all(names.map((name, index) => fixture(name, index + 1)));
  assert.equal(await play(items, [3, 5, items.length * SEGMENTS - 8]), []);
});

onDevice('a cold start anywhere gives the frames of a warm run', async () => {
  const items = [await fixture('H.264', 1), await fixture('HEVC', 2)];
  for (let from = 1; from < 2 * SEGMENTS; from++) {
    const made = await produceBatches(engine, items, from, [1], OPTIONS);
    assert.equal(made.faults, []);
    const problems: string[] = [];
    for (const rung of RUNG_IDS) {
      const { codes } = await judgeRendition(made.media(rung), { grid: GRID }, problems);
      assert.is(describeCodes(codes), describeCodes(expectedCodes(items, from, 1)));
    }
    assert.equal(problems, []);
  }
});

onDevice('producers that come and go leave no thread and no file behind', async () => {
  const items = [await fixture('H.264', 1)];
  const once = () => produceBatches(engine, items, 1, [1], OPTIONS);
  for (let round = 0; round < 5; round++) await once();
  const before = resources();
  for (let round = 0; round < 20; round++) await once();
  const after = resources();
  assert.is(after.threads.length, before.threads.length);
  assert.is(after.files.length, before.files.length);
});

test.run();
