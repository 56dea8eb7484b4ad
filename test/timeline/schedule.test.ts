// The schedule: what airs at a frame, exactly, whatever the list.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { resolveSchedule } from '../../lib/timeline/resolve.js';
import { entries, loop, type Programme, ResolvedLoop } from '../../lib/timeline/schedule.js';
import { FakeClock } from '../stream/fake-clock.js';
import { FakeEngine, probeResult } from '../stream/fake-engine.js';

const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
const GRID = new Grid(EPOCH, channelFormat({ num: 25, den: 1 }, 4));

function loopOf(lengths: readonly number[], anchorFrame = 0): ResolvedLoop {
  const programmes = lengths.map((frames, index) => ({
    title: `P${index}`,
    source: { kind: 'file', url: `/${index}`, inPoint: { num: 0, den: 1 } } as const,
    frames,
  }));
  return new ResolvedLoop(programmes, anchorFrame);
}

function engine(
  durations: Readonly<Record<string, [num: number, den: number] | null>>,
): FakeEngine {
  const fake = new FakeEngine(new FakeClock(EPOCH));
  for (const [url, duration] of Object.entries(durations)) {
    fake.probes.set(
      url,
      probeResult({
        duration: duration && { num: duration[0], den: duration[1] },
        title: url === '/titled.mp4' ? 'A title' : '',
      }),
    );
  }
  return fake;
}

async function resolve(programmes: readonly Programme[], fake = engine({}), anchor?: string) {
  const written = loop(programmes, anchor === undefined ? {} : { anchor });
  const { schedule } = await resolveSchedule(written, context(fake));
  return schedule;
}

function context(fake: FakeEngine, grid = GRID) {
  return { grid, clock: fake.clock, probe: (url: string) => fake.probe(url) };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HeadendError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no error';
}

const lengths = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 40 });
const anyFrame = fc.integer({ min: -1_000_000, max: 1_000_000_000_000 });

test('a frame airs where a walk through the list, lap after lap, arrives', () => {
  fc.assert(
    fc.property(
      lengths,
      fc.nat(20_000),
      fc.integer({ min: -500, max: 500 }),
      (list, steps, anchor) => {
        const schedule = loopOf(list, anchor);
        let index = 0;
        let left = steps;
        for (let length = list[0] ?? 0; left >= length; length = list[index] ?? 0) {
          left -= length;
          index = (index + 1) % list.length;
        }
        const airing = schedule.airingAt(anchor + steps);
        assert.is(airing.index, index);
        assert.is(airing.offsetFrames, left);
        assert.is(airing.startFrame, anchor + steps - left);
        assert.is(airing.endFrame, airing.startFrame + (list[index] ?? 0));
      },
    ),
  );
});

test('one lap later the same programme airs at the same offset, before the anchor too', () => {
  fc.assert(
    fc.property(lengths, anyFrame, (list, frame) => {
      const schedule = loopOf(list);
      const lap = list.reduce((sum, length) => sum + length, 0);
      const one = schedule.airingAt(frame);
      const other = schedule.airingAt(frame + lap);
      assert.is(other.index, one.index);
      assert.is(other.offsetFrames, one.offsetFrames);
    }),
  );
});

test('entries cover a range without hole or overlap, and are the same whichever range asks', () => {
  fc.assert(
    fc.property(lengths, anyFrame, fc.integer({ min: 1, max: 3000 }), (list, from, count) => {
      const schedule = loopOf(list);
      const all = entries(schedule, from, from + count);
      assert.ok((all[0]?.startFrame ?? Infinity) <= from);
      assert.ok((all.at(-1)?.endFrame ?? -Infinity) >= from + count);
      for (const [index, entry] of all.entries()) {
        assert.ok(entry.endFrame > entry.startFrame);
        const following = all[index + 1];
        if (following) assert.is(following.startFrame, entry.endFrame);
      }
      const middle = from + Math.floor(count / 2);
      assert.equal(
        entries(schedule, middle, middle + 1)[0],
        all.find((entry) => entry.endFrame > middle),
      );
    }),
  );
});

test('the same file twice is two programmes: A, B, A, C', async () => {
  const fake = engine({ '/a.mp4': [10, 1], '/b.mp4': [20, 1], '/c.mp4': [30, 1] });
  const files = ['/a.mp4', '/b.mp4', '/a.mp4', '/c.mp4'];
  const schedule = await resolve(
    files.map((source) => ({ source })),
    fake,
  );
  const order = entries(schedule, 0, 70 * 25).map(
    ({ source }) => source.kind === 'file' && source.url,
  );
  assert.equal(order, files);
  assert.is(schedule.airingAt(30 * 25).index, 2);
  assert.is(fake.probed.length, 3, 'each file is probed once');
});

test('lengths are whole frames of the exact duration, from the in point to the end', async () => {
  const fake = engine({ '/a.mp4': [1001, 100], '/b.mp4': [1, 1000] });
  const schedule = await resolve([{ source: '/a.mp4', inPoint: 4.01 }, { source: '/b.mp4' }], fake);
  // 10.01 s - 4.01 s is 150 frames; a thousandth of a second still airs one frame.
  assert.equal(
    entries(schedule, 0, 151).map(({ startFrame, endFrame }) => [startFrame, endFrame]),
    [
      [0, 150],
      [150, 151],
    ],
  );
  const [first] = entries(schedule, 0, 1);
  assert.equal(first?.source, { kind: 'file', url: '/a.mp4', inPoint: { num: 401, den: 100 } });
});

test('an explicit duration is taken as it is, and the file is not looked at', async () => {
  const fake = engine({});
  const schedule = await resolve([{ source: '/missing.mp4', duration: 60 }], fake);
  assert.is(schedule.airingAt(0).endFrame, 1500);
  assert.equal(fake.probed, []);
});

test('a decimal duration that was cut at the microsecond keeps its last frame', async () => {
  const grid = new Grid(EPOCH, channelFormat({ num: 30, den: 1 }, 4));
  const { schedule } = await resolveSchedule(
    loop([{ source: '/a', duration: 10.033333 }]),
    context(engine({}), grid),
  );
  assert.is(schedule.airingAt(0).endFrame, 301);
});

test('generators run on their own time: the in point becomes frames', async () => {
  const schedule = await resolve([
    { source: { video: 'hue=h=t', audio: 'anull' }, inPoint: 3600, duration: 10, title: 'Hues' },
  ]);
  const { programme } = schedule.airingAt(0);
  assert.equal(programme.source, {
    kind: 'generator',
    video: 'hue=h=t',
    audio: 'anull',
    inFrame: 90_000,
  });
  assert.is(programme.title, 'Hues');
});

test("a title is the given one, else the file's, else its name", async () => {
  const fake = engine({ '/titled.mp4': [10, 1], '/shows/Pilot.S01.mkv': [10, 1] });
  const schedule = await resolve(
    [
      { source: '/titled.mp4', title: 'Given' },
      { source: '/titled.mp4' },
      { source: '/shows/Pilot.S01.mkv' },
    ],
    fake,
  );
  const titles = [0, 250, 500].map((frame) => schedule.airingAt(frame).programme.title);
  assert.equal(titles, ['Given', 'A title', 'Pilot.S01']);
});

test('the anchor is where a lap starts', async () => {
  const programmes = [
    { source: '/a', duration: 10 },
    { source: '/b', duration: 10 },
  ];
  const schedule = await resolve(programmes, engine({}), '2025-01-01T00:00:05Z');
  assert.is(schedule.airingAt(5 * 25).index, 0);
  assert.is(schedule.airingAt(5 * 25 - 1).index, 1);
});

test('mistakes are named', async () => {
  const fake = engine({ '/long.mp4': [10, 1], '/live.ts': null });
  assert.throws(
    () => loop([]),
    (error: unknown) => error instanceof HeadendError && error.code === 'SCHEDULE_EMPTY',
  );
  assert.throws(
    () => loop([{ source: '/a', duration: 0 }]),
    /loop: \[0\]\.duration must be > 0, got 0/,
  );
  assert.throws(() => loop([{ source: '/a' }], { anchor: 'tomorrow' }), /anchor .* got tomorrow/);
  assert.match(
    await codeOf(resolve([{ source: '/gone.mp4' }], fake)),
    /^SOURCE_NOT_FOUND .*\/gone\.mp4/,
  );
  assert.match(
    await codeOf(resolve([{ source: '/live.ts' }], fake)),
    /^SOURCE_INVALID programme 0: \/live\.ts/,
  );
  assert.match(
    await codeOf(resolve([{ source: '/long.mp4', inPoint: 10 }], fake)),
    /^INVALID_OPTIONS programme 0: inPoint must be before the end of \/long\.mp4 at 10\.000 s, got 10/,
  );
  assert.match(
    await codeOf(resolve([{ source: { video: 'null', audio: 'anull' } }])),
    /^INVALID_OPTIONS/,
  );
});

test('many files are probed a few at a time', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `/${index}.mp4`);
  const fake = engine(Object.fromEntries(names.map((name) => [name, [10, 1] as [number, number]])));
  await resolve(
    names.map((source) => ({ source })),
    fake,
  );
  assert.is(fake.mostProbing, 4);
});

test('C2: one broken file among hundreds is left out and reported, the others keep their positions', async () => {
  const names = Array.from({ length: 500 }, (_, index) => `/${index}.mp4`);
  const good = names.filter((name) => name !== '/250.mp4');
  const fake = engine(Object.fromEntries(good.map((name) => [name, [10, 1] as [number, number]])));
  const written = loop(names.map((source) => ({ source })));
  const { schedule, problems } = await resolveSchedule(written, context(fake));
  assert.equal(
    problems.map(({ code, index, source }) => ({ code, index, source })),
    [{ code: 'SOURCE_NOT_FOUND', index: 250, source: '/250.mp4' }],
  );
  assert.is(schedule.airingAt(250 * 250).index, 251);
  assert.is(schedule.airingAt(499 * 250).index, 0, 'a pass has 499 programmes');
});

test('C2: a broken file with an explicit duration keeps its place, and is reported when it was looked at', async () => {
  const fake = engine({ '/good.mp4': [10, 1] });
  const written = loop([{ source: '/good.mp4' }, { source: '/gone.mp4', duration: 20 }]);
  const needed = await resolveSchedule(written, context(fake));
  assert.equal(needed.problems, [], 'it was not looked at');
  const all = await resolveSchedule(written, { ...context(fake), check: 'all' });
  assert.equal(
    all.problems.map(({ code, index }) => [code, index]),
    [['SOURCE_NOT_FOUND', 1]],
  );
  assert.is(all.schedule.airingAt(300).endFrame, 30 * 25);
});

test('C2: nothing playable is an error, the one of the first programme', async () => {
  const fake = engine({ '/live.ts': null });
  const written = loop([{ source: '/live.ts' }, { source: '/gone.mp4' }]);
  assert.match(
    await codeOf(resolveSchedule(written, context(fake))),
    /^SOURCE_INVALID programme 0/,
  );
  const explicit = loop([{ source: '/gone.mp4', duration: 20 }]);
  assert.match(
    await codeOf(resolveSchedule(explicit, { ...context(fake), check: 'all' })),
    /^SOURCE_NOT_FOUND/,
  );
});

test('F4: an out point is another way to say the duration', async () => {
  const schedule = await resolve([{ source: '/a.mp4', inPoint: 2.5, outPoint: 12.5 }]);
  const { programme } = schedule.airingAt(0);
  assert.is(programme.frames, 250);
  assert.equal(programme.source, { kind: 'file', url: '/a.mp4', inPoint: { num: 5, den: 2 } });
  assert.throws(
    () => loop([{ source: '/a.mp4', inPoint: 5, outPoint: 5 }]),
    /loop: \[0\] must have an outPoint behind its inPoint/,
  );
  assert.throws(
    () => loop([{ source: '/a.mp4', outPoint: 5, duration: 5 }]),
    /loop: \[0\] must have an outPoint or a duration, not both/,
  );
});

test('F4: a duration that the file does not fill is known', async () => {
  const fake = engine({ '/a.mp4': [10, 1] });
  const written = loop([{ source: '/a.mp4', inPoint: 4, duration: 8 }, { source: '/a.mp4' }]);
  const { schedule, problems } = await resolveSchedule(written, context(fake));
  const { programme } = schedule.airingAt(0);
  assert.is(programme.frames, 200, 'it airs as long as it was asked to');
  assert.is(programme.unfilledFrames, 50, 'two seconds of it are slate');
  assert.equal(
    problems.map(({ code, index, source }) => ({ code, index, source })),
    [{ code: 'SOURCE_ENDED', index: 0, source: '/a.mp4' }],
  );
});

test('F1: exact at 24000/1001 after ten years, frame by frame around the cut', async () => {
  const grid = new Grid(EPOCH, channelFormat({ num: 24_000, den: 1001 }, 4));
  const programmes = [
    { source: '/a', duration: 1001 },
    { source: '/b', duration: 500.5 },
  ];
  const { schedule } = await resolveSchedule(loop(programmes), context(engine({}), grid));
  // A pass is 36,000 frames, 1501.5 s. Pass 210,000 begins 315,315,000 s, ten years, after the epoch.
  const begin = EPOCH + 315_315_000_000;
  const first = schedule.airingAt(grid.frameAt(begin));
  assert.is(first.startFrame, 210_000 * 36_000);
  assert.is(first.offsetFrames, 0);
  assert.is(first.index, 0);
  assert.is(schedule.airingAt(grid.frameAt(begin - 1)).index, 1);
  assert.is(grid.instantOfFrame(first.startFrame), begin);
  const cut = grid.frameAt(begin + 1_001_000);
  assert.is(schedule.airingAt(cut).index, 1);
  assert.is(schedule.airingAt(cut).offsetFrames, 0);
  assert.is(schedule.airingAt(cut - 1).index, 0);
});

test.run();
