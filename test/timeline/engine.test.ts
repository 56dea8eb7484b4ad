// deadline: 240 s
// What a schedule says is what the native engine shows, frame by frame: interruptions, what goes on after
// them, and a change of the schedule while the producer is warm. Judged by the fixtures' bar codes.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createNativeEngine } from '../../lib/engine/native.js';
import { entries, type ResolvedSchedule } from '../../lib/timeline/airing.js';
import { ResolvedLoop } from '../../lib/timeline/loop.js';
import { SplicedSchedule } from '../../lib/timeline/splice.js';
import { ResolvedTimetable } from '../../lib/timeline/timetable.js';
import { describeCodes, type FrameCode } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import {
  Collector,
  FRAME_RATE,
  FRAMES_PER_SEGMENT,
  GRID,
  PRODUCER,
} from '../support/engine-run.js';
import { judgeRendition } from '../support/hls-checker.js';
import { programme } from './programmes.js';

const RUNG = '180p';
const SEGMENTS = 7;
/** The schedule changes when this many segments are made. */
const BEFORE_CHANGE = 2;

async function codesOf(collector: Collector): Promise<readonly (FrameCode | null)[]> {
  const problems: string[] = [];
  const { codes } = await judgeRendition(collector.media(RUNG), { grid: GRID }, problems);
  assert.equal(problems, []);
  return codes;
}

test('interrupted, resumed and changed on the air, every frame is the one that the schedule names', async () => {
  const film = await makeFixture({ programme: 1, frames: 300 });
  const news = await makeFixture({ programme: 2, frames: 60 });
  const other = await makeFixture({ programme: 3, frames: 300, container: 'ts' });
  const numbers = new Map([film, news, other].map(({ path }, index) => [path, index + 1]));
  const show = (schedule: ResolvedSchedule, frame: number): FrameCode | null => {
    const { programme: shown, offsetFrames } = schedule.airingAt(frame);
    const { source } = shown;
    if (source.kind !== 'file') return null;
    const number = (source.inPoint.num * 25) / source.inPoint.den + offsetFrames;
    return { programme: numbers.get(source.url) ?? 0, number };
  };

  const films = new ResolvedLoop([programme(film.path, 290)], -3);
  const interrupted = new ResolvedTimetable(
    [{ programme: programme(news.path, 41), index: 0, startFrame: 73 }],
    { kind: 'over', schedule: films },
    FRAME_RATE,
  );
  const before = SplicedSchedule.of(interrupted, FRAME_RATE);
  const cut = (BEFORE_CHANGE + 2) * FRAMES_PER_SEGMENT + 13;
  const after = before.with(new ResolvedLoop([programme(other.path, 280)], 0), cut);
  const request = (schedule: ResolvedSchedule, from: number) => ({
    ...{ from, count: 1, rungs: [RUNG] },
    timeline: entries(
      schedule,
      Math.max(0, from - 1) * FRAMES_PER_SEGMENT,
      (from + 3) * FRAMES_PER_SEGMENT,
    ),
  });

  const engine = createNativeEngine();
  try {
    const warm = new Collector();
    const producer = engine.createProducer(PRODUCER, warm);
    for (let n = 0; n < SEGMENTS; n++) {
      const { warm: wentOn } = await producer.produce(
        request(n < BEFORE_CHANGE ? before : after, n),
      );
      assert.is(wentOn, n > 0, 'the change does not make the producer start again');
    }
    await producer.stop();
    const expected = Array.from({ length: SEGMENTS * FRAMES_PER_SEGMENT }, (_, frame) =>
      show(after, frame),
    );
    assert.is(describeCodes(await codesOf(warm)), describeCodes(expected));
    assert.equal(warm.faults, []);

    const cold = new Collector();
    const again = engine.createProducer(PRODUCER, cold);
    const changed = Math.floor(cut / FRAMES_PER_SEGMENT);
    await again.produce(request(after, changed));
    await again.stop();
    const from = changed * FRAMES_PER_SEGMENT;
    assert.is(
      describeCodes(await codesOf(cold)),
      describeCodes(expected.slice(from, from + FRAMES_PER_SEGMENT)),
      'made cold, the segment with the change shows the same',
    );
  } finally {
    await engine.close();
  }
});

test.run();
