// Schedules that a program computes while they air: whatever it does, the channel goes on.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { airings, entries, type ResolvedSchedule } from '../../lib/timeline/airing.js';
import { compute, type NextProgrammeRequest } from '../../lib/timeline/computed.js';
import type { ScheduleProblem } from '../../lib/timeline/problem.js';
import type { Programme } from '../../lib/timeline/programme.js';
import { resolveSchedule } from '../../lib/timeline/resolve.js';
import { type FakeClock, settle } from '../stream/fake-clock.js';
import { assertLawful, seen } from './laws.js';
import { contextOf, EPOCH, GRID } from './programmes.js';

const MINUTE = 60 * 25;

interface Aired {
  readonly schedule: ResolvedSchedule;
  readonly clock: FakeClock;
  readonly problems: ScheduleProblem[];
}

/** Puts a schedule on the air, runs the test, and checks that closing leaves no timer behind. */
async function air(
  source: Parameters<typeof compute>[0],
  check: (aired: Aired) => Promise<void>,
  durations: Readonly<Record<string, number>> = {},
): Promise<void> {
  const problems: ScheduleProblem[] = [];
  const context = contextOf(durations, { onProblem: (problem) => problems.push(problem) });
  const written = compute(source, { lookAhead: 600, deadlineMs: 5000 });
  const { schedule } = await resolveSchedule(written, context);
  try {
    await settle();
    await check({ schedule, clock: context.clock, problems });
    assertLawful(schedule, 0, GRID.frameAt(context.clock.now()) + 20 * MINUTE);
  } finally {
    schedule.close?.();
    schedule.close?.();
    await settle();
    assert.is(context.clock.pending, 0, 'no timer is left');
  }
}

const minutes = (name: string, count = 1): Programme => ({ source: name, duration: 60 * count });

function codes(problems: readonly ScheduleProblem[]): string[] {
  return problems.map(({ code }) => code);
}

test('a function is asked ahead of time, no further than it was told, and what it gave stays', async () => {
  const asked: NextProgrammeRequest[] = [];
  await air(
    (request) => {
      asked.push(request);
      return minutes(`/${request.index}`);
    },
    async ({ schedule, clock, problems }) => {
      assert.is(asked.length, 10, 'ten minutes ahead');
      assert.equal(
        asked.slice(0, 3).map(({ startsAt, index }) => [startsAt.getTime() - EPOCH, index]),
        [
          [0, 0],
          [60_000, 1],
          [120_000, 2],
        ],
      );
      assert.is(schedule.knownUntil, 10 * MINUTE);
      const before = Array.from(airings(schedule, 0, 10 * MINUTE));
      await clock.advance(300_000);
      assert.is(asked.length, 15);
      assert.equal(Array.from(airings(schedule, 0, 10 * MINUTE)), before);
      assert.equal(problems, []);
    },
  );
});

test('an asynchronous generator is a schedule, and is told when the channel ends', async () => {
  let ended = false;
  async function* programmes(): AsyncGenerator<Programme> {
    try {
      for (let n = 0; ; n++) yield minutes(`/${n}`);
    } finally {
      ended = true;
    }
  }
  await air(programmes(), async ({ schedule }) => {
    assert.is(seen(schedule, 3 * MINUTE), '/3 0');
  });
  assert.ok(ended);
});

test('what throws is asked again, after pauses that grow, and airs on', async () => {
  let failing = false;
  let calls = 0;
  await air(
    ({ index }) => {
      calls++;
      if (failing) throw new Error('no database');
      return minutes(`/${index}`);
    },
    async ({ schedule, clock, problems }) => {
      failing = true;
      calls = 0;
      await clock.advance(120_000);
      assert.ok(calls > 3 && calls < 25, `${calls} calls in two minutes`);
      assert.equal(new Set(codes(problems)), new Set(['SCHEDULE_FAILED']));
      assert.match(problems[0]?.message ?? '', /no database/);
      failing = false;
      await clock.advance(10_000);
      assert.is(seen(schedule, 10 * MINUTE), '/10 0', 'nothing was lost: it was asked ahead');
    },
  );
});

test('what hangs is given up at the deadline, told so, and asked again', async () => {
  let hanging = false;
  const given: AbortSignal[] = [];
  await air(
    ({ index, signal }) => {
      if (!hanging) return minutes(`/${index}`);
      given.push(signal);
      return new Promise(() => {});
    },
    async ({ schedule, clock, problems }) => {
      hanging = true;
      await clock.advance(60_000);
      assert.ok(given.length >= 2);
      assert.ok(given.slice(0, -1).every((signal) => signal.aborted));
      assert.match(problems[0]?.message ?? '', /not there within 5000 ms/);
      hanging = false;
      await clock.advance(20_000);
      assert.is(seen(schedule, 11 * MINUTE), '/11 0');
    },
  );
});

test('whoever is late gets slate for what is being made, one fault, and the programme as soon as it is there', async () => {
  let wake: ((programme: Programme) => void) | undefined;
  await air(
    ({ index }) =>
      index < 10 ? minutes(`/${index}`) : new Promise<Programme>((resolve) => (wake = resolve)),
    async ({ schedule, clock, problems }) => {
      await clock.advance(590_000);
      const made = entries(schedule, 9 * MINUTE, 10 * MINUTE + 700);
      assert.is(made.at(-1)?.source.kind, 'slate');
      const late = problems.filter(({ message }) => message.includes('late'));
      assert.is(late.length, 1);
      entries(schedule, 9 * MINUTE, 10 * MINUTE + 800);
      assert.is(problems.filter(({ message }) => message.includes('late')).length, 1, 'one fault');
      wake?.(minutes('/late'));
      await clock.advance(0);
      assert.equal(entries(schedule, 9 * MINUTE, 10 * MINUTE + 700), made, 'what was made stays');
      assert.is(seen(schedule, 10 * MINUTE + 800), '/late 0', 'from the first frame that was not');
    },
  );
});

test('a machine that slept airs slate for the time it slept, and goes on at the present', async () => {
  await air(
    ({ index }) => minutes(`/${index}`),
    async ({ schedule, clock }) => {
      await clock.advance(0);
      clock.step(8 * 3_600_000);
      await clock.advance(61_000);
      const frame = GRID.frameAt(clock.now());
      assert.match(seen(schedule, frame), /^\/\d+ /);
      assert.ok((schedule.knownUntil ?? 0) >= frame + 10 * MINUTE);
      assert.is(seen(schedule, frame - 30 * MINUTE), 'slate', 'nothing is put into the past');
    },
  );
});

test('the end is slate and one fault', async () => {
  await air([minutes('/0'), minutes('/1')], async ({ schedule, clock, problems }) => {
    await clock.advance(3_600_000);
    assert.is(seen(schedule, MINUTE), '/1 0');
    assert.is(seen(schedule, 2 * MINUTE), 'slate');
    assert.is(schedule.knownUntil, Infinity);
    entries(schedule, 61 * MINUTE, 62 * MINUTE);
    assert.equal(codes(problems), ['SCHEDULE_ENDED']);
  });
});

test('an iterator that throws is over; one that hangs is not asked twice, and goes on when it answers', async () => {
  function* broken(): Generator<Programme> {
    yield minutes('/0');
    throw new Error('broken list');
  }
  await air(broken(), async ({ clock, problems }) => {
    await clock.advance(10_000);
    assert.equal(codes(problems), ['SCHEDULE_FAILED', 'SCHEDULE_ENDED']);
  });
  let wake = () => {};
  let asked = 0;
  const hanging = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (asked++ === 1) await new Promise<void>((resolve) => (wake = resolve));
        return { done: false as const, value: minutes(`/${asked}`) };
      },
    }),
  };
  await air(hanging, async ({ schedule, clock }) => {
    await clock.advance(30_000);
    assert.is(asked, 2);
    wake();
    await clock.advance(10_000);
    assert.is(seen(schedule, MINUTE), `/2 0`);
  });
});

test('whoever gives nothing for hours does not fill the memory with slate', async () => {
  const source = async ({ index }: NextProgrammeRequest): Promise<Programme> =>
    index === 0 ? minutes('/0') : new Promise(() => {});
  await air(source, async ({ schedule, clock }) => {
    assert.is(seen(schedule, 0), '/0 0');
    for (let minute = 1; minute <= 120; minute++) {
      await clock.advance(60_000);
      entries(schedule, minute * MINUTE, (minute + 1) * MINUTE);
    }
    assert.is(seen(schedule, 0), 'slate', 'what aired two hours ago is forgotten');
    assert.is(schedule.airingAt(119 * MINUTE).kind, 'slate');
  });
});

test('a programme that cannot be measured, or is none, is left out with a fault', async () => {
  const list: Programme[] = [
    minutes('/0'),
    { source: '/gone' },
    JSON.parse('{"source": "/odd", "duration": "long"}'),
    { source: '/measured' },
  ];
  await air(
    list,
    async ({ schedule, clock, problems }) => {
      await clock.advance(10_000);
      assert.is(seen(schedule, MINUTE), '/measured 0');
      assert.is(schedule.airingAt(MINUTE).endFrame, MINUTE + 250);
      assert.equal(codes(problems), ['SOURCE_NOT_FOUND', 'INVALID_OPTIONS', 'SCHEDULE_ENDED']);
      assert.is(problems[0]?.source, '/gone');
    },
    { '/measured': 10 },
  );
});

async function refusal(source: Parameters<typeof compute>[0], advanceMs = 0): Promise<string> {
  const context = contextOf();
  const starting = resolveSchedule(compute(source, { deadlineMs: 5000 }), context).then(
    () => 'on the air',
    (error: unknown) =>
      error instanceof Error && 'code' in error ? `${error.code} ${error.message}` : 'untyped',
  );
  await context.clock.advance(advanceMs);
  const result = await starting;
  assert.is(context.clock.pending, 0);
  return result;
}

test('C2: nothing to begin with is a typed error', async () => {
  assert.match(await refusal([]), /^SCHEDULE_EMPTY/);
  assert.match(await refusal(() => null), /^SCHEDULE_EMPTY/);
  assert.match(await refusal([{ source: '/gone' }]), /^SOURCE_NOT_FOUND/);
  assert.match(await refusal(() => ({ source: '/gone' })), /^SOURCE_NOT_FOUND/);
  assert.match(await refusal(() => new Promise(() => {}), 5000), /^SCHEDULE_FAILED .*5000 ms/);
  const throws = () => {
    throw new TypeError('oops');
  };
  assert.match(await refusal(throws), /^SCHEDULE_FAILED .*oops/);
});

test('a channel that is given up while its schedule begins ends at once', async () => {
  const given = new AbortController();
  const context = contextOf({}, { signal: given.signal });
  const starting = resolveSchedule(
    compute(() => new Promise(() => {})),
    context,
  );
  given.abort(new Error('closing'));
  let message = '';
  await starting.catch((error: unknown) => {
    message = error instanceof Error ? error.message : '';
  });
  assert.is(message, 'closing');
  assert.is(context.clock.pending, 0);
});

test('history is bounded', async () => {
  await air(
    ({ index }) => minutes(`/${index}`),
    async ({ schedule, clock }) => {
      for (let hour = 0; hour < 3; hour++) await clock.advance(3_600_000);
      assert.is(seen(schedule, 100 * MINUTE), 'slate', 'forgotten');
      assert.is(seen(schedule, 125 * MINUTE), '/125 0', 'still kept');
    },
  );
});

test('mistakes are named', () => {
  assert.throws(
    () => compute(JSON.parse('5')),
    /compute: the argument must be a function or an iterable/,
  );
  assert.throws(() => compute([], { lookAhead: 5 }), /compute: lookAhead must be >= 120, got 5/);
});

test.run();
