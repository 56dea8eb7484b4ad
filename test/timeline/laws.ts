// What must hold for every schedule, whatever it is made of.
import * as assert from 'uvu/assert';
import { airings, entries, type ResolvedSchedule } from '../../lib/timeline/airing.js';

/** What is seen in a frame: which source, and how far into it in frames at 25 fps. */
export function seen(schedule: ResolvedSchedule, frame: number): string {
  const { programme, offsetFrames } = schedule.airingAt(frame);
  const { source } = programme;
  if (source.kind === 'slate') return 'slate';
  if (source.kind === 'generator') return `generator ${source.inFrame + offsetFrames}`;
  return `${source.url} ${(source.inPoint.num * 25) / source.inPoint.den + offsetFrames}`;
}

/** No hole, no overlap; every frame of an airing gives the same airing; entries do not depend on who asks. */
export function assertLawful(schedule: ResolvedSchedule, from: number, count: number): void {
  let expected: number | null = null;
  for (const airing of airings(schedule, from, from + count)) {
    const { startFrame, endFrame } = airing;
    assert.ok(endFrame > startFrame, 'an airing has frames');
    assert.is(airing.programme.frames, endFrame - startFrame, 'its length is its length');
    if (expected === null) assert.ok(startFrame <= from && from < endFrame, 'the first holds from');
    else assert.is(startFrame, expected, 'no hole, no overlap');
    for (const frame of [startFrame, (startFrame + endFrame) >> 1, endFrame - 1]) {
      assert.equal(
        { ...schedule.airingAt(frame), offsetFrames: 0 },
        { ...airing, offsetFrames: 0 },
        'every frame of it knows it',
      );
      assert.is(schedule.airingAt(frame).offsetFrames, frame - startFrame);
    }
    expected = endFrame;
  }
  const all = entries(schedule, from, from + count);
  const middle = from + (count >> 1);
  assert.equal(
    entries(schedule, middle, middle + 1)[0],
    all.find((entry) => entry.endFrame > middle),
    'an entry is the same in every request',
  );
}
