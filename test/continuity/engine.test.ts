// deadline: 480 s
// A segment is a function of (channel, rung, n): however it is produced, it shows the same frames at the
// same times. Over the native engine alone; judged by ffmpeg, ffprobe and the fixtures' bar codes.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HeadendError } from '../../lib/errors.js';
import { describeCodes } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { readFrames, readSound } from '../fixtures/read.js';
import { findMarks, TONE_HZ, worstSineSnr } from '../fixtures/sound.js';
import {
  Collector,
  expectedCodes,
  FRAMES_PER_SEGMENT,
  fileItem,
  GRID,
  type Item,
  PRODUCER,
  produceBatches,
  RUNG_IDS,
  request,
} from '../support/engine-run.js';
import { type Grid, judgeRendition, type RenditionReport } from '../support/hls-checker.js';
import { probeTrack } from '../support/media-facts.js';
import { output } from '../support/process.js';

const SEGMENTS = 6;
const RENDITIONS = [...RUNG_IDS, 'audio'];

interface Context {
  engine: Engine;
  items: Item[];
  folder: string;
  /** Segments [0, 6) made in one batch. */
  whole: Collector;
  identities: Map<string, Awaited<ReturnType<typeof identityOf>>>;
}

const test = suite<Context>('engine');

test.before(async (context) => {
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({
    ...{ programme: 2, frames: 120, width: 1280, height: 720, container: 'mkv' },
    ...{ sampleRate: 44_100, channels: 1, toneHz: 520 },
  });
  const c = await makeFixture({
    ...{ programme: 3, frames: 150, width: 320, height: 180, container: 'ts', startTime: 50 },
    ...{ channels: 6, toneHz: 600 },
  });
  context.folder = await mkdtemp(join(tmpdir(), 'headend-engine-test-'));
  context.engine = createNativeEngine();
  // Cuts fall inside segments, and no second of a programme on a segment's border.
  context.items = [
    fileItem(a.path, 1, 115, 10),
    fileItem(b.path, 2, 95, 5),
    fileItem(c.path, 3, 60, 13),
  ];
  context.whole = await produceBatches(context.engine, context.items, 0, [SEGMENTS]);
  context.identities = new Map();
  for (const rendition of RENDITIONS) {
    context.identities.set(rendition, await identityOf(context.whole, rendition));
  }
});

test.after(async ({ engine, folder }) => {
  await engine.close();
  await rm(folder, { recursive: true });
});

function assertShown(actual: RenditionReport['codes'], expected: RenditionReport['codes']): void {
  assert.is(describeCodes(actual), describeCodes(expected));
}

async function judge(
  collector: Collector,
  rendition: string,
  grid: Grid = GRID,
): Promise<RenditionReport> {
  const problems: string[] = [];
  const report = await judgeRendition(collector.media(rendition), { grid }, problems);
  assert.equal(problems, []);
  return report;
}

/** Seconds on the channel's clock at which marks are due and heard, [due, heard]. */
function markTimes(report: RenditionReport, items: readonly Item[], from: number, count: number) {
  const due = expectedCodes(items, from, count).flatMap((code, index) =>
    code !== null && code.number % 25 === 0
      ? [{ at: from * 2 + index / 25, pitch: (code.number / 25) % 8 }]
      : [],
  );
  const start = (report.segments[0]?.start ?? 0) / report.timescale;
  const heard = report.marks.map(({ position, pitch }) => ({
    at: start + position / 48_000,
    pitch,
  }));
  return { due, heard };
}

for (const rendition of RUNG_IDS) {
  test(`one run: ${rendition} is on the grid and shows the schedule frame by frame`, async ({
    whole,
    items,
  }) => {
    const report = await judge(whole, rendition);
    assertShown(report.codes, expectedCodes(items, 0, SEGMENTS));
  });
}

test('one run: the audio is on the grid and every mark sounds with its frame', async ({
  whole,
  items,
}) => {
  const report = await judge(whole, 'audio');
  const { due, heard } = markTimes(report, items, 0, SEGMENTS);
  assert.equal(
    heard.map(({ pitch }) => pitch),
    due.map(({ pitch }) => pitch),
  );
  const late = heard.map(({ at }, index) => at - (due[index]?.at ?? 0));
  const worst = Math.max(...late.map(Math.abs));
  assert.ok(worst < 0.01, `marks are late by ${late.map((value) => value.toFixed(4)).join(' ')} s`);
});

test('what a segment says of itself is what it holds', async ({ whole }) => {
  for (const segment of whole.segments) {
    const { data: init = new Uint8Array() } = whole.inits.get(segment.rendition) ?? {};
    const { timescale, packets } = await probeTrack(Buffer.concat([init, segment.data]));
    const start = Math.min(...packets.map((packet) => packet.pts));
    assert.is(segment.start / segment.timescale, start / timescale);
    const duration = packets.reduce((sum, packet) => sum + packet.duration, 0);
    assert.is(segment.duration / segment.timescale, duration / timescale);
  }
});

/** Everything about a segment that another production must repeat. */
async function identityOf(collector: Collector, rendition: string) {
  const { timescale, packets } = await probeTrack(collector.joined(rendition));
  const frames = rendition === 'audio' ? null : await readFrames(collector.joined(rendition));
  return {
    timescale,
    times: packets.map((packet) => packet.pts).sort((a, b) => a - b),
    shows: describeCodes(frames?.codes ?? []),
    complaints: frames?.complaints ?? '',
    init: Buffer.from(collector.inits.get(rendition)?.data ?? []).toString('base64'),
    cuts: collector.media(rendition).segments.map((segment) => segment.sequence),
  };
}

/** The same for one segment of a longer production. */
function only(collector: Collector, sequence: number): Collector {
  const one = new Collector();
  for (const init of collector.inits.values()) one.onInit(init);
  one.segments.push(...collector.segments.filter((segment) => segment.sequence === sequence));
  return one;
}

for (const lengths of [
  [1, 1, 1, 1, 1, 1],
  [2, 2, 2],
  [3, 3],
  [1, 4, 1],
]) {
  test(`batches of ${lengths.join(', ')} give what one run gives`, async ({
    engine,
    items,
    identities,
  }) => {
    const split = await produceBatches(engine, items, 0, lengths);
    assert.equal(split.faults, []);
    for (const rendition of RENDITIONS) {
      assert.equal(await identityOf(split, rendition), identities.get(rendition));
    }
  });
}

test('a cold start at any segment gives what one run gives', async ({ engine, items, whole }) => {
  for (let sequence = 0; sequence < SEGMENTS; sequence += 1) {
    const cold = await produceBatches(engine, items, sequence, [1]);
    assert.equal(cold.faults, []);
    for (const rendition of ['180p', 'audio']) {
      const expected = await identityOf(only(whole, sequence), rendition);
      assert.equal(await identityOf(cold, rendition), expected);
    }
  }
});

for (const [name, container, encoder, startTime] of [
  ['one key frame in a transport stream that starts late', 'ts', ['libx264', '-g', '9999'], 5000],
  ['one key frame and B-frames in Matroska', 'mkv', ['libx264', '-g', '9999', '-bf', '3'], 0],
  [
    'open GOPs of MPEG-2 in a transport stream',
    'ts',
    ['mpeg2video', '-b:v', '4M', '-g', '50', '-bf', '2'],
    10,
  ],
  [
    'open GOPs and B-frames of H.264',
    'mp4',
    ['libx264', '-g', '25', '-bf', '3', '-x264-params', 'open-gop=1:b-pyramid=normal'],
    0,
  ],
  [
    'a stream that refreshes itself bit by bit',
    'ts',
    ['libx264', '-g', '40', '-x264-params', 'intra-refresh=1'],
    0,
  ],
] as const) {
  test(`a cold start finds its frame in ${name}`, async ({ engine }) => {
    const fixture = await makeFixture({
      ...{ programme: 4, frames: 250, container, startTime },
      video: ['-c:v', ...encoder],
    });
    const file = [fileItem(fixture.path, 4, 250)];
    for (const sequence of [1, 3]) {
      const cold = await produceBatches(engine, file, sequence, [1]);
      assert.equal(cold.faults, []);
      assertShown((await judge(cold, '180p')).codes, expectedCodes(file, sequence, 1));
    }
  });
}

for (const [name, frameRate, framesPerSegment, framesPerFragment] of [
  ['23.976', { num: 24_000, den: 1001 }, 48, 24],
  ['30', { num: 30, den: 1 }, 60, 30],
  ['50', { num: 50, den: 1 }, 100, 50],
  ['59.94', { num: 60_000, den: 1001 }, 120, 60],
] as const) {
  test(`at ${name} frames per second the grid is exact, warm and cold`, async ({ engine }) => {
    const { path } = await makeFixture({ programme: 4, frameRate, frames: 5 * framesPerFragment });
    const source = { kind: 'file', url: path, inPoint: { num: 0, den: 1 } } as const;
    const item: Item = { source, frames: 5 * framesPerFragment - 7, programme: 4, firstNumber: 0 };
    const format = {
      frameRate,
      framesPerSegment,
      framesPerFragment,
      keyFrameInterval: framesPerSegment,
    };
    const producer = { ...PRODUCER, format, rungs: PRODUCER.rungs.slice(1) };
    const warm = await produceBatches(engine, [item], 1000, [1, 2], producer);
    const cold = await produceBatches(engine, [item], 1001, [1], producer);
    const grid = { frameRate, framesPerSegment };
    const { codes } = await judge(warm, '180p', grid);
    assertShown(codes, expectedCodes([item], 1000, 3, framesPerSegment));
    const again = await judge(cold, '180p', grid);
    assertShown(again.codes, expectedCodes([item], 1001, 1, framesPerSegment));
    await judge(warm, 'audio', grid);
    for (const rendition of ['180p', 'audio']) {
      const expected = await identityOf(only(warm, 1001), rendition);
      assert.equal(await identityOf(cold, rendition), expected);
    }
  });
}

test('a cold segment joins a warm one without a click', async ({ engine, items }) => {
  const first = items[0];
  if (first === undefined) throw new Error('no items');
  const steady = [{ ...first, frames: 180 }];
  const warm = await produceBatches(engine, steady, 0, [1]);
  const cold = await produceBatches(engine, steady, 1, [1]);
  const other = await produceBatches(engine, steady, 2, [1]);
  const media = [warm, cold, other].map((collector) => collector.media('audio'));
  const bytes = media.flatMap(({ segments }) => segments.map((segment) => segment.data));
  const sound = await readSound(Buffer.concat([media[0]?.init ?? new Uint8Array(), ...bytes]));
  assert.is(sound.complaints, '');
  const { samples, sampleRate } = sound;
  const marks = findMarks(samples, sampleRate);
  const from = 9600;
  const { snr, position } = worstSineSnr(samples, { hz: TONE_HZ, sampleRate, marks, from });
  assert.ok(snr > 30, `${snr.toFixed(1)} dB at ${(position / sampleRate).toFixed(3)} s`);
});

test('a rung that joins later is on the grid from its first segment', async ({ engine, items }) => {
  const collector = new Collector();
  const producer = engine.createProducer(PRODUCER, collector);
  await producer.produce(request(items, 0, 2, ['180p']));
  await producer.produce(request(items, 2, 2, ['360p', '180p']));
  await producer.stop();
  const joined = await judge(collector, '360p');
  assertShown(joined.codes, expectedCodes(items, 2, 2));
  assertShown((await judge(collector, '180p')).codes, expectedCodes(items, 0, 4));
});

test('a programme whose file is missing is slate, frame by frame, and the fault says why', async ({
  engine,
  items,
  folder,
}) => {
  const [a, , c] = items;
  if (a === undefined || c === undefined) throw new Error('no items');
  const missing = join(folder, 'missing.mp4');
  const schedule: Item[] = [
    { ...a, frames: 70 },
    { ...fileItem(missing, 0, 60), programme: null },
    c,
  ];
  const collector = await produceBatches(engine, schedule, 0, [4]);
  for (const rendition of RUNG_IDS) {
    assertShown((await judge(collector, rendition)).codes, expectedCodes(schedule, 0, 4));
  }
  const audio = await judge(collector, 'audio');
  const silence = audio.sound?.samples.subarray(3 * 48_000, 5 * 48_000) ?? [1];
  assert.ok(
    silence.every((sample) => Math.abs(sample) < 0.001),
    'the slate is not silent',
  );
  assert.is(collector.faults.length, 1);
  const [fault] = collector.faults;
  assert.is(fault?.code, 'SOURCE_NOT_FOUND');
  assert.is(fault?.stage, 'open');
  assert.is(fault?.source, missing);
  assert.is(fault?.frame, 70);
  assert.ok((fault?.averror ?? 0) < 0, `averror ${fault?.averror}`);
});

test('a programme longer than its file ends in slate, and the next one is on time', async ({
  engine,
  items,
}) => {
  const [a, b] = items;
  if (a === undefined || b === undefined) throw new Error('no items');
  // 30 frames are left of programme 2 from frame 90 on; it is scheduled for 70.
  const schedule: Item[] = [
    { ...a, frames: 60 },
    fileItem(urlOf(b), 2, 70, 90),
    { ...a, frames: 70 },
  ];
  const collector = await produceBatches(engine, schedule, 0, [4]);
  const { codes } = await judge(collector, '180p');
  // For a moment the last frame stays, as it does for a film that lacks a frame; then it is slate.
  assert.match(describeCodes(codes), /^1\/10-69 2\/90-119 (2\/119x\d+ )?\?x\d+ 1\/10-79$/);
  assert.ok(
    codes.slice(60 + 30 + 25, 130).every((code) => code === null),
    describeCodes(codes),
  );
  const firstSlate = codes.indexOf(null);
  assert.equal(
    collector.faults.map(({ code, frame, source }) => [code, frame, source]),
    [['SOURCE_ENDED', firstSlate, urlOf(b)]],
  );
});

function urlOf(item: Item): string {
  if (item.source.kind !== 'file') throw new Error('not a file');
  return item.source.url;
}

test('broken files become slate with a typed fault', async ({ engine, items, folder }) => {
  const a = items[0];
  if (a === undefined) throw new Error('no items');
  const empty = join(folder, 'empty.mp4');
  const text = join(folder, 'text.mp4');
  await writeFile(empty, '');
  await writeFile(text, 'This is not a film.\n'.repeat(500));
  for (const url of [empty, text, folder]) {
    const schedule = [
      { ...a, frames: 30 },
      { ...fileItem(url, 0, 30), programme: null },
    ];
    const collector = await produceBatches(engine, schedule, 0, [1]);
    assertShown((await judge(collector, '180p')).codes, expectedCodes(schedule, 0, 1));
    assert.equal(
      collector.faults.map(({ code, source }) => [code, source]),
      [['SOURCE_INVALID', url]],
    );
  }
});

test('an interlaced stream that changes its size goes on, in every frame', async ({
  engine,
  folder,
}) => {
  const parts: Buffer[] = [];
  for (const [second, size] of ['720x576', '720x480', '352x288'].entries()) {
    const source = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25:d=1`, '-vf', 'setfield=tff'];
    const encode = ['-c:v', 'mpeg2video', '-flags', '+ilme+ildct'];
    const offset = ['-output_ts_offset', String(second), '-f', 'mpegts', '-'];
    parts.push(await output('ffmpeg', ['-v', 'error', ...source, ...encode, ...offset]));
  }
  const url = join(folder, 'shrinking.ts');
  await writeFile(url, Buffer.concat(parts));
  const collector = await produceBatches(engine, [fileItem(url, 0, 50)], 0, [1]);
  assert.equal(collector.faults, []);
  const { init, segments } = collector.media('180p');
  const video = await probeTrack(Buffer.concat([init, ...segments.map(({ data }) => data)]));
  assert.is(video.packets.length, FRAMES_PER_SEGMENT);
});

test('samples that are no numbers are silent, and the sound goes on', async ({
  engine,
  folder,
}) => {
  const frames = 48_000 * 3;
  const wav = Buffer.alloc(44 + frames * 4);
  wav.write('RIFF\0\0\0\0WAVEfmt ', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.writeUInt32LE(16, 16);
  // IEEE float, mono, 48 kHz, 32 bit.
  for (const [at, value] of [
    [20, 3],
    [22, 1],
    [32, 4],
    [34, 32],
  ] as const)
    wav.writeUInt16LE(value, at);
  wav.writeUInt32LE(48_000, 24);
  wav.writeUInt32LE(192_000, 28);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(frames * 4, 40);
  for (let i = 0; i < frames; i += 1) {
    const odd = i === 60_000 ? Number.NaN : i === 60_001 ? Number.POSITIVE_INFINITY : undefined;
    wav.writeFloatLE(odd ?? 0.3 * Math.sin((2 * Math.PI * TONE_HZ * i) / 48_000), 44 + i * 4);
  }
  const url = join(folder, 'odd.wav');
  await writeFile(url, wav);
  const collector = await produceBatches(engine, [fileItem(url, 0, 75)], 0, [1]);
  const { init, segments } = collector.media('audio');
  const sound = await readSound(Buffer.concat([init, ...segments.map(({ data }) => data)]));
  assert.is(sound.complaints, '');
  const late = sound.samples.subarray(70_000, 90_000);
  assert.ok(Math.max(...late) > 0.2, 'the tone sounds behind the damage');
});

test('a generator shows the same moment wherever production starts', async ({ engine }) => {
  const video = "drawtext=fontfile={font}:text='%{pts}':fontsize=h/4:fontcolor=white:x=w/4:y=h/3";
  const audio = "aeval='0.1*sin(2*PI*440*t)|0.1*sin(2*PI*440*t)'";
  const source = { kind: 'generator', video, audio, inFrame: 0 } as const;
  const schedule: Item[] = [{ source, frames: 1000, programme: null, firstNumber: 0 }];
  const warm = await produceBatches(engine, schedule, 0, [3]);
  const cold = await produceBatches(engine, schedule, 2, [1]);
  const warmAudio = await judge(warm, 'audio');
  await judge(warm, '360p');
  await judge(cold, '360p');
  const { samples = new Float32Array(), sampleRate = 1 } = warmAudio.sound ?? {};
  const { snr } = worstSineSnr(samples, { hz: 440, sampleRate, from: 9600 });
  assert.ok(snr > 30, `tone of the generator: ${snr} dB`);
  assert.equal([...warm.faults, ...cold.faults], []);
});

async function rejection(promise: Promise<unknown>): Promise<HeadendError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HeadendError) return error;
    throw new Error(`not a HeadendError: ${String(error)}`);
  }
  throw new Error('did not reject');
}

test('one batch at a time; none after stop', async ({ engine, items }) => {
  const producer = engine.createProducer(PRODUCER, new Collector());
  const first = producer.produce(request(items, 0, 2));
  assert.is((await rejection(producer.produce(request(items, 2, 1)))).code, 'ENGINE_BUSY');
  await first;
  await producer.stop();
  await producer.stop();
  assert.is((await rejection(producer.produce(request(items, 2, 1)))).code, 'ENGINE_STOPPED');
});

test('a batch that continues is warm and decodes nothing twice', async ({ engine, items }) => {
  const a = items[0];
  if (a === undefined) throw new Error('no items');
  const schedule = [{ ...a, frames: 180 }];
  const decoded: number[] = [];
  for (const lengths of [[3], [1, 1, 1]]) {
    const producer = engine.createProducer(PRODUCER, new Collector());
    let frames = 0;
    for (const [index, count] of lengths.entries()) {
      const report = await producer.produce(request(schedule, index, count));
      assert.is(report.warm, index > 0);
      frames += report.framesDecoded;
    }
    await producer.stop();
    decoded.push(frames);
  }
  // How far the decoder runs ahead is a matter of scheduling; a restart would decode 50 frames and more again.
  const [once = 0, inThree = 0] = decoded;
  assert.ok(Math.abs(inThree - once) < 25, `${once} in one batch, ${inThree} in three`);
});

test('probe tells duration and streams, or a typed error', async ({ engine, items, folder }) => {
  const [a, b] = items;
  if (a === undefined || b === undefined) throw new Error('no items');
  const found = await engine.probe(urlOf(a));
  const { num = 0, den = 1 } = found.duration ?? {};
  assert.is(num / den, 8);
  assert.is(found.video?.codec, 'h264');
  assert.equal(found.video?.shown, { width: 640, height: 360 });
  assert.is(found.audio?.sampleRate, 48_000);
  const other = await engine.probe(urlOf(b));
  assert.is(other.audio?.channels, 1);
  const missing = await rejection(engine.probe(join(folder, 'missing.mp4')));
  assert.is(missing.code, 'SOURCE_NOT_FOUND');
  assert.match(missing.message, 'missing.mp4');
  assert.is((await rejection(engine.probe(folder))).code, 'SOURCE_INVALID');
});

test('a segment holds exactly its frames', ({ whole }) => {
  for (const segment of whole.segments.filter(({ rendition }) => rendition !== 'audio')) {
    assert.is(segment.duration / segment.timescale, FRAMES_PER_SEGMENT / 25);
  }
});

test.run();
