// The guide: the same airings as the channel, in wall time, whatever the calendar does.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { xmltvTime } from '../../lib/iptv/xmltv.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { guide } from '../../lib/timeline/guide.js';
import { loop } from '../../lib/timeline/loop.js';
import { resolveSchedule } from '../../lib/timeline/resolve.js';
import { at, ResolvedTimetable } from '../../lib/timeline/timetable.js';
import { contextOf, EPOCH, FRAME_RATE, GRID, lengths, loopOf, programme } from './programmes.js';

const DAY_MS = 86_400_000;

test('the guide covers its stretch without gap, and an entry is the same in every guide', () => {
  const start = fc.integer({ min: -DAY_MS, max: 400 * DAY_MS });
  fc.assert(
    fc.property(lengths, start, fc.integer({ min: 1, max: 120_000 }), (list, offset, length) => {
      const schedule = loopOf(list);
      const from = EPOCH + offset;
      const { entries, until } = guide(schedule, GRID, from, from + length);
      assert.is(until.getTime(), from + length);
      assert.ok((entries[0]?.startsAt.getTime() ?? Infinity) <= from);
      assert.ok((entries.at(-1)?.endsAt.getTime() ?? -Infinity) >= from + length);
      for (const [i, entry] of entries.entries()) {
        const next = entries[i + 1];
        if (next) assert.equal(next.startsAt, entry.endsAt);
        const frame = GRID.frameAt(entry.startsAt.getTime());
        assert.is(schedule.airingAt(frame).startFrame, frame, 'it starts when it airs');
      }
      const half = guide(schedule, GRID, from + Math.floor(length / 2), from + length).entries;
      assert.equal(half, entries.slice(-half.length));
      assert.is(new Set(entries.map(({ id }) => id)).size, entries.length, 'ids are unique');
    }),
  );
});

test('F3: A, B, A, C are four airings with an identity each', () => {
  const names = ['A', 'B', 'A', 'C'];
  const slots = names.map((name, index) => ({
    programme: programme(name, 100),
    index,
    startFrame: index * 100,
  }));
  const schedule = new ResolvedTimetable(slots, { kind: 'slate', outside: 'slate' }, FRAME_RATE);
  const { entries } = guide(schedule, GRID, EPOCH, EPOCH + 16_000);
  assert.equal(
    entries.map(({ title, index }) => [title, index]),
    names.map((name, index) => [name, index]),
  );
  assert.is(new Set(entries.map(({ id }) => id)).size, 4);
});

test('F4: a file that ends early shows in the guide', async () => {
  const context = contextOf({ '/a': 40 });
  const written = loop([{ source: '/a', duration: 60 }, { source: '/a' }]);
  const { schedule } = await resolveSchedule(written, context);
  const { entries } = guide(schedule, GRID, EPOCH, EPOCH + 100_000);
  assert.equal(
    entries.map(({ slateFrom }) => slateFrom && slateFrom.getTime() - EPOCH),
    [40_000, null],
  );
});

test('a guide of 14 days over 10,000 programmes is bounded, and says how far it reaches', () => {
  const schedule = loopOf(Array.from({ length: 10_000 }, (_, index) => 25 * (60 + (index % 60))));
  const whole = guide(schedule, GRID, EPOCH, EPOCH + 14 * DAY_MS);
  assert.is(whole.until.getTime(), EPOCH + 14 * DAY_MS);
  assert.ok(whole.entries.length > 10_000 && whole.entries.length < 20_000);
  const short = guide(loopOf([25]), GRID, EPOCH, EPOCH + 14 * DAY_MS);
  assert.is(short.entries.length, 20_000);
  assert.is(short.until.getTime(), EPOCH + 20_000_000);
  assert.equal(guide(schedule, GRID, EPOCH, EPOCH).entries, [], 'nothing of no time');
});

/** Reads an XMLTV time as its definition says, without any calendar of ours. */
function parse(text: string): number {
  const [, y, mo, d, h, mi, s, sign, oh, om] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text) ?? [];
  const offset = (Number(oh) * 60 + Number(om)) * (sign === '-' ? -1 : 1);
  return Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi) - offset, Number(s));
}

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Africa/Casablanca',
];

test('F5: an instant written in any zone is the same instant', () => {
  const instants = fc.integer({ min: Date.UTC(2024, 0) / 1000, max: Date.UTC(2035, 0) / 1000 });
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), instants, (zone, seconds) => {
      assert.is(parse(xmltvTime(zone)(new Date(seconds * 1000))), seconds * 1000);
    }),
    { numRuns: 2000 },
  );
});

test('F5: clocks going forward and back, half hours, and 29 February', () => {
  const cases: [zone: string, instant: string, text: string][] = [
    ['Europe/Berlin', '2025-03-30T00:59:59Z', '20250330015959 +0100'],
    ['Europe/Berlin', '2025-03-30T01:00:00Z', '20250330030000 +0200'],
    ['Europe/Berlin', '2025-10-26T00:30:00Z', '20251026023000 +0200'],
    ['Europe/Berlin', '2025-10-26T01:30:00Z', '20251026023000 +0100'],
    ['America/New_York', '2025-11-02T05:30:00Z', '20251102013000 -0400'],
    ['America/New_York', '2025-11-02T06:30:00Z', '20251102013000 -0500'],
    ['Australia/Lord_Howe', '2025-04-05T14:59:00Z', '20250406015900 +1100'],
    ['Australia/Lord_Howe', '2025-04-05T15:00:00Z', '20250406013000 +1030'],
    ['Asia/Kathmandu', '2025-01-01T00:00:00Z', '20250101054500 +0545'],
    ['UTC', '2028-02-29T00:00:00Z', '20280229000000 +0000'],
    ['Pacific/Apia', '2028-02-29T11:00:00Z', '20280301000000 +1300'],
    ['America/New_York', '2028-03-01T04:59:59Z', '20280229235959 -0500'],
  ];
  for (const [zone, instant, text] of cases) assert.is(xmltvTime(zone)(new Date(instant)), text);
  assert.throws(() => xmltvTime('Mars/Olympus'), RangeError);
});

test('F5: across a change of clocks programmes keep their length, in frames and in the guide', async () => {
  const grid = new Grid(EPOCH, channelFormat({ num: 30_000, den: 1001 }, 4));
  const films = at([
    { source: '/film', duration: 7200, startsAt: '2025-03-30T01:00:00+01:00' },
    { source: '/late', duration: 3600 },
  ]);
  const { schedule } = await resolveSchedule(films, { ...contextOf(), grid });
  const from = Date.parse('2025-03-30T00:00:00Z');
  const [, film, late] = guide(schedule, grid, from - 1000, from + 8_000_000).entries;
  const length = (entry: typeof film) =>
    entry ? entry.endsAt.getTime() - entry.startsAt.getTime() : 0;
  // Within one frame, since an hour is no whole number of them at this rate.
  assert.ok(Math.abs(length(film) - 7_200_000) <= 34);
  assert.ok(Math.abs(length(late) - 3_600_000) <= 34);
  assert.ok(film && Math.abs(film.startsAt.getTime() - from) <= 34);
  assert.is(film && xmltvTime('Europe/Berlin')(film.endsAt), '20250330035959 +0200');
});

test.run();
