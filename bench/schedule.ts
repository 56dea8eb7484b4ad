// How long it takes to find what is on, and to list a guide, in schedules of 10,000 programmes.
import { writeXmltv } from '../lib/iptv/xmltv.js';
import type { ResolvedSchedule } from '../lib/timeline/airing.js';
import { channelFormat, Grid } from '../lib/timeline/grid.js';
import { guide } from '../lib/timeline/guide.js';
import { ResolvedLoop } from '../lib/timeline/loop.js';
import { SplicedSchedule } from '../lib/timeline/splice.js';
import { ResolvedTimetable } from '../lib/timeline/timetable.js';
import { type Bench, figure } from './harness/bench.js';

const PROGRAMMES = 10_000;
const LOOK_UPS = 100_000;
const FRAME_RATE = { num: 30_000, den: 1001 };
const DAY_MS = 86_400_000;

function makeLoop(): ResolvedLoop {
  return new ResolvedLoop(programmes(), 0);
}

function makeTimetable(): ResolvedTimetable {
  const slots = programmes().map((programme, index) => ({
    programme,
    index,
    startFrame: index * 8000,
  }));
  const fillers = new ResolvedLoop(programmes().slice(0, 50), 0);
  return new ResolvedTimetable(
    slots,
    { kind: 'between', loop: fillers, lastFiller: 'cut' },
    FRAME_RATE,
  );
}

function makeSplice(): SplicedSchedule {
  return SplicedSchedule.of(makeLoop(), FRAME_RATE).with(makeTimetable(), 1_000_000);
}

const SCHEDULES: Readonly<Record<string, () => ResolvedSchedule>> = {
  loop: makeLoop,
  timetable: makeTimetable,
  changed: makeSplice,
};

// Two to four minutes each.
function programmes() {
  return Array.from({ length: PROGRAMMES }, (_, index) => ({
    title: `Programme ${index}`,
    source: { kind: 'file' as const, url: `/media/${index}.mkv`, inPoint: { num: 0, den: 1 } },
    frames: 3600 + ((index * 7919) % 3600),
  }));
}

/** Microseconds that each of the look-ups took, sorted. */
function lookUps(schedule: ResolvedSchedule): number[] {
  const times: number[] = [];
  for (let i = 0; i < LOOK_UPS; i++) {
    const frame = (i * 104_729) % (PROGRAMMES * 8000);
    const begin = performance.now();
    schedule.airingAt(frame);
    times.push((performance.now() - begin) * 1000);
  }
  return times.sort((a, b) => a - b);
}

function milliseconds(work: () => unknown): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}

export const bench: Bench = {
  title: 'What is on, in 10,000 programmes',
  about:
    `${LOOK_UPS} look-ups of single frames all over a schedule of 10,000 programmes of two to four minutes, ` +
    'then its guide of 14 days, and that guide as XMLTV. `timetable` is the programmes at fixed times with ' +
    'fillers between them, `changed` a loop that a timetable takes over from.',
  variants: Object.keys(SCHEDULES),
  async trial(variant) {
    const schedule = SCHEDULES[variant]?.();
    if (!schedule) throw new RangeError(`no schedule ${variant}`);
    const grid = new Grid(Date.parse('2025-01-01T00:00:00Z'), channelFormat(FRAME_RATE, 4));
    const times = lookUps(schedule);
    const list = () => guide(schedule, grid, grid.epochMs, grid.epochMs + 14 * DAY_MS).entries;
    const entries = list();
    return {
      medianMicroseconds: times[LOOK_UPS / 2] ?? 0,
      slowOf1000Microseconds: times[LOOK_UPS - LOOK_UPS / 1000] ?? 0,
      guideMs: milliseconds(list),
      guideEntries: entries.length,
      xmltvMs: milliseconds(() => writeXmltv({ channels: [{ id: 'a', name: 'A', entries }] })),
    };
  },
  rows: (rounds) =>
    Object.keys(SCHEDULES).map((schedule) => ({
      schedule,
      'look-up, median (µs)': figure(rounds, schedule, 'medianMicroseconds'),
      'look-up, 99.9 % (µs)': figure(rounds, schedule, 'slowOf1000Microseconds'),
      'guide of 14 days (ms)': figure(rounds, schedule, 'guideMs'),
      entries: figure(rounds, schedule, 'guideEntries'),
      'XMLTV (ms)': figure(rounds, schedule, 'xmltvMs'),
    })),
};
