// The checker is checked: media that ffmpeg cut on the grid passes, and each kind of damage is named.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFixture } from '../fixtures/make.js';
import { judgeRendition, type RenditionMedia } from './hls-checker.js';
import { output, words } from './process.js';

const GRID = { grid: { frameRate: { num: 25, den: 1 }, framesPerSegment: 50 } };
const CMAF = words('-movflags +cmaf+frag_every_frame -use_editlist 0 -f mp4 pipe:1');

interface Cut {
  readonly init: Buffer;
  /** Every frame or access unit as a fragment of its own: moof and mdat. */
  readonly fragments: readonly Buffer[];
}

async function cut(kind: 'v' | 'a', options: readonly string[]): Promise<Cut> {
  const { path } = await makeFixture({ width: 320, height: 180, frames: 200 });
  const file = await output('ffmpeg', [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    `0:${kind}`,
    ...options,
    ...CMAF,
  ]);
  const boxes: { type: string; data: Buffer }[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32BE(at)) {
    boxes.push({
      type: file.toString('latin1', at + 4, at + 8),
      data: file.subarray(at, at + file.readUInt32BE(at)),
    });
  }
  const part = (types: readonly string[]) =>
    boxes.filter((box) => types.includes(box.type)).map((box) => box.data);
  const data = part(['mdat']);
  const fragments = part(['moof']).map((moof, index) =>
    Buffer.concat([moof, data[index] ?? Buffer.alloc(0)]),
  );
  return { init: Buffer.concat(part(['ftyp', 'moov'])), fragments };
}

async function video(gop = 50): Promise<RenditionMedia> {
  const gopOptions = words(`-g ${gop} -keyint_min ${gop} -sc_threshold 0 -bf 0`);
  const { init, fragments } = await cut('v', [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    ...gopOptions,
  ]);
  const segments = [0, 1, 2, 3].map((sequence) => ({
    sequence,
    data: Buffer.concat(fragments.slice(sequence * 50, sequence * 50 + 50)),
  }));
  return { name: 'video', kind: 'video', init, segments };
}

async function audio(): Promise<RenditionMedia> {
  const { init, fragments } = await cut('a', ['-c:a', 'aac']);
  const cuts = [0, 94, 188, 282];
  const segments = cuts.slice(0, 3).map((from, sequence) => ({
    sequence,
    data: Buffer.concat(fragments.slice(from, cuts[sequence + 1])),
  }));
  return { name: 'audio', kind: 'audio', init, segments };
}

async function problemsOf(media: RenditionMedia): Promise<string[]> {
  const problems: string[] = [];
  await judgeRendition(media, GRID, problems);
  return problems;
}

function changed(
  media: RenditionMedia,
  sequence: number,
  change: (data: Buffer) => Buffer,
): RenditionMedia {
  const segments = media.segments.map((segment) =>
    segment.sequence === sequence ? { sequence, data: change(Buffer.from(segment.data)) } : segment,
  );
  return { ...media, segments };
}

async function assertNamed(media: RenditionMedia, expected: RegExp): Promise<void> {
  const problems = await problemsOf(media);
  assert.ok(
    problems.some((problem) => expected.test(problem)),
    `${expected} in:\n${problems.join('\n')}`,
  );
}

test('video on the grid passes, and its frames are read', async () => {
  const problems: string[] = [];
  const report = await judgeRendition(await video(), GRID, problems);
  assert.equal(problems, []);
  assert.equal(
    report.codes.map((code) => code?.number),
    Array.from({ length: 200 }, (_, index) => index),
  );
});

test('audio on the grid passes, and its marks are read', async () => {
  const problems: string[] = [];
  const report = await judgeRendition(await audio(), GRID, problems);
  assert.equal(problems, []);
  assert.equal(
    report.marks.map((mark) => mark.pitch),
    [0, 1, 2, 3, 4, 5],
  );
});

test('a missing frame is named', async () => {
  const lastMoof = (data: Buffer) => data.lastIndexOf('moof') - 4;
  await assertNamed(
    changed(await video(), 1, (data) => data.subarray(0, lastMoof(data))),
    /video 1: 49 packets/,
  );
});

test('a missing access unit is named', async () => {
  const lastMoof = (data: Buffer) => data.lastIndexOf('moof') - 4;
  await assertNamed(
    changed(await audio(), 1, (data) => data.subarray(0, lastMoof(data))),
    /audio 2: starts at/,
  );
});

test('a segment that does not start with an IDR picture is named', async () => {
  await assertNamed(await video(100), /video 1: does not start with an IDR/);
});

test('a segment in the wrong place is named', async () => {
  const media = await video();
  const [first, second, ...rest] = media.segments;
  if (first === undefined || second === undefined) throw new Error('no segments');
  const swapped = [{ ...first, data: second.data }, { ...second, data: first.data }, ...rest];
  await assertNamed({ ...media, segments: swapped }, /video 0: packet 0 is shown at tick/);
});

test('damaged bytes are named', async () => {
  await assertNamed(
    changed(await video(), 2, (data) =>
      data.fill(0x55, data.length >> 1, (data.length >> 1) + 2000),
    ),
    /video 2: (ffmpeg|unreadable)/,
  );
});

test.run();
