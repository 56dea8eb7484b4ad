// deadline: 240 s
// Clips from real encoders and cameras, spliced one after the other: every segment decodes without an error
// and is on the grid. They are not part of the repository; without them there is nothing to test.
import { basename } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HeadendError } from '../../lib/errors.js';
import { type Collector, GRID, type Item, produceBatches } from '../support/engine-run.js';
import { judgeRendition } from '../support/hls-checker.js';
import { realClips } from '../support/real-clips.js';

const clips = realClips();
/** Frames of each clip in the channel of all; fewer where the clip is shorter. */
const FRAMES_EACH = 40;
const IN_POINT = { num: 1, den: 2 };
/** Clips of the set whose pictures cannot be decoded, by what their names say. */
const UNDECODABLE = /undecodable/;

const test = suite<{ engine: Engine }>('real clips');

test.before((context) => {
  context.engine = createNativeEngine();
});

test.after(async ({ engine }) => {
  await engine.close();
});

/** A part of the clip, from half a second in. */
function clipItem(url: string, frames: number): Item {
  const source = { kind: 'file', url, inPoint: IN_POINT } as const;
  return { source, frames, programme: null, firstNumber: 0 };
}

async function wholeFrames(engine: Engine, url: string): Promise<number> {
  const { duration } = await engine.probe(url);
  if (duration === null) return FRAMES_EACH;
  const seconds = duration.num / duration.den - IN_POINT.num / IN_POINT.den;
  return Math.max(1, Math.min(FRAMES_EACH, Math.floor(seconds * 25) - 1));
}

async function assertSound(collector: Collector): Promise<void> {
  for (const rendition of ['360p', '180p', 'audio']) {
    const problems: string[] = [];
    await judgeRendition(collector.media(rendition), { grid: GRID }, problems);
    assert.equal(problems, []);
  }
}

if (clips.length === 0) {
  test.skip('need a folder of clips', () => {});
} else {
  test('all of them in one channel: every segment is sound, faults only where a clip is broken', async ({
    engine,
  }) => {
    const items: Item[] = [];
    for (const clip of clips) items.push(clipItem(clip, await wholeFrames(engine, clip)));
    const frames = items.reduce((sum, item) => sum + item.frames, 0);
    const segments = Math.ceil(frames / GRID.framesPerSegment);
    const collector = await produceBatches(engine, items, 0, [4, segments - 4]);
    await assertSound(collector);
    const faulty = new Set(collector.faults.map(({ source }) => basename(source)));
    assert.equal(
      [...faulty].filter((name) => !UNDECODABLE.test(name)),
      [],
    );
  });

  for (const clip of clips) {
    test(`${basename(clip)} alone: a cold start is sound`, async ({ engine }) => {
      const collector = await produceBatches(engine, [clipItem(clip, 60)], 2, [1]);
      await assertSound(collector);
    });
  }

  test('each is probed, or refused with a typed error', async ({ engine }) => {
    for (const clip of clips) {
      try {
        const { duration, video, audio } = await engine.probe(clip);
        assert.ok(video !== null || audio !== null, `${clip}: no stream`);
        assert.ok(duration === null || duration.num > 0, `${clip}: a duration of ${duration?.num}`);
      } catch (error) {
        assert.instance(error, HeadendError);
      }
    }
  });
}

test.run();
