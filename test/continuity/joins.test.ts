// Sound across a join: beside a cold segment the error is 38 dB below a tone at least, where a click or a hole leaves
// 0 to 20. Measured with a pure tone from a generator, the hardest case: every sample is foretold, nothing masks the
// error, and nothing but the engine's own encode is between the tone and the ear.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, EntrySource } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { readSound } from '../fixtures/read.js';
import { worstSineSnr } from '../fixtures/sound.js';
import { Collector, type Item, PRODUCER, request } from '../support/engine-run.js';

const HZ = 997;
const SEGMENTS = 6;
/** The encoder begins with the run, here before the first sample that is measured. */
const SETTLED = 9600;
/** The worst 20 ms anywhere, joins included; and in a run without joins, which shows that the measure is good to that. */
const [JOINED_DB, CONTINUOUS_DB] = [38, 50];

const tone = `0.25*sin(2*PI*${HZ}*t)`;
const source: EntrySource = {
  kind: 'generator',
  video: 'null',
  audio: `aeval='${tone}|${tone}'`,
  inFrame: 0,
};
const items: Item[] = [{ source, frames: 10_000, programme: null, firstNumber: 0 }];

interface Context {
  engine: Engine;
  init: Uint8Array;
  /** Segments of one uninterrupted run. */
  warm: Uint8Array[];
  /** Each the first of a run of its own. */
  cold: Uint8Array[];
}

const test = suite<Context>('joins');

async function produce(engine: Engine, from: number, count: number): Promise<Collector> {
  const collector = new Collector();
  const producer = engine.createProducer(PRODUCER, collector);
  await producer.produce(request(items, from, count, []));
  await producer.stop();
  assert.equal(collector.faults, []);
  return collector;
}

function bytesOf(collector: Collector): Uint8Array[] {
  return collector.media('audio').segments.map(({ data }) => data);
}

async function worst(init: Uint8Array, segments: readonly Uint8Array[]): Promise<number> {
  const sound = await readSound(Buffer.concat([init, ...segments]));
  assert.is(sound.complaints, '');
  const { samples, sampleRate } = sound;
  // The very end is the encoder's, which nobody feeds any more.
  const to = samples.length - 2048;
  return worstSineSnr(samples, { hz: HZ, sampleRate, from: SETTLED, to }).snr;
}

test.before(async (context) => {
  context.engine = createNativeEngine();
  const run = await produce(context.engine, 0, SEGMENTS);
  context.init = run.media('audio').init;
  context.warm = bytesOf(run);
  context.cold = [];
  for (let n = 0; n < SEGMENTS; n += 1)
    context.cold.push(...bytesOf(await produce(context.engine, n, 1)));
});

test.after(async ({ engine }) => {
  await engine.close();
});

function assertAtLeast(least: number, snr: number): void {
  assert.ok(snr >= least, `${snr.toFixed(1)} dB`);
}

test('an uninterrupted run', async ({ init, warm }) => {
  assertAtLeast(CONTINUOUS_DB, await worst(init, warm));
});

test('cold segments between warm ones', async ({ init, warm, cold }) => {
  const mixed = warm.map((segment, n) => (n % 2 === 0 ? segment : (cold[n] ?? segment)));
  assertAtLeast(JOINED_DB, await worst(init, mixed));
});

test('cold segments alone', async ({ init, cold }) => {
  assertAtLeast(JOINED_DB, await worst(init, cold));
});

test('a segment that is left out is heard: the measure can fail', async ({ init, warm }) => {
  const left = await worst(init, [...warm.slice(0, 2), ...warm.slice(3)]);
  assert.ok(left < 20, `${left.toFixed(1)} dB`);
});

test.run();
