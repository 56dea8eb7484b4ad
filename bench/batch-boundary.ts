// What the boundary of two batches costs: nothing for a producer that parked, a cold start for one that is started
// anew, and more for a process that is.
import { createNativeEngine } from '../lib/engine/native.js';
import { Collector } from '../test/support/engine-run.js';
import { type Bench, figure } from './harness/bench.js';
import { channel, LADDER, prepareFilm, request } from './harness/channel.js';

const BATCHES = 4;
const RUNGS = LADDER.filter(({ height }) => height === 480);

/** Ticks between the end of each segment and the start of the next, of all renditions, gaps and overlaps alike. */
function gapTicks(collector: Collector): number {
  let sum = 0;
  const ends = new Map<string, number>();
  for (const { rendition, start, duration } of collector.segments) {
    sum += Math.abs(start - (ends.get(rendition) ?? start));
    ends.set(rendition, start + duration);
  }
  return sum;
}

/** Segments [0, 4) in batches of one: by one producer, by one for each, or in one batch. */
async function trial(variant: string): Promise<Record<string, number>> {
  const engine = createNativeEngine();
  const collector = new Collector();
  let framesDecoded = 0;
  const create = () => engine.createProducer(channel(RUNGS), collector);
  let producer = create();
  const [batches, count] = variant === 'one batch' ? [1, BATCHES] : [BATCHES, 1];
  for (let batch = 0; batch < batches; batch += 1) {
    if (variant === 'restarted' && batch > 0) {
      await producer.stop();
      producer = create();
    }
    const report = await producer.produce(request(batch, count, RUNGS));
    framesDecoded += report.framesDecoded;
  }
  await engine.close();
  return { framesDecoded, gapTicks: gapTicks(collector) };
}

export const bench: Bench = {
  title: 'The boundary of two batches',
  about:
    `Four segments of 4 s in ${BATCHES} batches. Frames decoded twice: what the decoder gave more than in one batch of ` +
    'all four, for each boundary (a few frames up or down are how far it happened to be ahead). Gap: ticks that ' +
    'are missing or doubled between segments, video and audio. Goal: zero for a parked producer.',
  variants: ['parked', 'restarted', 'one batch'],
  prepare: prepareFilm,
  trial,
  rows: (rounds) => {
    const once = figure(rounds, 'one batch', 'framesDecoded');
    return ['parked', 'restarted'].map((variant) => ({
      producer: variant,
      'frames decoded twice, each boundary':
        (figure(rounds, variant, 'framesDecoded') - once) / (BATCHES - 1),
      'gap, ticks': figure(rounds, variant, 'gapTicks'),
    }));
  },
};
