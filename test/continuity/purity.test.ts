// deadline: 300 s
// A segment is a function of (channel, rung, n), as a property: whatever is scheduled and however the segments are
// asked for (one run, batches of any lengths and rungs, cold starts in any order), every production shows the frames
// that the schedule names at the ticks that the grid names, opens with an IDR and has the one init section.
// D4, D5, D8.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ChannelFormat, Engine, Producer, Rung } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { describeCodes } from '../fixtures/barcode.js';
import { readFrames } from '../fixtures/read.js';
import { Collector, PRODUCER } from '../support/engine-run.js';
import {
  airing,
  codesOnAir,
  makeSource,
  type Programme,
  type Source,
  timelineOf,
} from '../support/programmes.js';
import { timesOf } from '../support/segment-facts.js';
import { cases } from '../support/soak.js';

const ACCESS_UNIT = 1024;
const SAMPLE_RATE = 48_000;

/** Small enough that a case takes seconds, large enough that a bar code survives. */
const SIZES = [
  { id: 'large', width: 320, height: 180 },
  { id: 'small', width: 192, height: 108 },
];

/** Frame rates whose segments last about a second, and one with an IDR in a segment's middle. */
const FORMATS: readonly ChannelFormat[] = [
  format(25, 1, 25, 25),
  format(25, 1, 100, 50),
  format(30_000, 1001, 30, 30),
  format(50, 1, 50, 50),
];

function format(num: number, den: number, framesPerSegment: number, keyFrameInterval: number) {
  return {
    ...{ frameRate: { num, den }, framesPerSegment, keyFrameInterval },
    framesPerFragment: keyFrameInterval,
  };
}

/** Everything that a case is about. Batches and cold starts count from `from`. */
interface Case {
  readonly format: ChannelFormat;
  readonly preset: string;
  readonly from: number;
  readonly programmes: readonly {
    readonly source: number;
    readonly inPoint: { readonly num: number; readonly den: number };
    readonly frames: number;
  }[];
  readonly batches: readonly { readonly count: number; readonly rungs: readonly string[] }[];
  /** Order of the cold starts: the segment with the lowest number first. */
  readonly order: readonly number[];
}

const SEGMENTS = 5;
const RUNG_IDS = SIZES.map(({ id }) => id);

const caseOf = (sources: number): fc.Arbitrary<Case> =>
  fc.record({
    format: fc.constantFrom(...FORMATS),
    // Without reordering and look-ahead, with both, and with much of both.
    preset: fc.constantFrom('ultrafast', 'veryfast', 'medium'),
    from: fc.oneof(fc.nat(3), fc.nat(1_000_000)),
    programmes: fc.array(
      fc.record({
        source: fc.nat(sources - 1),
        inPoint: fc.record({ num: fc.nat(90), den: fc.constantFrom(25, 30, 48, 1000) }),
        frames: fc.integer({ min: 1, max: 90 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    batches: fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 10 }), rungs: fc.subarray(RUNG_IDS) }),
      { minLength: 1, maxLength: SEGMENTS },
    ),
    order: fc.array(fc.nat(99), { minLength: SEGMENTS, maxLength: SEGMENTS }),
  });

interface Context {
  engine: Engine;
  sources: Source[];
}

const test = suite<Context>('purity');

test.before(async (context) => {
  context.engine = createNativeEngine();
  // In-point at most 4 s, 90 frames of 25 per second: nothing runs out in 9 s. Timestamps are exact in all of these.
  context.sources = [
    await makeSource({ programme: 1, frames: 225 }),
    await makeSource({
      ...{ programme: 2, frames: 216, frameRate: { num: 24_000, den: 1001 } },
      ...{ width: 480, height: 360, sampleRate: 44_100, channels: 1 },
    }),
    await makeSource({
      ...{ programme: 3, frames: 225, width: 320, height: 180, container: 'ts' },
      ...{ startTime: 50, channels: 6 },
    }),
    await makeSource({
      ...{ programme: 4, frames: 540, frameRate: { num: 60_000, den: 1001 } },
      ...{ width: 320, height: 180, sampleRate: 32_000 },
    }),
    await makeSource({
      ...{ programme: 5, frames: 225, width: 320, height: 180, container: 'mkv', audio: false },
    }),
  ];
});

test.after(async ({ engine }) => {
  await engine.close();
});

function rungsOf(preset: string): Rung[] {
  return SIZES.map(({ id, width, height }) => ({
    ...{ id, width, height, preset, bitrate: 600_000, maxrate: 900_000, bufsize: 1_200_000 },
  }));
}

/** One production of a case: a producer and what came out of it. */
class Production {
  readonly collector = new Collector();
  readonly #producer: Producer;
  readonly #format: ChannelFormat;
  readonly #programmes: readonly Programme[];

  constructor(engine: Engine, one: Case, programmes: readonly Programme[]) {
    const options = { ...PRODUCER, format: one.format, rungs: rungsOf(one.preset) };
    this.#producer = engine.createProducer(options, this.collector);
    this.#format = one.format;
    this.#programmes = programmes;
  }

  async make(from: number, count: number, rungs: readonly string[]): Promise<void> {
    const { framesPerSegment, frameRate } = this.#format;
    // Two segments or three seconds ahead, whatever is more: encoders look ahead in frames.
    const ahead = Math.max(2 * framesPerSegment, 3 * Math.ceil(frameRate.num / frameRate.den));
    const aired = airing(
      this.#programmes,
      Math.max(0, from - Math.ceil(25 / framesPerSegment)) * framesPerSegment,
      (from + count) * framesPerSegment + ahead,
    );
    await this.#producer.produce({ from, count, rungs, timeline: timelineOf(aired) });
  }

  async stop(): Promise<Collector> {
    await this.#producer.stop();
    return this.collector;
  }
}

/** The grid's word on the video segments: the ticks of every frame of segment n, and of the IDRs among them. */
function videoTimes({ framesPerSegment, frameRate, keyFrameInterval }: ChannelFormat, n: number) {
  const step = frameRate.den === 1 ? 1000 : frameRate.den;
  const frames = Array.from({ length: framesPerSegment }, (_, i) => n * framesPerSegment + i);
  const shown = frames.map((frame) => frame * step);
  return { shown, idr: shown.filter((_, index) => index % keyFrameInterval === 0) };
}

/** The same for the audio: access units that start in segment n, in samples. */
function audioTimes({ framesPerSegment, frameRate }: ChannelFormat, n: number) {
  const first = (segment: number) =>
    Math.ceil(
      (segment * framesPerSegment * SAMPLE_RATE * frameRate.den) / (frameRate.num * ACCESS_UNIT),
    );
  const shown: number[] = [];
  for (let unit = first(n); unit < first(n + 1); unit += 1) shown.push(unit * ACCESS_UNIT);
  return { shown, idr: [] };
}

/** Every segment of the production is the one that the case defines, and those that were asked for are there. */
async function assertPure(
  collector: Collector,
  one: Case,
  programmes: readonly Programme[],
  asked: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const { framesPerSegment, frameRate } = one.format;
  assert.equal(collector.faults, []);
  for (const [rendition, sequences] of asked) {
    if (sequences.length === 0) continue;
    const video = rendition !== 'audio';
    const media = collector.media(rendition);
    // One that holds back less than the others may be a segment ahead of the batch; no matter which of two is kept.
    const made = new Map(media.segments.map((segment) => [segment.sequence, segment]));
    assert.equal(
      sequences.filter((sequence) => !made.has(sequence)),
      [],
      rendition,
    );
    const timescale = video
      ? frameRate.den === 1
        ? frameRate.num * 1000
        : frameRate.num
      : SAMPLE_RATE;
    for (const { sequence, data } of media.segments) {
      const times = await timesOf(Buffer.concat([media.init, data]), timescale);
      const due = video ? videoTimes(one.format, sequence) : audioTimes(one.format, sequence);
      assert.equal(times, due, `${rendition} ${sequence}`);
    }
    if (!video) continue;
    const segments = [...made.values()].sort((a, b) => a.sequence - b.sequence);
    const joined = Buffer.concat([media.init, ...segments.map(({ data }) => data)]);
    const { codes, complaints } = await readFrames(joined, [4 / 3]);
    assert.is(complaints, '', rendition);
    const due = segments.flatMap(({ sequence: n }) =>
      codesOnAir(programmes, n * framesPerSegment, (n + 1) * framesPerSegment, frameRate),
    );
    assert.is(describeCodes(codes), describeCodes(due), rendition);
  }
}

function assertSameInits(collector: Collector, first: Collector): void {
  assert.equal([...collector.inits.keys()].sort(), [...first.inits.keys()].sort());
  for (const { rendition, data, codecs } of collector.inits.values()) {
    const other = first.inits.get(rendition);
    assert.is(codecs, other?.codecs);
    assert.ok(Buffer.from(data).equals(other?.data ?? new Uint8Array()), `init of ${rendition}`);
  }
}

/** Segment numbers by rendition. */
function tally(): Map<string, number[]> {
  return new Map(['audio', ...RUNG_IDS].map((rendition) => [rendition, []]));
}

async function check(engine: Engine, sources: readonly Source[], one: Case): Promise<void> {
  const programmes = one.programmes.map(({ source, inPoint, frames }) => {
    const chosen = sources[source];
    if (chosen === undefined) throw new Error('no such source');
    return { source: chosen, inPoint, frames };
  });
  const all = Array.from({ length: SEGMENTS }, (_, index) => one.from + index);

  const run = new Production(engine, one, programmes);
  await run.make(one.from, SEGMENTS, RUNG_IDS);
  const whole = await run.stop();
  const everything = new Map([...tally().keys()].map((rendition) => [rendition, all]));
  await assertPure(whole, one, programmes, everything);

  const split = new Production(engine, one, programmes);
  const inBatches = tally();
  let next = one.from;
  for (const { count, rungs } of one.batches) {
    await split.make(next, count, rungs);
    for (const rendition of ['audio', ...rungs]) {
      for (let n = next; n < next + count; n += 1) inBatches.get(rendition)?.push(n);
    }
    next += count;
  }
  const batched = await split.stop();
  await assertPure(batched, one, programmes, inBatches);
  assertSameInits(batched, whole);

  // One producer jumps from segment to segment; whether one follows the other by chance is no matter.
  const jumps = new Production(engine, one, programmes);
  const inJumps = tally();
  const key = (n: number) => one.order[n - one.from] ?? 0;
  for (const n of all.toSorted((a, b) => key(a) - key(b) || b - a)) {
    const rungs = RUNG_IDS.filter((_, index) => (key(n) >> index) % 2 === 0);
    await jumps.make(n, 1, rungs);
    for (const rendition of ['audio', ...rungs]) inJumps.get(rendition)?.push(n);
  }
  const cold = await jumps.stop();
  await assertPure(cold, one, programmes, inJumps);
  assertSameInits(cold, whole);
}

test('one run, batches of 1 to 10 of any rungs, and cold starts in any order give the same channel', async ({
  engine,
  sources,
}) => {
  await fc.assert(
    fc.asyncProperty(caseOf(sources.length), (one) => check(engine, sources, one)),
    cases(12),
  );
});

test.run();
