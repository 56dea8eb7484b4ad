// Programmes with start times: what airs in, between, before and behind them.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { airings } from '../../lib/timeline/airing.js';
import { loop } from '../../lib/timeline/loop.js';
import { resolveSchedule } from '../../lib/timeline/resolve.js';
import {
  type AtOptions,
  at,
  type Filling,
  ResolvedTimetable,
} from '../../lib/timeline/timetable.js';
import { assertLawful, seen } from './laws.js';
import { contextOf, FRAME_RATE, lengths, loopOf, programme } from './programmes.js';

const slots = fc
  .uniqueArray(fc.tuple(fc.integer({ min: -2000, max: 8000 }), fc.integer({ min: 1, max: 900 })), {
    selector: ([start]) => start,
    minLength: 1,
    maxLength: 12,
  })
  .map((list) =>
    list.map(([startFrame, frames], index) => ({
      programme: programme(`P${index}`, frames),
      index,
      startFrame,
    })),
  );

const filling: fc.Arbitrary<Filling> = fc.oneof(
  fc.constant({ kind: 'slate' as const, outside: 'slate' as const }),
  fc.record({
    kind: fc.constant('between' as const),
    loop: lengths.map((list) => loopOf(list)),
    lastFiller: fc.constantFrom('cut' as const, 'out' as const),
  }),
  fc.record({
    kind: fc.constant('over' as const),
    schedule: fc
      .tuple(lengths, fc.integer({ min: -500, max: 500 }))
      .map(([list, anchor]) => loopOf(list, anchor)),
  }),
);

const window = fc.tuple(
  fc.integer({ min: -200_000, max: 200_000 }),
  fc.integer({ min: 1, max: 9000 }),
);

test('any timetable, however it is filled, covers time without hole or overlap', () => {
  fc.assert(
    fc.property(slots, filling, window, (list, fill, [from, count]) => {
      assertLawful(new ResolvedTimetable(list, fill, FRAME_RATE), from, count);
    }),
  );
});

test('a programme airs from its start until it is over or the next one starts', () => {
  fc.assert(
    fc.property(slots, filling, (list, fill) => {
      const schedule = new ResolvedTimetable(list, fill, FRAME_RATE);
      for (const {
        startFrame,
        programme: { frames, title },
        index,
      } of list) {
        const next = Math.min(
          ...list.map((slot) => slot.startFrame).filter((start) => start > startFrame),
        );
        const airing = schedule.airingAt(startFrame);
        assert.is(airing.startFrame, startFrame);
        assert.is(airing.endFrame, Math.min(startFrame + frames, next));
        assert.is(airing.index, index);
        assert.is(airing.programme.title, title);
        assert.is(airing.kind, 'programme');
      }
    }),
  );
});

test('what a schedule underneath shows in a gap is what it would have shown alone', () => {
  fc.assert(
    fc.property(slots, lengths, window, (list, base, [from, count]) => {
      const over = loopOf(base);
      const schedule = new ResolvedTimetable(list, { kind: 'over', schedule: over }, FRAME_RATE);
      for (let frame = from; frame < from + count; frame += 97) {
        const slot = list.some(
          ({ startFrame, programme: { frames } }) =>
            startFrame <= frame && frame < startFrame + frames,
        );
        if (!slot) assert.is(seen(schedule, frame), seen(over, frame));
      }
    }),
  );
});

test('each gap begins with the start of a filler, the one after the last of the gap before', () => {
  const list = [0, 1000, 2000, 3000].map((startFrame, index) => ({
    programme: programme(`P${index}`, 500),
    index,
    startFrame,
  }));
  const fillers = loopOf([200, 150, 400], 0, 'F');
  const schedule = new ResolvedTimetable(
    list,
    { kind: 'between', loop: fillers, lastFiller: 'cut' },
    FRAME_RATE,
  );
  const shown = Array.from(
    airings(schedule, 0, 3500),
    ({ programme: { title }, startFrame, endFrame }) => [title, endFrame - startFrame],
  );
  assert.equal(shown, [
    ['P0', 500],
    ['F0', 200],
    ['F1', 150],
    ['F2', 150],
    ['P1', 500],
    ['F0', 200],
    ['F1', 150],
    ['F2', 150],
    ['P2', 500],
    ['F0', 200],
    ['F1', 150],
    ['F2', 150],
    ['P3', 500],
  ]);
  assert.is(schedule.airingAt(600).kind, 'filler');
  assert.is(schedule.airingAt(-1).endFrame, 0, 'before the first programme a filler ends in time');
  assert.is(schedule.airingAt(-1).programme.frames, 400, 'and is whole');
});

test('a filler that does not fit whole is left out on request', () => {
  const list = [0, 1000].map((startFrame, index) => ({
    programme: programme(`P${index}`, 500),
    index,
    startFrame,
  }));
  const fill = { kind: 'between' as const, loop: loopOf([200, 400]), lastFiller: 'out' as const };
  const schedule = new ResolvedTimetable(list, fill, FRAME_RATE);
  assert.is(schedule.airingAt(699).kind, 'filler');
  const rest = schedule.airingAt(700);
  assert.equal([rest.kind, rest.startFrame, rest.endFrame], ['slate', 700, 1000]);
});

async function resolved(written: ReturnType<typeof at>, context = contextOf()) {
  return resolveSchedule(written, context);
}

function codeOf(error: unknown): string {
  assert.instance(error, HeadendError);
  return error instanceof HeadendError ? error.code : '';
}

test('F2: before, between and behind the programmes there is slate', async () => {
  const { schedule } = await resolved(
    at([
      { source: '/a', duration: 10, startsAt: '2025-01-01T00:01:00Z' },
      { source: '/b', duration: 10, startsAt: '2025-01-01T01:02:00+01:00' },
    ]),
  );
  const minute = 60 * 25;
  assert.is(seen(schedule, minute - 1), 'slate');
  assert.is(seen(schedule, minute), '/a 0');
  assert.is(seen(schedule, minute + 249), '/a 249');
  assert.is(seen(schedule, minute + 250), 'slate');
  assert.is(schedule.airingAt(minute + 250).endFrame, 2 * minute);
  assert.is(seen(schedule, 2 * minute), '/b 0');
  assert.is(seen(schedule, 2 * minute + 250), 'slate');
  assert.is(seen(schedule, 1e12), 'slate');
  assert.is(schedule.refusal?.(0), null);
});

test('F2: not started and finished are errors on request, and only outside of the programmes', async () => {
  const options: AtOptions = { outside: 'error' };
  const programmes = [
    { source: '/a', duration: 10, startsAt: '2025-01-01T00:01:00Z' },
    { source: '/b', duration: 10, startsAt: '2025-01-01T00:02:00Z' },
  ];
  const { schedule } = await resolved(at(programmes, options));
  assert.is(codeOf(schedule.refusal?.(1499)), 'SCHEDULE_NOT_STARTED');
  assert.is(schedule.refusal?.(1500), null);
  assert.is(schedule.refusal?.(2000), null, 'a gap is no end');
  assert.is(schedule.refusal?.(3249), null);
  assert.is(codeOf(schedule.refusal?.(3250)), 'SCHEDULE_ENDED');
});

test('F2: what is laid over a timetable that is over airs, and is not refused as over', async () => {
  const minute = 60 * 25;
  const under = at([{ source: '/under', duration: 10, startsAt: '2025-01-01T00:01:00Z' }], {
    outside: 'error',
  });
  const { schedule } = await resolved(
    at(
      [
        { source: '/early', duration: 10, startsAt: '2025-01-01T00:00:00Z' },
        { source: '/late', duration: 10, startsAt: '2025-01-01T00:02:00Z' },
      ],
      { over: under },
    ),
  );
  for (const start of [0, 2 * minute]) {
    for (const frame of [start, start + 249]) {
      assert.is(schedule.airingAt(frame).kind, 'programme');
      assert.is(schedule.refusal?.(frame), null, `frame ${frame}`);
    }
  }
  assert.is(schedule.refusal?.(minute), null);
  // Where nothing of its own airs, what is underneath says what is the matter.
  for (const frame of [-1, 250, minute - 1]) {
    assert.is(codeOf(schedule.refusal?.(frame)), 'SCHEDULE_NOT_STARTED', `frame ${frame}`);
  }
  for (const frame of [minute + 250, 2 * minute - 1, 2 * minute + 250]) {
    assert.is(codeOf(schedule.refusal?.(frame)), 'SCHEDULE_ENDED', `frame ${frame}`);
  }
});

test('programmes without a start follow the one before', async () => {
  const { schedule } = await resolved(
    at([
      { source: '/a', startsAt: new Date('2025-01-01T00:01:00Z') },
      { source: '/b', duration: 5 },
    ]),
    contextOf({ '/a': 10.02 }),
  );
  const second = schedule.airingAt(1500 + 250);
  assert.equal([second.index, second.startFrame, second.endFrame], [1, 1750, 1875]);
});

test('the news interrupts the loop, which is then where it would have been', async () => {
  const films = loop([
    { source: '/film', duration: 90 * 60 },
    { source: '/other', duration: 90 * 60 },
  ]);
  const news = {
    source: '/news',
    duration: 15 * 60,
    startsAt: '2025-01-01T01:00:00Z',
    title: 'News',
  };
  const { schedule } = await resolved(at([news], { over: films }));
  const hour = 3600 * 25;
  assert.is(seen(schedule, hour - 1), `/film ${hour - 1}`);
  assert.is(seen(schedule, hour), '/news 0');
  assert.is(seen(schedule, hour + 15 * 60 * 25), `/film ${hour + 15 * 60 * 25}`);
  assert.is(schedule.airingAt(hour + 15 * 60 * 25).endFrame, 1.5 * hour);
});

test('a programme whose length nobody knows leaves its place to what fills the gaps', async () => {
  const { schedule, problems } = await resolved(
    at(
      [
        { source: '/gone', startsAt: '2025-01-01T00:00:10Z' },
        { source: '/b', duration: 10, startsAt: '2025-01-01T00:01:00Z' },
      ],
      { between: loop([{ source: '/trailer', duration: 20 }]) },
    ),
  );
  assert.equal(
    problems.map(({ code, index }) => [code, index]),
    [['SOURCE_NOT_FOUND', 0]],
  );
  assert.is(schedule.airingAt(300).kind, 'filler');
});

test('two that start in the same frame: the later in the list airs, the other is reported', async () => {
  const { schedule, problems } = await resolved(
    at([
      { source: '/a', duration: 60, startsAt: '2025-01-01T00:00:00Z' },
      { source: '/b', duration: 60 },
      { source: '/c', duration: 60, startsAt: '2025-01-01T00:01:00Z' },
    ]),
  );
  assert.is(schedule.airingAt(1500).index, 2);
  assert.match(problems[0]?.message ?? '', /programme 1 never airs/);
});

test('mistakes are named', () => {
  const a = { source: '/a', duration: 10 };
  assert.throws(
    () => at([]),
    (error: unknown) => codeOf(error) === 'SCHEDULE_EMPTY',
  );
  assert.throws(() => at([a]), /at: \[0\]\.startsAt must say when the first programme starts/);
  assert.throws(
    () => at([{ ...a, startsAt: '2025-01-01T20:00:00' }]),
    /at: \[0\]\.startsAt must be a Date or an ISO 8601 string with Z or an offset, got 2025-01-01T20:00:00/,
  );
  const startsAt = '2025-01-01T20:00:00Z';
  assert.throws(
    () =>
      at([
        { ...a, startsAt },
        { ...a, startsAt: '2025-01-01T21:00:00+01:00' },
      ]),
    /at: \[1\]\.startsAt must differ from all others/,
  );
  const fill = loop([a]);
  assert.throws(
    () => at([{ ...a, startsAt }], { between: fill, over: fill }),
    /at: over must not be given together with between/,
  );
});

test.run();
