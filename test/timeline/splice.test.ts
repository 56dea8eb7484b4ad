// Changes of a schedule while it airs: what was made stays, and a segment's name never means two things.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { agree, entries } from '../../lib/timeline/airing.js';
import { ChannelSchedule } from '../../lib/timeline/channel-schedule.js';
import { loop } from '../../lib/timeline/loop.js';
import { SplicedSchedule } from '../../lib/timeline/splice.js';
import { assertLawful, seen } from './laws.js';
import { contextOf, EPOCH, FRAME_RATE, GRID, lengths, loopOf } from './programmes.js';

const S = GRID.format.framesPerSegment;

/** Loops that take over from each other at random frames, in the order they were given. */
const changes = fc.array(fc.tuple(lengths, fc.integer({ min: 0, max: 5000 })), { maxLength: 6 });

function spliced(first: readonly number[], list: readonly (readonly [number[], number])[]) {
  const schedules = [first, ...list.map(([next]) => next)].map((next, i) =>
    loopOf(next, 0, `S${i}-`),
  );
  let result = SplicedSchedule.of(schedules[0] ?? loopOf([1]), FRAME_RATE);
  for (const [i, [, from]] of list.entries())
    result = result.with(schedules[i + 1] ?? loopOf([1]), from);
  return { schedule: result, schedules };
}

test('any row of changes covers time without hole or overlap', () => {
  fc.assert(
    fc.property(lengths, changes, fc.integer({ min: -500, max: 6000 }), (first, list, from) => {
      assertLawful(spliced(first, list).schedule, from, 2000);
    }),
  );
});

test('every frame shows what the last schedule shows that was to air there', () => {
  fc.assert(
    fc.property(lengths, changes, (first, list) => {
      const { schedule, schedules } = spliced(first, list);
      for (let frame = -100; frame < 6000; frame += 61) {
        // A later change drops whatever was to follow from its frame on.
        let owner = 0;
        for (const [i, [, from]] of list.entries()) if (from <= frame) owner = i + 1;
        assert.is(seen(schedule, frame), seen(schedules[owner] ?? loopOf([1]), frame));
      }
    }),
  );
});

test('a segment is named after what airs in it, and after nothing else', () => {
  fc.assert(
    fc.property(lengths, lengths, fc.integer({ min: 0, max: 5000 }), (one, other, from) => {
      const old = loopOf(one, 0, 'old');
      const next = loopOf(other, 0, 'new');
      const schedule = SplicedSchedule.of(old, FRAME_RATE).with(next, from);
      for (let n = 0; n < 60; n++) {
        const identity = schedule.identityOf(n * S, (n + 1) * S);
        if ((n + 1) * S <= from) assert.is(identity, old.identity);
        else if (n * S >= from) assert.is(identity, next.identity);
        else {
          assert.is.not(identity, old.identity);
          assert.is.not(identity, next.identity);
          const elsewhere = SplicedSchedule.of(old, FRAME_RATE).with(next, from + 1);
          assert.is.not(
            identity,
            elsewhere.identityOf(n * S, (n + 1) * S),
            'nor the same cut elsewhere',
          );
        }
      }
    }),
  );
});

test('what is over is forgotten, and is slate then, never another programme', () => {
  const schedule = SplicedSchedule.of(loopOf([100], 0, 'a'), FRAME_RATE)
    .with(loopOf([100], 0, 'b'), 1000)
    .with(loopOf([100], 0, 'c'), 2000)
    .since(1500);
  assert.is(schedule.pieces.length, 2);
  assert.is(seen(schedule, 999), 'slate');
  assert.is(seen(schedule, 1000), 'b0 0');
  assert.is(seen(schedule, 2000), 'c0 0');
  assert.is(schedule.since(1500), schedule);
  assertLawful(schedule, 0, 3000);
});

async function onAir() {
  const context = contextOf({}, {});
  const schedule = await ChannelSchedule.create(loop([{ source: '/old', duration: 60 }]), {
    ...context,
    playlistSegments: 10,
  });
  const now = () => context.clock.now();
  const air = { now, firstFree: () => GRID.frameAt(now()) + 7 };
  return { schedule, clock: context.clock, air };
}

const NEXT = loop([{ source: '/new', duration: 30 }]);

test('a change takes over at the first free frame, and nothing before it becomes another segment', async () => {
  const { schedule, clock, air } = await onAir();
  await clock.advance(100_000);
  const free = air.firstFree();
  const segment = Math.floor(free / S);
  const before = Array.from({ length: segment }, (_, n) => schedule.identityOfSegment(n));
  const told = entries(schedule, free - S, free + S);
  assert.is(await schedule.change(NEXT, { ...air, fromMs: EPOCH }), free);
  const after = before.map((_, n) => schedule.identityOfSegment(n));
  assert.equal(after, before);
  assert.is.not(schedule.identityOfSegment(segment), before[0], 'the segment with the cut');
  assert.is(seen(schedule, free - 1), `/old ${(free - 1) % 1500}`);
  assert.is(seen(schedule, free), `/new ${free % 750}`);
  const now = entries(schedule, free - S, free + S);
  assert.ok(agree(told, now, free), 'what an engine was told of before it holds still');
  assert.not.ok(agree(told, now, free + 1));
});

test('a change for later waits for its instant to the frame, and is dropped by one for earlier', async () => {
  const { schedule, air } = await onAir();
  assert.is(await schedule.change(NEXT, { ...air, fromMs: EPOCH + 3_600_000 }), 90_000);
  assert.is(seen(schedule, 89_999), '/old 1499');
  assert.is(seen(schedule, 90_000), '/new 0');
  const third = loop([{ source: '/third', duration: 10 }]);
  await schedule.change(third, { ...air, fromMs: EPOCH + 1_800_000 });
  assert.is(seen(schedule, 45_000), '/third 0');
  assert.is(seen(schedule, 90_000), '/third 0', 'what was to follow is dropped');
});

test('a change that fails changes nothing', async () => {
  const { schedule, air } = await onAir();
  const before = schedule.identity;
  const gone = loop([{ source: '/gone' }]);
  let code = '';
  try {
    await schedule.change(gone, { ...air, fromMs: null });
  } catch (error) {
    code = error instanceof Error ? error.message : '';
  }
  assert.match(code, /no such file/);
  assert.is(schedule.identity, before);
  await schedule.change(NEXT, { ...air, fromMs: null });
  assert.is.not(schedule.identity, before, 'and the next one goes through');
});

test('schedules that nobody can ask for any more are forgotten as the channel airs', async () => {
  const { schedule, clock, air } = await onAir();
  for (let n = 0; n < 300; n++) {
    const written = loop([{ source: `/${n}`, duration: 10 }]);
    await schedule.change(written, { ...air, fromMs: null });
    await clock.advance(60_000);
    schedule.settle(GRID.frameAt(air.now()) + 1000);
  }
  // Three playlists of ten segments and a little: some three minutes, hence about as many schedules.
  const frame = GRID.frameAt(air.now());
  assert.is(seen(schedule, frame - 90_000), 'slate');
  assert.match(seen(schedule, frame), /^\/299 /);
});

test('too many schedules that wait are refused', async () => {
  const { schedule, air } = await onAir();
  const wait = (n: number) => schedule.change(NEXT, { ...air, fromMs: EPOCH + n * 3_600_000 });
  for (let n = 1; n < 100; n++) await wait(n);
  let message = '';
  await wait(100).catch((error: unknown) => {
    message = error instanceof Error ? error.message : '';
  });
  assert.match(message, /100 schedules wait/);
});

test('after it was closed nothing changes', async () => {
  const { schedule, air } = await onAir();
  schedule.close();
  schedule.close();
  let message = '';
  await schedule.change(NEXT, { ...air, fromMs: null }).catch((error: unknown) => {
    message = error instanceof Error ? error.message : '';
  });
  assert.match(message, /removed/);
});

test.run();
