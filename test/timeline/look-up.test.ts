// What is on in schedules of 10,000 programmes is found in a few steps, counted by V8 as it runs the library: the time that
// takes is for bench/schedule.ts. F1.
import { Session } from 'node:inspector/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ResolvedSchedule } from '../../lib/timeline/airing.js';
import { AiringLog } from '../../lib/timeline/airing-log.js';
import { ResolvedLoop } from '../../lib/timeline/loop.js';
import { SplicedSchedule } from '../../lib/timeline/splice.js';
import { type Filling, ResolvedTimetable } from '../../lib/timeline/timetable.js';
import { FRAME_RATE, programme } from './programmes.js';

// Of functions that have run before this only the calls are counted.
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
test.after(() => session.disconnect());

const PROGRAMMES = 10_000;
const LEAST_FRAMES = 3600;
const FRAMES_APART = 8000;
/** Two binary searches of 14 halvings each, and some calls around them. */
const MOST_STEPS = 100;

// Two to four minutes each.
const programmes = Array.from({ length: PROGRAMMES }, (_, index) =>
  programme(`P${index}`, LEAST_FRAMES + ((index * 7919) % LEAST_FRAMES)),
);

function timetable(filling: Filling): ResolvedTimetable {
  const slots = programmes.map((each, index) => ({
    programme: each,
    index,
    startFrame: index * FRAMES_APART,
  }));
  return new ResolvedTimetable(slots, filling, FRAME_RATE);
}

function makeLog(): AiringLog {
  const log = new AiringLog(0);
  for (const [index, each] of programmes.entries()) log.append(each, index);
  return log;
}

const fillers = () => new ResolvedLoop(programmes, 0);

const SCHEDULES: Readonly<Record<string, () => Pick<ResolvedSchedule, 'airingAt'>>> = {
  loop: fillers,
  'timetable with slate': () => timetable({ kind: 'slate', outside: 'error' }),
  'timetable with fillers': () =>
    timetable({ kind: 'between', loop: fillers(), lastFiller: 'cut' }),
  'timetable over a loop': () => timetable({ kind: 'over', schedule: fillers() }),
  'what was computed': makeLog,
  'schedule that was changed': () =>
    SplicedSchedule.of(fillers(), FRAME_RATE).with(fillers(), 5000 * FRAMES_APART),
};

/** How often V8 ran any stretch of the timeline's code, all in all, during the work. */
async function stepsOf(work: () => void): Promise<number> {
  await session.post('Profiler.takePreciseCoverage'); // counts from 0
  work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => url.includes('/lib/timeline/'))
    .flatMap((script) => script.functions)
    .flatMap(({ ranges }) => ranges)
    .reduce((steps, { count }) => steps + count, 0);
}

/** The first and the last frame, and others all over. */
const FRAMES = [
  0,
  PROGRAMMES * FRAMES_APART - 1,
  ...Array.from({ length: 50 }, (_, n) => (n * 1_600_033) % (PROGRAMMES * FRAMES_APART)),
];

for (const [name, make] of Object.entries(SCHEDULES)) {
  test(`F1: ${name}: a look-up takes at most ${MOST_STEPS} steps`, async () => {
    let schedule: Pick<ResolvedSchedule, 'airingAt'> | undefined;
    const making = await stepsOf(() => {
      schedule = make();
    });
    assert.ok(making > PROGRAMMES, `the steps are counted: ${making} for making it`);
    for (const frame of FRAMES) {
      const steps = await stepsOf(() => schedule?.airingAt(frame));

      assert.ok(steps > 0 && steps <= MOST_STEPS, `${steps} steps to frame ${frame}`);
    }
  });
}

test.run();
