// deadline: 600 s
// Files that are not as they should be, or not as most are: each plays, or is slate with a fault that says why, and
// never stops the channel. Over the native engine alone; frames are named by bar codes, seconds by marks in the sound.
import { readFileSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, EngineFault } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HeadendError } from '../../lib/errors.js';
import { describeCodes, type FrameCode } from '../fixtures/barcode.js';
import { type FixtureOptions, makeFixture } from '../fixtures/make.js';
import { readFrames, readSound } from '../fixtures/read.js';
import { findMarks, TONE_AMPLITUDE, TONE_HZ, worstSineSnr } from '../fixtures/sound.js';
import {
  deadPackets,
  movedComposition,
  movedTimestamps,
  scrambled,
  withBox,
} from '../support/damage.js';
import {
  Collector,
  expectedCodes,
  fileItem,
  type Item,
  PRODUCER,
  produceBatches,
  request,
} from '../support/engine-run.js';
import { output, words } from '../support/process.js';

/** One small rung. */
const SMALL = { ...PRODUCER, rungs: PRODUCER.rungs.slice(1) };
const RATE = 48_000;

interface Context {
  engine: Engine;
  folder: string;
}

const test = suite<Context>('odd input');

test.before(async (context) => {
  context.engine = createNativeEngine();
  context.folder = await mkdtemp(join(tmpdir(), 'headend-odd-input-'));
});

test.after(async ({ engine, folder }) => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** Room in the first track of a Matroska file for what `withKeyId` writes. */
const KEY_ROOM = ['-metadata:s:v', `title=${'k'.repeat(21)}`];

/** Writes ContentEncodings with the id of a key in the place of the first track's name (RFC 9559, 5.1.4.1.31). */
function withKeyId(file: Buffer): Buffer {
  const name = file.indexOf(
    Buffer.concat([Buffer.from([0x53, 0x6e, 0x95]), Buffer.alloc(21, 'k')]),
  );
  file.write('6d80956240925033810150358b47e1810547e284cafecafe', name, 'hex');
  return file;
}

function withFairPlay(file: Buffer): Buffer {
  file.write('drms', file.indexOf('mp4a'), 'latin1');
  return file;
}

interface Played {
  readonly codes: readonly (FrameCode | null)[];
  readonly shows: string;
  readonly samples: Float32Array;
  readonly marks: ReturnType<typeof findMarks>;
  readonly faults: readonly EngineFault[];
}

/** Plays items, decodes what came out and says what is on it; the output itself must always be sound. */
async function play(
  { engine }: Context,
  items: readonly Item[],
  segments: number,
  from = 0,
): Promise<Played> {
  const collector = await produceBatches(engine, items, from, [segments], SMALL);
  return judged(collector, segments);
}

async function judged(collector: Collector, segments: number): Promise<Played> {
  const frames = await readFrames(collector.joined('180p'));
  const sound = await readSound(collector.joined('audio'));
  assert.is(frames.complaints, '');
  assert.is(sound.complaints, '');
  assert.is(frames.codes.length, segments * 50);
  const expected = segments * 2 * RATE;
  assert.ok(Math.abs(sound.samples.length - expected) < 2048, `${sound.samples.length} samples`);
  return {
    codes: frames.codes,
    shows: describeCodes(frames.codes),
    samples: sound.samples,
    marks: findMarks(sound.samples, sound.sampleRate),
    faults: collector.faults,
  };
}

function assertPlays(played: Played, items: readonly Item[], segments: number, from = 0): void {
  assert.is(played.shows, describeCodes(expectedCodes(items, from, segments)));
}

/** Every second from `first` is marked, within 10 ms. */
function assertMarks(played: Played, seconds: readonly number[]): void {
  const heard = played.marks.map(({ position }) => position / RATE);
  assert.is(heard.length, seconds.length, `marks at ${heard.join(' ')}`);
  for (const [index, at] of heard.entries()) {
    const due = seconds[index] ?? Number.NaN;
    assert.ok(Math.abs(at - due) < 0.02, `the mark of ${due} s is at ${at.toFixed(4)} s`);
  }
}

function assertFaults(played: Played, expected: readonly [code: string, source: string][]): void {
  assert.equal(
    played.faults.map(({ code, source }) => [code, source]),
    expected,
  );
}

function loudestOf(samples: Float32Array): number {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

for (const [kind, nth, hours] of [
  ['video', 60, 10],
  ['video', 61, -5],
  ['audio', 20, 10],
] as const) {
  test(`D7: one ${kind} timestamp that is ${hours} hours off changes nothing else`, async (context) => {
    const { path } = await makeFixture({
      programme: 5,
      frames: 200,
      container: 'ts',
      startTime: 40_000,
    });
    const url = join(context.folder, `absurd-${kind}${hours}.ts`);
    await writeFile(url, movedTimestamps(await readFile(path), kind, nth, hours * 3600));
    const items = [fileItem(url, 5, 200)];
    const played = await play(context, items, 4);
    assertPlays(played, items, 4);
    assertMarks(played, [0, 1, 2, 3, 4, 5, 6, 7]);
    assertFaults(played, [['SOURCE_DAMAGED', url]]);
    const cold = await play(context, items, 1, 3);
    assertPlays(cold, items, 1, 3);
  });
}

for (const [name, options, damage] of [
  [
    'a PTS that is 10 hours late',
    { container: 'ts', startTime: 40_000 },
    (file) => movedTimestamps(file, 'video', 20, 36_000, { only: 'pts' }),
  ],
  [
    'a PTS that is 5 hours early',
    { container: 'ts', startTime: 40_000 },
    (file) => movedTimestamps(file, 'video', 20, -18_000, { only: 'pts' }),
  ],
  [
    'a composition offset of 40 s',
    // Behind the end of an edit list the picture would not be there at all.
    { output: words('-use_editlist 0') },
    (file) => movedComposition(file, 20, 40 * 12_800),
  ],
] as const satisfies readonly (readonly [string, FixtureOptions, (file: Buffer) => Buffer])[]) {
  test(`D7: ${name}, beside a sound DTS, changes nothing else`, async (context) => {
    const { path } = await makeFixture({ programme: 5, frames: 200, ...options });
    const url = join(context.folder, basename(path));
    await writeFile(url, damage(await readFile(path)));
    const items = [fileItem(url, 5, 200)];
    const played = await play(context, items, 4);
    assertPlays(played, items, 4);
    assertMarks(played, [0, 1, 2, 3, 4, 5, 6, 7]);
    assertFaults(played, [['SOURCE_DAMAGED', url]]);
  });
}

for (const container of ['mp4', 'mkv']) {
  test(`D7: a picture in ${container} that stands for long among pictures that are reordered is no damage`, async (context) => {
    const { path } = await makeFixture({
      ...{ programme: 11, frames: 100, container },
      video: words('-c:v libx264 -preset ultrafast -bf 3 -b_strategy 0 -fps_mode vfr -copyts'),
      videoFilter: "setpts='(N+if(gte(N,42),100,0))/25/TB'",
    });
    const played = await play(context, [fileItem(path, 11, 200)], 4);
    assert.is(played.shows, '11/0-41 11/41x100 11/42-99');
    assertFaults(played, []);
  });
}

for (const [name, startTime] of [
  ['starts anew', 1000],
  ['goes back to zero', 0],
  ['jumps ahead by a day', 1000 + 86_400],
] as const) {
  test(`D7: a transport stream whose clock ${name} in the middle goes on with what follows`, async (context) => {
    const common = { frames: 100, container: 'ts' };
    const a = await makeFixture({ ...common, programme: 1, startTime: 1000 });
    const b = await makeFixture({ ...common, programme: 2, startTime });
    const url = join(context.folder, `joined-${startTime}.ts`);
    await writeFile(url, Buffer.concat([await readFile(a.path), await readFile(b.path)]));
    const played = await play(context, [fileItem(url, 1, 400)], 4);
    const first = played.codes.findIndex((code) => code?.programme === 2);
    assert.ok(Math.abs(first - 100) <= 3, `the second part begins at ${first}: ${played.shows}`);
    assert.is(describeCodes(played.codes.slice(0, 100)), '1/0-99');
    // The clock is known again after a few frames; those around the join may stay a frame longer or shorter.
    const settled = played.codes.slice(first + 12, 190);
    settled.forEach((code, index) => {
      const number = settled[0] ? settled[0].number + index : -1;
      assert.equal(code, { programme: 2, number }, played.shows);
    });
    const late = played.marks.map(({ position }) => (position / RATE) % 1);
    assert.is(played.marks.length, 8, `${late}`);
    assert.ok(
      late.every((at) => Math.min(at, 1 - at) < 0.15),
      `${late}`,
    );
    const [fault] = played.faults;
    assert.is(fault?.code, 'SOURCE_DAMAGED');
    assert.is(fault?.source, url);
    assert.is(played.faults.filter(({ code }) => code === 'SOURCE_DAMAGED').length, 1);
  });
}

for (const [container, sampleRate] of [
  ['mkv', 48_000],
  ['mkv', 44_100],
  ['flv', 44_100],
  ['ts', 44_100],
  ['mp4', 44_100],
] as const) {
  test(`D8: cold and warm sound from ${container} at ${sampleRate} Hz lie on the same samples`, async (context) => {
    const { path } = await makeFixture({ programme: 3, frames: 250, container, sampleRate });
    const items = [fileItem(path, 3, 240, 5)];
    const cold: Collector[] = [];
    for (const from of [0, 1, 2, 3]) {
      cold.push(await produceBatches(context.engine, items, from, [1], SMALL));
    }
    const init = cold[0]?.media('audio').init ?? new Uint8Array();
    const media = cold.flatMap((one) => one.media('audio').segments.map(({ data }) => data));
    const { samples, sampleRate: rate } = await readSound(Buffer.concat([init, ...media]));
    const marks = findMarks(samples, rate);
    const from = 9600;
    const worst = worstSineSnr(samples, { hz: TONE_HZ, sampleRate: rate, marks, from });
    assert.ok(
      worst.snr > 30,
      `${worst.snr.toFixed(1)} dB at ${(worst.position / rate).toFixed(3)} s`,
    );
  });
}

test('D8: sound alone from the middle of a transport stream is what it is from its start, and little is read for it', async (context) => {
  const { path } = await makeFixture({ programme: 3, frames: 1500, container: 'ts' });
  const items = [fileItem(path, 3, 1500)];
  const marksOf = async (from: number, count: number) => {
    const collector = new Collector();
    const producer = context.engine.createProducer(SMALL, collector);
    const before = bytesRead();
    await producer.produce(request(items, from, count, []));
    const read = bytesRead() - before;
    await producer.stop();
    const { init, segments } = collector.media('audio');
    const last = segments.slice(-2).map(({ data }) => data);
    const { samples, complaints } = await readSound(Buffer.concat([init, ...last]));
    assert.is(complaints, '');
    return { read, marks: findMarks(samples, RATE).map(({ position }) => position) };
  };
  const warm = await marksOf(0, 30);
  const cold = await marksOf(28, 2);
  assert.ok(cold.read < warm.read / 2, `${cold.read} of ${warm.read} bytes were read`);
  assert.is(warm.marks.length, 4);
  assert.is(cold.marks.length, 4);
  for (const [index, mark] of warm.marks.entries()) {
    const moved = (cold.marks[index] ?? 0) - mark;
    assert.ok(Math.abs(moved) < 3, `the mark at ${mark} is moved by ${moved} samples`);
  }
});

/** What this process has read so far, by its system calls. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

for (const [container, ticks] of [
  ['mkv', 1000],
  ['ts', 90_000],
  ['mp4', RATE],
] as const) {
  test(`D7: little of ${container} is read for sound that ends early; what comes after a pause is heard in time`, async (context) => {
    const soundBut = (from: number, until: number) => {
      const gone = `gte(pts\\,${from * ticks})*lt(pts\\,${until * ticks})`;
      return [...words('-c:a aac -b:a 128k -bsf:a'), `noise=drop=${gone}`];
    };
    const video = words(
      '-c:v libx264 -preset ultrafast -g 50 -bf 2 -b:v 2M -maxrate 2M -bufsize 2M -nal-hrd cbr',
    );
    const options = { programme: 7, frames: 1000, container, video };
    const early = await makeFixture({ ...options, audio: soundBut(2, 40) });
    const { size } = await stat(early.path);
    for (const from of [0, 6]) {
      const before = bytesRead();
      const items = [fileItem(early.path, 7, 1000)];
      const { faults } = await produceBatches(context.engine, items, from, [2], SMALL);
      const read = bytesRead() - before;
      assert.equal(faults, []);
      assert.ok(read < size / 2, `${read} of ${size} bytes were read from segment ${from} on`);
    }
    const pause = await makeFixture({ ...options, audio: soundBut(1.9, 14.1) });
    const items = [fileItem(pause.path, 7, 1000)];
    const warm = await play(context, items, 8);
    assertPlays(warm, items, 8);
    assertMarks(warm, [0, 1, 15]);
    assertFaults(warm, []);
    const cold = await play(context, items, 5, 3);
    assertPlays(cold, items, 5, 3);
    assertMarks(cold, [9]);
  });
}

for (const [codec, options] of [
  ['h264', '-c:v libx264 -preset ultrafast -bf 2 -b_strategy 0 -b-pyramid none -sc_threshold 0'],
  ['mpeg2', '-c:v mpeg2video -b:v 2M -bf 2 -sc_threshold 1000000000'],
] as const) {
  test(`D7: late in one long group of pictures (${codec}) the right ones air, and few before them are decoded`, async ({
    engine,
  }) => {
    const video = words(`${options} -g 600`);
    const film = await makeFixture({ programme: 9, frames: 600, container: 'mkv', video });
    const items = [fileItem(film.path, 9, 600)];
    const collector = new Collector();
    const producer = engine.createProducer(SMALL, collector);
    const [from, segments] = [9, 2];
    const { framesDecoded } = await producer.produce(request(items, from, segments, ['180p']));
    await producer.stop();
    const played = await judged(collector, segments);
    assertPlays(played, items, segments, from);
    assertFaults(played, []);
    assert.ok(framesDecoded < 400, `${framesDecoded} pictures were decoded`);
  });
}

for (const [name, options] of [
  ['4:4:4', { video: words('-c:v libx264 -preset ultrafast -pix_fmt yuv444p') }],
  ['4:2:2 of 10 bit', { video: words('-c:v libx264 -preset ultrafast -pix_fmt yuv422p10le') }],
  ['12 bit', { video: words('-c:v ffv1 -pix_fmt yuv420p12le'), container: 'mkv' }],
  ['grey', { video: words('-c:v ffv1 -pix_fmt gray'), container: 'mkv' }],
  ['a palette', { video: words('-c:v gif'), container: 'gif', audio: false }],
  ['alpha', { video: words('-c:v qtrle -pix_fmt argb'), container: 'mov' }],
  ['RGB', { video: words('-c:v ffv1 -pix_fmt gbrp'), container: 'mkv' }],
  [
    'HDR in RGB',
    { video: words('-c:v ffv1 -pix_fmt gbrp10 -color_trc smpte2084'), container: 'mkv' },
  ],
  [
    'pictures in parts of fields',
    {
      video: words('-c:v mpeg2video -b:v 4M -flags:v +ilme+ildct'),
      audio: words('-c:a mp2'),
      container: 'mpg',
    },
  ],
  ['an odd size', { video: words('-c:v ffv1'), container: 'mkv', videoFilter: 'scale=427:241' }],
] as const satisfies readonly (readonly [string, FixtureOptions])[]) {
  test(`D7: ${name} plays, in every frame`, async (context) => {
    const { path } = await makeFixture({ programme: 6, frames: 100, ...options });
    const items = [fileItem(path, 6, 100)];
    const played = await play(context, items, 2);
    assertPlays(played, items, 2);
    assertFaults(played, []);
  });
}

for (const [name, size, pixels] of [
  ['too small for a deinterlacer', '16x2', 'yuv420p'],
  ['in pixels that cannot be converted', '64x64', 'uyyvyy411'],
] as const) {
  test(`D7: interlaced pictures ${name} leave the sound`, async (context) => {
    const sound = await makeFixture({ frames: 200, video: false, container: 'm4a' });
    const url = join(context.folder, `${size}.mkv`);
    await output('ffmpeg', [
      ...words(`-v error -f rawvideo -pix_fmt ${pixels} -s ${size} -r 25 -i /dev/zero`),
      ...['-i', sound.path, '-t', '8', '-c:v', 'rawvideo', '-field_order', 'tt', '-c:a', 'copy'],
      ...['-allow_raw_vfw', '1', url],
    ]);
    const played = await play(context, [fileItem(url, 0, 200)], 2);
    assertMarks(played, [0, 1, 2, 3]);
    assertFaults(played, pixels === 'yuv420p' ? [] : [['DECODE_FAILED', url]]);
  });
}

for (const [name, options] of [
  [
    '8 kHz in mono',
    { sampleRate: 8000, channels: 1, audio: words('-c:a pcm_u8'), container: 'mov' },
  ],
  [
    '96 kHz of 24 bit',
    { sampleRate: 96_000, audio: words('-c:a flac -sample_fmt s32'), container: 'mkv' },
  ],
  ['7.1', { channels: 8, audio: words('-c:a pcm_s16le'), container: 'mkv' }],
  ['5.1 in AC-3', { channels: 6, audio: words('-c:a ac3'), container: 'ts' }],
  [
    'Opus',
    {
      audio: words('-c:a libopus'),
      container: 'webm',
      video: words('-c:v libvpx -deadline realtime'),
    },
  ],
  ['Vorbis at 44.1 kHz', { sampleRate: 44_100, audio: words('-c:a libvorbis'), container: 'mkv' }],
  ['MP3 at 22.05 kHz', { sampleRate: 22_050, audio: words('-c:a libmp3lame'), container: 'mp4' }],
] as const satisfies readonly (readonly [string, FixtureOptions])[]) {
  test(`D7: sound of ${name} is heard when it should be`, async (context) => {
    const { path } = await makeFixture({ programme: 7, frames: 110, ...options });
    const items = [fileItem(path, 7, 100, 5)];
    const played = await play(context, items, 2);
    assertPlays(played, items, 2);
    assertMarks(played, [0.8, 1.8, 2.8, 3.8]);
    assertFaults(played, []);
  });
}

test('D7: 9 to 24 channels without a layout are heard', async (context) => {
  const items: Item[] = [];
  for (let channels = 9; channels <= 24; channels++) {
    const url = join(context.folder, `${channels}.wav`);
    await writeFile(url, wavOf(channels, RATE));
    items.push(fileItem(url, 0, 25));
  }
  const collector = await produceBatches(context.engine, items, 0, [items.length / 2], SMALL);
  assert.equal(collector.faults, []);
  const { samples } = await readSound(collector.joined('audio'));
  for (const index of items.keys()) {
    const middle = samples.subarray((index + 0.25) * RATE, (index + 0.75) * RATE);
    assert.ok(loudestOf(middle) > 0.05, `${index + 9} channels are silent`);
  }
});

test('D7: ambisonic sound becomes stereo with left and right where they are', async (context) => {
  // A tone to the left: W and Y of equal strength.
  const url = join(context.folder, 'ambisonic.mka');
  const source = 'aevalsrc=0.2*sin(2*PI*440*t)|0.2*sin(2*PI*440*t)|0|0:s=48000:d=3';
  await output('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', source],
    ...words('-c:a libopus -mapping_family 2 -ac 4'),
    url,
  ]);
  const collector = await produceBatches(context.engine, [fileItem(url, 0, 60)], 0, [1], SMALL);
  assert.equal(collector.faults, []);
  const pcm = await output('ffmpeg', words('-v error -i pipe:0 -f f32le -ac 2 pipe:1'), {
    input: collector.joined('audio'),
  });
  const level = [0, 0];
  for (let at = 48_000; at < 80_000; at += 1) {
    for (const side of [0, 1]) {
      level[side] = Math.max(level[side] ?? 0, Math.abs(pcm.readFloatLE((at * 2 + side) * 4)));
    }
  }
  const [left = 0, right = 0] = level;
  assert.ok(left > 0.15 && right < left / 4, `left ${left}, right ${right}`);
});

test('D7: sound alone shows its cover', async (context) => {
  const { path } = await makeFixture({ programme: 8, frames: 25, audio: false });
  const cover = join(context.folder, 'cover.png');
  await output('ffmpeg', ['-v', 'error', '-i', path, '-frames:v', '1', cover]);
  const sound = await makeFixture({ frames: 120, video: false, container: 'm4a' });
  const url = join(context.folder, 'covered.m4a');
  await output('ffmpeg', [
    ...['-v', 'error', '-i', sound.path, '-i', cover, '-map', '0', '-map', '1', '-c', 'copy'],
    ...['-disposition:v:0', 'attached_pic', url],
  ]);
  const played = await play(context, [fileItem(url, 8, 100)], 2);
  assert.is(played.shows, '8/0x100');
  assertMarks(played, [0, 1, 2, 3]);
  assertFaults(played, []);
  const cold = await play(context, [fileItem(url, 8, 100)], 1, 1);
  assert.is(cold.shows, '8/0x50');
});

test('D7: pictures that cannot be decoded leave the sound, on the slate, and a fault', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 400 });
  const url = join(context.folder, 'no-parameters.mp4');
  const file = await readFile(path);
  // The decoder configuration without its parameter sets (ISO/IEC 14496-15, 5.3.3.1).
  const configuration = file.indexOf('avcC') + 4;
  file.set([0xe0, 0], configuration + 5);
  await writeFile(url, file);
  const played = await play(context, [fileItem(url, 9, 400)], 2);
  assert.ok(
    played.codes.every((code) => code === null),
    played.shows,
  );
  assertMarks(played, [0, 1, 2, 3]);
  assertFaults(played, [['DECODE_FAILED', url]]);
});

for (const what of ['-an -bsf:v', '-bsf']) {
  test(`D7: a short file of which nothing can be decoded is slate, and the fault says so (${what})`, async (context) => {
    const { path } = await makeFixture({ programme: 9, frames: 50 });
    const url = join(context.folder, 'nothing.mkv');
    await output('ffmpeg', words(`-v error -y -i ${path} -c copy ${what} noise=amount=1 ${url}`));
    const played = await play(context, [fileItem(url, 9, 200)], 1);
    assert.ok(
      played.codes.every((code) => code === null),
      played.shows,
    );
    assertFaults(played, [['DECODE_FAILED', url]]);
  });
}

for (const [profile, compatibility, faults] of [
  [5, 0, ['DECODE_FAILED']],
  [8, 1, []],
] as const) {
  test(`D7: Dolby Vision of profile ${profile} is shown by its base layer, or slate where it has none`, async (context) => {
    const video = words('-c:v libx265 -preset ultrafast -x265-params log-level=none');
    const { path } = await makeFixture({ programme: 9, frames: 50, video });
    // A DOVIDecoderConfigurationRecord 1.0 of level 1, with metadata and base layer.
    const record = Buffer.alloc(24);
    record.writeUInt16BE(0x0100, 0);
    record.writeUInt16BE((profile << 9) | (1 << 3) | 0b101, 2);
    record.writeUInt8(compatibility << 4, 4);
    const header = Buffer.from('0000dvcC', 'latin1');
    header.writeUInt32BE(header.length + record.length);
    const url = join(context.folder, `dolby-vision-${profile}.mp4`);
    const box = Buffer.concat([header, record]);
    await writeFile(url, withBox(await readFile(path), 'hvcC', box));
    const played = await play(context, [fileItem(url, 9, 50)], 1);
    const shown = played.codes.some((code) => code?.programme === 9);
    assert.is(shown, faults.length === 0, played.shows);
    assertMarks(played, [0, 1]);
    // The next airing is opened ahead.
    assert.equal([...new Set(played.faults.map(({ code }) => code))], faults);
  });
}

test('D7: sound that cannot be decoded leaves the pictures, silent, and a fault', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 250 });
  const url = join(context.folder, 'noise.mkv');
  await output('ffmpeg', [
    ...['-v', 'error', '-i', path, '-c', 'copy', '-bsf:a', 'noise=amount=1', url],
  ]);
  const items = [fileItem(url, 9, 250)];
  const played = await play(context, items, 5);
  assertPlays(played, items, 5);
  assert.ok(played.faults.every(({ source }) => source === url));
});

test('D7: sound whose timestamps are all the same follows from its beginning, and a fault', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 200 });
  const url = join(context.folder, 'standing.mkv');
  await output('ffmpeg', words(`-v error -i ${path} -c copy -bsf:a setts=ts=0 ${url}`));
  const items = [fileItem(url, 9, 200)];
  const played = await play(context, items, 3);
  assertPlays(played, items, 3);
  // Nothing says that the first frame is there to prime the decoder.
  const late = 1024 / RATE;
  assertMarks(
    played,
    [0, 1, 2, 3, 4, 5].map((second) => second + late),
  );
  assertFaults(played, [['SOURCE_DAMAGED', url]]);
});

test('D7: sound that hardly gets further is given up, with a fault, and little of it is kept', async (context) => {
  const pictures = await makeFixture({ programme: 9, frames: 100, audio: false });
  const sound = await makeFixture({ frames: 2500, video: false, container: 'm4a' });
  const url = join(context.folder, 'creeping.mkv');
  const inputs = `-i ${pictures.path} -i ${sound.path}`;
  // A millisecond for every four packets.
  const creeping = 'setts=ts=floor(N/4)';
  await output('ffmpeg', words(`-v error ${inputs} -c copy -bsf:a ${creeping} ${url}`));
  const items = [fileItem(url, 9, 100)];
  const played = await play(context, items, 2);
  assertPlays(played, items, 2);
  assertFaults(played, [['DECODE_FAILED', url]]);
});

for (const [name, wav, says] of [
  ['of too many channels', wavOf(70, RATE * 8), 'stereo'],
  ['at a rate that none is recorded at', wavOf(2, 5000, 1), '1 Hz'],
] as const) {
  test(`D7: sound ${name} is silence with a fault of its own`, async (context) => {
    const { path } = await makeFixture({ programme: 9, frames: 200, audio: false });
    const sound = join(context.folder, 'odd.wav');
    await writeFile(sound, wav);
    const url = join(context.folder, 'odd.mkv');
    await output('ffmpeg', ['-v', 'error', '-y', '-i', path, '-i', sound, '-c', 'copy', url]);
    const items = [fileItem(url, 9, 200)];
    const played = await play(context, items, 2);
    assertPlays(played, items, 2);
    assert.ok(loudestOf(played.samples) < 0.001);
    assertFaults(played, [['DECODE_FAILED', url]]);
    assert.match(played.faults[0]?.message ?? '', says);
  });
}

/** A loud WAV of any number of channels. */
function wavOf(channels: number, frames: number, rate = RATE): Buffer {
  const wav = Buffer.alloc(44 + frames * channels * 2, 0x33);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(channels, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * channels * 2, 28);
  wav.writeUInt16LE(channels * 2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(frames * channels * 2, 40);
  return wav;
}

for (const [container, encoder] of [
  ['h264', ['libx264', '-bf', '0']],
  ['hevc', ['libx265', '-x265-params', 'log-level=none:bframes=0']],
] as const) {
  test(`D7: raw ${container}, which has neither times nor an index, plays from any frame`, async (context) => {
    const { path } = await makeFixture({
      ...{ programme: 4, frames: 150, audio: false, container },
      video: ['-c:v', ...encoder],
    });
    const items = [fileItem(path, 4, 140)];
    for (const from of [0, 1]) {
      const played = await play(context, items, 1, from);
      assertPlays(played, items, 1, from);
      assertFaults(played, []);
    }
  });
}

test('D7: a still stands for as long as its programme, from any frame', async (context) => {
  const { path } = await makeFixture({ programme: 8, frames: 25, audio: false });
  for (const [type, options] of [
    ['png', '-c:v png'],
    ['jpg', '-q:v 2'],
    ['gif', '-c:v gif'],
    ['avif', '-c:v libaom-av1 -still-picture 1 -cpu-used 8 -crf 20'],
    ['ico', '-vf scale=256:144,format=rgba -c:v png'],
  ] as const) {
    const url = join(context.folder, `still.${type}`);
    const encode = ['-frames:v', '1', ...words(options), url];
    await output('ffmpeg', ['-v', 'error', '-i', path, ...encode]);
    for (const from of [0, 2]) {
      const played = await play(context, [fileItem(url, 8, 300)], 1, from);
      assert.is(played.shows, '8/0x50', type);
      assertFaults(played, []);
    }
  }
});

test('D7: an encrypted file is slate, and the fault says that it is encrypted', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 100 });
  const url = join(context.folder, 'encrypted.mp4');
  await output('ffmpeg', [
    ...['-v', 'error', '-i', path, '-c', 'copy', '-encryption_scheme', 'cenc-aes-ctr'],
    ...['-encryption_key', '0123456789abcdef0123456789abcdef'],
    ...['-encryption_kid', 'fedcba9876543210fedcba9876543210', url],
  ]);
  const played = await play(context, [fileItem(url, 9, 100)], 1);
  assert.ok(played.codes.every((code) => code === null));
  assertFaults(played, [['SOURCE_DENIED', url]]);
  assert.match(played.faults[0]?.message ?? '', 'encrypted');
});

for (const [name, options, encrypt] of [
  ['a transport stream', { container: 'ts' }, (file) => scrambled(file)],
  [
    'a transport stream but for its PES headers',
    { container: 'ts' },
    (file) => scrambled(file, { clearHeaders: true }),
  ],
  ['the pictures of Matroska', { container: 'mkv', output: KEY_ROOM }, withKeyId],
  ['the sound of iTunes', {}, withFairPlay],
] as const satisfies readonly (readonly [string, FixtureOptions, (file: Buffer) => Buffer])[]) {
  test(`D7: of ${name} that is encrypted it is told`, async (context) => {
    const { path } = await makeFixture({ programme: 9, frames: 100, ...options });
    const url = join(context.folder, `encrypted-${basename(path)}`);
    await writeFile(url, encrypt(await readFile(path)));
    const played = await play(context, [fileItem(url, 9, 200)], 1);
    assert.ok(played.codes.every((code) => code === null));
    assertFaults(played, [['SOURCE_DENIED', url]]);
    assert.match(played.faults[0]?.message ?? '', 'encrypted');
  });
}

test('D7: a transport stream that is scrambled only at its beginning plays from there', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 200, container: 'ts' });
  const url = join(context.folder, 'scrambled-first.ts');
  await writeFile(url, scrambled(await readFile(path), { to: 0.3, clearHeaders: true }));
  const played = await play(context, [fileItem(url, 9, 400)], 3);
  assert.ok(played.codes.filter((code) => code !== null).length > 40, played.shows);
  assert.is(
    played.faults.find(({ code }) => code === 'SOURCE_DENIED'),
    undefined,
  );
});

/** A copy of an MP4 file whose first sound is of a codec that nobody knows (ISO/IEC 14496-12, 8.5.2). */
async function withUnknownSound(path: string, copy: string): Promise<void> {
  const file = await readFile(path);
  file.write('apac', file.indexOf('mp4a'), 'latin1');
  file.write('free', file.indexOf('esds'), 'latin1');
  await writeFile(copy, file);
}

test('D7: of several tracks of sound one that can be decoded is heard, whichever comes first', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 100 });
  const two = join(context.folder, 'two-sounds.mp4');
  const maps = words('-map 0:v -map 0:a -map 0:a -c copy -disposition:a:0 default');
  await output('ffmpeg', ['-v', 'error', '-i', path, ...maps, two]);
  const url = join(context.folder, 'unknown-sound-first.mp4');
  await withUnknownSound(two, url);
  const items = [fileItem(url, 9, 100)];
  const played = await play(context, items, 2);
  assertPlays(played, items, 2);
  assertMarks(played, [0, 1, 2, 3]);
  assertFaults(played, []);

  const alone = join(context.folder, 'unknown-sound.mp4');
  await withUnknownSound(path, alone);
  const silent = await play(context, [fileItem(alone, 9, 100)], 2);
  assert.is(silent.shows, played.shows);
  // The next airing is opened ahead.
  assert.equal([...new Set(silent.faults.map(({ code }) => code))], ['SOURCE_INVALID']);
  assert.match(silent.faults[0]?.message ?? '', 'no decoder for apac');
});

test('D7: pictures that can no longer be decoded stand, then are slate, and come back; it is told once', async (context) => {
  const video = words('-c:v libx264 -preset veryfast -g 50 -bf 0 -pix_fmt yuv420p');
  const { path } = await makeFixture({ programme: 9, frames: 400, video });
  const url = join(context.folder, 'dead-pictures.mp4');
  await writeFile(url, await deadPackets(path, 'video', [2, 10], [12, 14]));
  const items = [fileItem(url, 9, 400)];
  const played = await play(context, items, 7);
  // The last picture stands for five seconds more.
  assert.is(played.shows, '9/0-49 9/49x126 ?x74 9/250-299 9/299x50');
  assert.ok(played.marks.length >= 14, `${played.marks.length} marks`);
  assertFaults(played, [['DECODE_FAILED', url]]);
  assert.match(played.faults[0]?.message ?? '', 'no longer');
  const cold = await play(context, items, 2, 4);
  assert.is(cold.shows, describeCodes(played.codes.slice(200, 300)));
});

test('D7: pictures alone that can no longer be decoded end when they do, and not when all of them were read', async (context) => {
  const common = { programme: 9, frames: 100, container: 'ts', audio: false } as const;
  const a = await makeFixture(common);
  const video = words('-c:v libx265 -x265-params log-level=error -preset ultrafast');
  const b = await makeFixture({ ...common, firstFrame: 100, startTime: 4, video });
  const url = join(context.folder, 'pictures-alone.ts');
  await writeFile(url, Buffer.concat([await readFile(a.path), await readFile(b.path)]));
  const { faults } = await play(context, [fileItem(url, 9, 400)], 5);
  assert.equal(
    faults.map(({ code }) => code),
    ['DECODE_FAILED', 'SOURCE_ENDED'],
  );
  // They are read a second ahead.
  assert.ok((faults[1]?.frame ?? 0) >= 170, `at ${faults[1]?.frame}`);
});

test('D7: sound that can no longer be decoded is silence until it can; it is told once', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 250 });
  const url = join(context.folder, 'dead-sound.mp4');
  await writeFile(url, await deadPackets(path, 'audio', [1.5, 3.5], [5.5, 7.5]));
  const items = [fileItem(url, 9, 250)];
  const played = await play(context, items, 4);
  assertPlays(played, items, 4);
  assertMarks(played, [0, 1, 4, 5]);
  assertFaults(played, [['DECODE_FAILED', url]]);
});

for (const [kind, options] of [
  ['sound', { audio: words('-c:a ac3') }],
  ['pictures', { video: words('-c:v libx265 -x265-params log-level=error -preset ultrafast') }],
] as const satisfies readonly (readonly [string, FixtureOptions])[]) {
  test(`D7: a transport stream whose ${kind} change their codec is told, and the other stream goes on`, async (context) => {
    const common = { programme: 9, frames: 100, container: 'ts' };
    const a = await makeFixture(common);
    const b = await makeFixture({ ...common, firstFrame: 100, startTime: 4, ...options });
    const url = join(context.folder, `change-of-${kind}.ts`);
    await writeFile(url, Buffer.concat([await readFile(a.path), await readFile(b.path)]));
    const items = [fileItem(url, 9, 400)];
    const played = await play(context, items, 4);
    const [fault] = played.faults;
    assert.is(fault?.code, 'DECODE_FAILED');
    assert.match(fault?.message ?? '', 'can no longer be decoded as');
    assert.is(played.faults.filter(({ code }) => code === 'DECODE_FAILED').length, 1);
    if (kind === 'sound') assert.ok((played.codes.at(-1)?.number ?? 0) > 190, played.shows);
    else assert.ok(played.marks.some(({ position }) => position > 6 * RATE));
  });
}

test('D7: a list that leads to a FIFO is slate at once, and no look at it hangs', async (context) => {
  const url = join(context.folder, 'list.m3u8');
  await output('mkfifo', [join(context.folder, 'never.ts')]);
  await writeFile(url, '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nnever.ts\n#EXT-X-ENDLIST\n');
  const played = await play(context, [fileItem(url, 9, 100)], 1);
  assert.ok(played.codes.every((code) => code === null));
  assert.equal(
    played.faults.map(({ source }) => source),
    [url],
  );
  assert.is.not(played.faults[0]?.code, 'SOURCE_TIMEOUT');
  await context.engine.probe(url).then(
    () => assert.unreachable('it was probed'),
    ({ code }) => assert.match(code, /^SOURCE_/),
  );
});

for (const [name, file, text] of [
  [
    'a playlist with a key',
    'list.m3u8',
    '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI="key.ts"\n#EXTINF:4,\nfifo.ts\n#EXT-X-ENDLIST\n',
  ],
  ['an ffconcat', 'movie.mp4', 'ffconcat version 1.0\nfile fifo.ts\n'],
  ['a VobSub index', 'fifo.idx', '# VobSub index file, v7\n'],
] as const) {
  test(`D9: a FIFO behind ${name} is refused, and waited for by nobody`, async (context) => {
    const folder = await mkdtemp(join(context.folder, 'fifo-'));
    await output('mkfifo', [join(folder, 'fifo.ts'), join(folder, 'fifo.sub')]);
    await writeFile(join(folder, 'key.ts'), Buffer.alloc(16));
    const url = join(folder, file);
    await writeFile(url, text);
    const signal = AbortSignal.timeout(5000);
    const refused = await context.engine.probe(url, { signal }).catch((error: unknown) => error);
    assert.instance(refused, HeadendError, String(refused));
    assert.is((refused as HeadendError).code, 'SOURCE_INVALID', String(refused));
    const played = await play(context, [fileItem(url, 0, 200)], 1);
    assertFaults(played, [['SOURCE_INVALID', url]]);
  });
}

test('D7: a playlist of encrypted segments plays', async (context) => {
  const { path } = await makeFixture({ programme: 9, frames: 100 });
  const key = join(context.folder, 'key.ts');
  await writeFile(key, 'of sixteen bytes');
  const info = join(context.folder, 'key-info');
  await writeFile(info, `${key}\n${key}\n`);
  const url = join(context.folder, 'encrypted.m3u8');
  const hls = ['-f', 'hls', '-hls_time', '2', '-hls_list_size', '0', '-hls_key_info_file', info];
  await output('ffmpeg', ['-v', 'error', '-i', path, '-c', 'copy', ...hls, url]);
  const items = [fileItem(url, 9, 100)];
  const played = await play(context, items, 2);
  assertPlays(played, items, 2);
  assertFaults(played, []);
});

test('D7: subtitles alone are slate with a fault', async (context) => {
  const url = join(context.folder, 'words.srt');
  await writeFile(url, '1\n00:00:00,000 --> 00:00:09,000\nHello\n\n');
  const played = await play(context, [fileItem(url, 0, 100)], 1);
  assertFaults(played, [['SOURCE_INVALID', url]]);
});

test('D7: an edit list moves neither pictures nor sound', async (context) => {
  const { path } = await makeFixture({ programme: 10, frames: 200 });
  const url = join(context.folder, 'cut.mp4');
  // A copy that begins between two key frames: an edit list hides what lies before.
  await output('ffmpeg', ['-v', 'error', '-ss', '1', '-i', path, '-c', 'copy', url]);
  const items = [{ ...fileItem(url, 10, 100), firstNumber: 25 }];
  const played = await play(context, items, 2);
  assertPlays(played, items, 2);
  assertMarks(played, [0, 1, 2, 3]);
});

test('D7: pictures at uneven and repeated times are shown when they are due', async (context) => {
  const { path } = await makeFixture({
    ...{ programme: 11, frames: 150, container: 'mkv' },
    video: words('-c:v libx264 -preset ultrafast -fps_mode vfr -copyts'),
    // Of every five pictures the second and third come late.
    videoFilter: "setpts='(N-if(eq(mod(N,5),2),1,0))/25/TB'",
  });
  const played = await play(context, [fileItem(path, 11, 100)], 2);
  assert.is(played.codes.length, 100);
  played.codes.forEach((code, index) => {
    assert.ok(code && Math.abs(code.number - index) <= 1, `${index}: ${played.shows}`);
  });
  assertFaults(played, []);
});

test('D7: a file that is cut off, and one with a hole, play what there is', async (context) => {
  const { path } = await makeFixture({ programme: 12, frames: 200, container: 'ts' });
  const whole = await readFile(path);
  const short = join(context.folder, 'short.ts');
  await writeFile(short, whole.subarray(0, Math.floor(whole.length / 2)));
  const cut = await play(context, [fileItem(short, 12, 200)], 4);
  assert.match(cut.shows, /^12\/0-\d+ /);
  assertFaults(cut, [['SOURCE_ENDED', short]]);

  const holed = join(context.folder, 'holed.ts');
  const damaged = Buffer.from(whole);
  damaged.fill(0x55, Math.floor(whole.length * 0.4), Math.floor(whole.length * 0.5));
  await writeFile(holed, damaged);
  const played = await play(context, [fileItem(holed, 12, 200)], 4);
  assert.equal(played.codes.at(10), { programme: 12, number: 10 });
  assert.equal(played.codes.at(190), { programme: 12, number: 190 });
});

test('D7: a file that is replaced, deleted or cut off while it plays does not stop the channel', async (context) => {
  const { path } = await makeFixture({ programme: 13, frames: 400, container: 'ts' });
  const other = await makeFixture({ programme: 14, frames: 400, container: 'ts' });
  const ways: Record<string, (file: string) => Promise<void>> = {
    replaced: async (file) => {
      await copyFile(other.path, `${file}.new`);
      await rename(`${file}.new`, file);
    },
    deleted: (file) => rm(file),
    truncated: (file) => truncate(file, 188 * 20),
  };
  for (const [way, change] of Object.entries(ways)) {
    const url = join(context.folder, `${way}.ts`);
    await copyFile(path, url);
    const items = [fileItem(url, 13, 400)];
    const collector = new Collector();
    const producer = context.engine.createProducer(SMALL, collector);
    await producer.produce(request(items, 0, 1, ['180p']));
    await change(url);
    await producer.produce(request(items, 1, 4, ['180p']));
    await producer.stop();
    const played = await judged(collector, 5);
    // An open file stays what it was; one that was cut off ends.
    if (way === 'truncated') assertFaults(played, [['SOURCE_ENDED', url]]);
    else {
      assertPlays(played, items, 5);
      assertFaults(played, []);
    }
  }
});

test('D7: permission denied is slate, and the fault says so', async (context) => {
  const { path } = await makeFixture({ programme: 13, frames: 100 });
  const url = join(context.folder, 'locked.mp4');
  await copyFile(path, url);
  await chmod(context.folder, 0o755);
  await chmod(url, 0);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.('nobody');
  try {
    const collector = await produceBatches(context.engine, [fileItem(url, 0, 500)], 0, [1], SMALL);
    assert.equal(
      collector.faults.map(({ code, source }) => [code, source]),
      [['SOURCE_DENIED', url]],
    );
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test('D8: a gain is the same in every production and leaves the pictures alone', async (context) => {
  const { path } = await makeFixture({ programme: 15, frames: 200 });
  const plain = fileItem(path, 15, 150);
  const gain = 6.02;
  const louder: Item = {
    ...plain,
    source: { kind: 'file', url: path, inPoint: { num: 0, den: 1 }, gain },
  };
  const levels: number[] = [];
  for (const [items, batches] of [
    [[plain], [3]],
    [[louder], [3]],
    [[louder], [1, 2]],
  ] as const) {
    const collector = await produceBatches(context.engine, items, 0, batches, SMALL);
    const played = await judged(collector, 3);
    assertPlays(played, items, 3);
    levels.push(loudestOf(played.samples.subarray(0.5 * RATE, 0.9 * RATE)));
  }
  const [before = 1, after = 0, split = 0] = levels;
  assert.ok(Math.abs(before - TONE_AMPLITUDE) < 0.01, `${before}`);
  assert.ok(Math.abs(after / before - 2) < 0.05, `${after / before}`);
  assert.ok(Math.abs(split / after - 1) < 0.02, `${split / after}`);
});

test.run();
