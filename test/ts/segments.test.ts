// deadline: 240 s
// MPEG-TS segments of the real engine: legal packets, true timestamps, and joins that no receiver notices between
// segments of different productions.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, ProducerOptions } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HeadendError } from '../../lib/errors.js';
import { Grid } from '../../lib/timeline/grid.js';
import { makeFixture } from '../fixtures/make.js';
import { readFrames, readSound } from '../fixtures/read.js';
import { findMarks } from '../fixtures/sound.js';
import {
  type Collector,
  expectedCodes,
  FRAMES_PER_SEGMENT,
  fileItem,
  type Item,
  PRODUCER,
  produceBatches,
} from '../support/engine-run.js';
import { readWithMediabunny } from '../support/media-facts.js';
import { output, words } from '../support/process.js';
import {
  adtsUnits,
  nalTypes,
  readTs,
  stampDifference,
  type TsFacts,
} from '../support/ts-reader.js';

const STAMP_WRAP = 2 ** 33;
const H264 = 0x1b;
const AAC = 0x0f;

const test = suite<{ engine: Engine; items: Item[] }>('ts');

test.before(async (context) => {
  context.engine = createNativeEngine();
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({ programme: 2, frames: 120, sampleRate: 44_100, channels: 1 });
  context.items = [fileItem(a.path, 1, 115, 10), fileItem(b.path, 2, 95, 5)];
});

test.after(async ({ engine }) => {
  await engine.close();
});

/** Segment `sequence` of a rung with its sound, or of the sound alone. */
async function remux(
  engine: Engine,
  made: Collector,
  sequence: number,
  renditions: readonly string[] = ['360p', 'audio'],
): Promise<Uint8Array> {
  return engine.remux(
    renditions.map((rendition) => {
      const { init, segments } = made.media(rendition);
      const segment = segments.find((candidate) => candidate.sequence === sequence);
      if (segment === undefined) throw new Error(`no segment ${sequence} of ${rendition}`);
      return { init, segment: segment.data };
    }),
  );
}

function assertLegal(stream: Uint8Array): TsFacts {
  const facts = readTs(stream);
  assert.equal(facts.problems, []);
  return facts;
}

/** Every unit's time against the channel's grid. */
function assertTimes({ units, streams }: TsFacts, options: ProducerOptions, from: number): void {
  const { frameRate, framesPerSegment } = options.format;
  const grid = new Grid(0, options.format);
  const ticks = (units: number, rate: number, den = 1) =>
    Number(BigInt(Math.round((units * 90_000 * den) / rate)) % BigInt(STAMP_WRAP));
  const pictures = units.filter(({ pid }) => streams.get(pid) === H264);
  const shown = pictures.map(({ pts }) => pts);
  shown.sort((one, other) => stampDifference(one, other));
  for (const [index, pts] of shown.entries()) {
    const expected = ticks(from * framesPerSegment + index, frameRate.num, frameRate.den);
    assert.ok(Math.abs(stampDifference(pts, expected)) <= 1, `picture ${index} at ${pts}`);
  }
  let accessUnit = grid.firstAccessUnit(from);
  for (const { pid, pts, data } of units) {
    if (streams.get(pid) !== AAC) continue;
    assert.is(pts, ticks(accessUnit * 1024, 48_000));
    const { count, clean } = adtsUnits(data);
    assert.ok(clean, 'ADTS units one after the other');
    accessUnit += count;
  }
  const segments = pictures.length / framesPerSegment;
  if (segments > 0) assert.is(accessUnit, grid.firstAccessUnit(from + segments));
}

test('each segment stands alone: tables, an IDR picture with its parameter sets, sound', async ({
  engine,
  items,
}) => {
  const made = await produceBatches(engine, items, 7, [2]);
  for (const sequence of [7, 8]) {
    const segment = await remux(engine, made, sequence);
    const facts = assertLegal(segment);
    assert.equal([...facts.streams.values()].sort(), [AAC, H264]);
    assert.is(facts.streams.get(facts.clockPid), H264);
    assert.equal([...facts.nextCounters.values()], [0, 0, 0, 0]);
    const pictures = facts.units.filter(({ pid }) => pid === facts.clockPid);
    assert.is(pictures.length, FRAMES_PER_SEGMENT);
    for (const [index, { data, randomAccess }] of pictures.entries()) {
      const types = nalTypes(data);
      assert.is(types[0], 9, 'an access unit delimiter first');
      const isIdr = types.includes(5);
      assert.is(isIdr, index % PRODUCER.format.keyFrameInterval === 0);
      assert.is(randomAccess, isIdr);
      if (isIdr) assert.ok(types.indexOf(7) < types.indexOf(8) && types.includes(8), 'SPS and PPS');
    }
    assertTimes(facts, PRODUCER, sequence);
    const { codes, complaints } = await readFrames(segment);
    assert.is(complaints, '');
    assert.equal(codes, expectedCodes(items, sequence, 1));
  }
});

test('the reader that judges here notices what is wrong', async ({ engine, items }) => {
  const made = await produceBatches(engine, items, 5, [3]);
  const [one, , three] = await Promise.all([5, 6, 7].map((n) => remux(engine, made, n)));
  assert.ok(one && three);
  const broken = (change: (bytes: Buffer) => Uint8Array) => readTs(change(Buffer.from(one)));
  const packet = 188;
  const lost = broken((bytes) =>
    Buffer.concat([bytes.subarray(0, 20 * packet), bytes.subarray(21 * packet)]),
  );
  assert.match(lost.problems.join(), /counts/);
  const table = broken((bytes) => bytes.fill(0, 10, 12));
  assert.match(table.problems.join(), /table 0 is broken/);
  const gap = readTs(Buffer.concat([one, three]));
  assert.match(gap.problems.join(), /s between clock references/);
  const back = readTs(Buffer.concat([three, one]));
  assert.match(back.problems.join(), /the clock goes back/);
});

test('equal input gives equal bytes', async ({ engine, items }) => {
  const made = await produceBatches(engine, items, 0, [1]);
  assert.equal(await remux(engine, made, 0), await remux(engine, made, 0));
});

test('warm and cold segments are one stream to every reader', async ({ engine, items }) => {
  const warm = await produceBatches(engine, items, 3, [2, 4]);
  const parts: Uint8Array[] = [];
  for (let sequence = 3; sequence < 9; sequence++) {
    const isCold = sequence % 2 === 0;
    const made = isCold ? await produceBatches(engine, items, sequence, [1]) : warm;
    parts.push(await remux(engine, made, sequence));
  }
  const stream = Buffer.concat(parts);
  assertTimes(assertLegal(stream), PRODUCER, 3);

  const { codes, complaints } = await readFrames(stream);
  assert.is(complaints, '');
  assert.equal(codes, expectedCodes(items, 3, 6));

  const sound = await readSound(stream);
  assert.is(sound.complaints, '');
  const grid = new Grid(0, PRODUCER.format);
  const units = grid.firstAccessUnit(9) - grid.firstAccessUnit(3);
  assert.is(sound.samples.length, units * 1024);
  assert.ok(findMarks(sound.samples, sound.sampleRate).length >= 9, 'a mark in about every second');

  const facts = await readWithMediabunny(stream);
  assert.is(facts.codecString?.slice(0, 5), 'avc1.');
  assert.is(facts.timestamps.length, 6 * FRAMES_PER_SEGMENT);
});

test('ffprobe sees the reordered pictures and the sound where they belong', async ({
  engine,
  items,
}) => {
  const made = await produceBatches(engine, items, 40, [1]);
  const args = words(
    '-v error -show_packets -of json -show_entries packet=codec_type,pts,dts,flags',
  );
  const segment = await remux(engine, made, 40);
  const { packets } = JSON.parse(
    (await output('ffprobe', [...args, 'pipe:0'], { input: segment })).toString(),
  ) as { packets: { codec_type: string; pts: number; dts: number; flags: string }[] };
  const video = packets.filter(({ codec_type }) => codec_type === 'video');
  const first = 40 * FRAMES_PER_SEGMENT * 3600;
  assert.is(video[0]?.pts, first);
  assert.ok(video[0]?.flags.startsWith('K'));
  const [one = Number.NaN] = video.map(({ dts }) => dts);
  assert.ok(first - one > 0 && first - one <= 4 * 3600, 'decoded before it is shown');
  for (const [index, { dts }] of video.entries()) assert.is(dts, one + index * 3600);
  assert.is(packets.find(({ codec_type }) => codec_type === 'audio')?.pts, 40 * 2 * 90_000);
});

test('timestamps wrap after 26.5 hours and nothing else happens', async ({ engine, items }) => {
  // 2^33 / 90000 s lie in segment 47721; an hour more is 4 times that.
  const wrap = Math.floor(STAMP_WRAP / 90_000 / 2);
  for (const from of [wrap - 1, 5 * wrap + 1]) {
    const made = await produceBatches(engine, items, from, [2, 2]);
    const parts: Uint8Array[] = [];
    for (let n = from; n < from + 4; n++) parts.push(await remux(engine, made, n));
    const stream = Buffer.concat(parts);
    const facts = assertLegal(stream);
    assertTimes(facts, PRODUCER, from);
    const stamps = facts.units.map(({ pts }) => pts);
    assert.ok(Math.min(...stamps) < 5 * 90_000 && Math.max(...stamps) > STAMP_WRAP - 5 * 90_000);
    const { codes, complaints } = await readFrames(stream);
    assert.is(complaints, '');
    assert.equal(codes, expectedCodes(items, from, 4));
  }
});

for (const [num, den, framesPerSegment] of [
  [24_000, 1001, 96],
  [60_000, 1001, 120],
  [5, 1, 10],
] as const) {
  test(`${num}/${den} frames per second`, async ({ engine, items }) => {
    const format = {
      frameRate: { num, den },
      framesPerSegment,
      keyFrameInterval: framesPerSegment,
      framesPerFragment: framesPerSegment,
    };
    const options = { ...PRODUCER, format, rungs: PRODUCER.rungs.slice(1) };
    const made = await produceBatches(engine, items, 1001, [1, 2], options);
    const parts: Uint8Array[] = [];
    for (let n = 1001; n < 1004; n++) parts.push(await remux(engine, made, n, ['180p', 'audio']));
    assertTimes(assertLegal(Buffer.concat(parts)), options, 1001);
  });
}

test('sound alone is a transport stream, too', async ({ engine, items }) => {
  const made = await produceBatches(engine, items, 12, [3]);
  const parts: Uint8Array[] = [];
  for (let n = 12; n < 15; n++) parts.push(await remux(engine, made, n, ['audio']));
  const stream = Buffer.concat(parts);
  const facts = assertLegal(stream);
  assert.equal([...facts.streams.values()], [AAC]);
  assertTimes(facts, PRODUCER, 12);
  assert.is((await readSound(stream)).complaints, '');
});

test('what is no segment is refused, and an engine that closes leaves nobody waiting', async ({
  items,
}) => {
  const engine = createNativeEngine();
  const made = await produceBatches(engine, items, 0, [1]);
  const isError = (code: string) => (error: unknown) =>
    error instanceof HeadendError && error.code === code;
  const junk = new Uint8Array(1000).fill(0x55);
  await engine.remux([{ init: junk, segment: junk }]).then(
    () => assert.unreachable(),
    (error) => assert.ok(isError('ENCODE_FAILED')(error), String(error)),
  );
  assert.ok((await remux(engine, made, 0)).length > 0, 'the next one is fine');
  const unfinished = Array.from({ length: 20 }, () =>
    remux(engine, made, 0).then(
      () => 'made',
      (error) => (isError('ENGINE_STOPPED')(error) ? 'stopped' : String(error)),
    ),
  );
  await engine.close();
  for (const outcome of await Promise.all(unfinished)) assert.match(outcome, /^(made|stopped)$/);
  await remux(engine, made, 0).then(
    () => assert.unreachable(),
    (error) => assert.ok(isError('ENGINE_STOPPED')(error)),
  );
});

test.run();
