// Schedules as the embedding program meets them: on a channel that airs and is watched.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import type { ChannelOptions } from '../../lib/options.js';
import type { Fault } from '../../lib/stream/fault.js';
import { compute } from '../../lib/timeline/computed.js';
import { loop } from '../../lib/timeline/loop.js';
import { at } from '../../lib/timeline/timetable.js';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { FakeEngine } from '../stream/fake-engine.js';

const START = Date.parse('2025-06-01T12:00:00.000Z');
const OLD = loop([{ source: '/old', duration: 60, title: 'Old' }]);
const NEW = loop([{ source: '/new', duration: 60, title: 'New' }]);

async function setUp(options: Partial<ChannelOptions> = {}) {
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock, 100);
  const headend = await Headend.create({}, { engine, clock });
  const faults: Fault[] = [];
  headend.on('fault', (fault) => faults.push(fault));
  const add = () =>
    headend.channels.add({
      id: 'one',
      ladder: [{ height: 720, bitrate: 2_000_000 }],
      schedule: OLD,
      ...options,
    });
  return { clock, headend, faults, add };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HeadendError) return error.code;
    throw error;
  }
  return 'no error';
}

/** Names of the segments that a playlist lists, by number. */
function named(playlist: string): Map<number, string> {
  const names = Array.from(playlist.matchAll(/^(\d+)-(\w+)\.m4s/gm));
  return new Map(names.map(([name, number]) => [Number(number), name]));
}

test('a watched channel changes its schedule: no listed name changes, and new ones follow', async () => {
  const { clock, headend, add } = await setUp();
  const channel = await add();
  const playlist = async () => {
    const text = channel.mediaPlaylist('audio');
    await clock.advance(500);
    return named(await text);
  };
  const before = await playlist();
  const from = await channel.setSchedule(NEW);
  assert.ok(from.getTime() > START && from.getTime() < START + 60_000, from.toISOString());
  const names = new Map(before);
  const editions = new Set<string>();
  for (let second = 0; second < 120; second += 2) {
    await clock.advance(2000);
    for (const [number, name] of await playlist()) {
      assert.is(names.get(number) ?? name, name, `segment ${number} keeps its name`);
      names.set(number, name);
      editions.add(name.split('-')[1] ?? '');
      // What a playlist names can be had.
      const segment = channel.segment('audio', number);
      await clock.advance(500);
      assert.ok((await segment).data.byteLength > 0);
    }
  }
  assert.is(editions.size, 3, 'the old schedule, the segment with the cut, the new schedule');
  assert.is(channel.nowNext().now.title, 'New');
  await headend.close();
});

test('a new channel with the new schedule names segments as the changed one does', async () => {
  const { headend, add } = await setUp();
  const changed = await add();
  await changed.setSchedule(NEW, { from: new Date(START + 600_000) });
  const later = Math.floor((START + 700_000 - Date.parse('2025-01-01T00:00:00Z')) / 4000);
  const one = changed.editionOf(later);
  await headend.channels.remove('one');
  const other = await headend.channels.add({
    id: 'one',
    ladder: [{ height: 720, bitrate: 2_000_000 }],
    schedule: NEW,
  });
  assert.is(other.editionOf(later), one);
  await headend.close();
});

test('the guide shows the change, and who airs what until then', async () => {
  const { headend, add } = await setUp();
  const channel = await add();
  const at13 = '2025-06-01T13:00:00Z';
  assert.equal(await channel.setSchedule(NEW, { from: at13 }), new Date(at13));
  const { entries } = channel.guide('2025-06-01T12:58:00Z', '2025-06-01T13:02:00Z');
  assert.equal(
    entries.map(({ title }) => title),
    ['Old', 'Old', 'New', 'New'],
  );
  assert.throws(
    () => channel.guide('2025-06-01T12:58:00', new Date()),
    /guide: from must be a Date/,
  );
  assert.throws(() => channel.guide(new Date(1), new Date(0)), /guide: to must not be before from/);
  await headend.close();
});

test('a change that cannot be is refused, and the channel goes on', async () => {
  const { headend, add } = await setUp();
  const channel = await add();
  const edition = channel.edition;
  assert.is(await codeOf(channel.setSchedule(loop([{ source: '/gone' }]))), 'SOURCE_NOT_FOUND');
  assert.is(
    await codeOf(Reflect.apply(channel.setSchedule, channel, [[{ source: '/a' }]])),
    'INVALID_OPTIONS',
  );
  assert.is(channel.edition, edition);
  assert.is(channel.nowNext().now.title, 'Old');
  await headend.channels.remove('one');
  assert.is(await codeOf(channel.setSchedule(NEW)), 'CLOSED');
  await headend.close();
});

test('what is wrong with a schedule is a fault and a list', async () => {
  const schedule = loop([{ source: '/gone' }, { source: '/a', duration: 60 }]);
  const { headend, faults, add } = await setUp({ schedule });
  const channel = await add();
  await settle();
  assert.equal(
    faults.map(({ code, source, channelId }) => ({ code, source, channelId })),
    [{ code: 'SOURCE_NOT_FOUND', source: '/gone', channelId: 'one' }],
  );
  assert.equal(
    channel.problems.map(({ code, index }) => ({ code, index })),
    [{ code: 'SOURCE_NOT_FOUND', index: 0 }],
  );
  await headend.close();
});

test('F2: a schedule that asks for errors gives them to viewers, and slate to nobody', async () => {
  const programmes = [{ source: '/a', duration: 60, startsAt: '2025-06-01T12:10:00Z' }];
  const schedule = at(programmes, { outside: 'error' });
  const { clock, headend, add } = await setUp({ schedule });
  const channel = await add();
  assert.is(await codeOf(channel.multivariantPlaylist()), 'SCHEDULE_NOT_STARTED');
  assert.is(await codeOf(channel.mediaPlaylist('audio')), 'SCHEDULE_NOT_STARTED');
  assert.is(channel.state, 'idle', 'nothing is encoded for it');
  await clock.advance(600_000);
  const playlist = channel.mediaPlaylist('audio');
  await clock.advance(1000);
  assert.match(await playlist, /#EXTM3U/);
  await clock.advance(60_000);
  assert.is(await codeOf(channel.mediaPlaylist('audio')), 'SCHEDULE_ENDED');
  await headend.close();
});

test('a computed schedule airs, and ends with its channel', async () => {
  let ended = 0;
  async function* films() {
    try {
      for (let n = 0; ; n++) yield { source: `/${n}`, duration: 60, title: `Film ${n}` };
    } finally {
      ended++;
    }
  }
  const { clock, headend, add } = await setUp({ schedule: compute(films()) });
  const channel = await add();
  await settle();
  assert.is(channel.nowNext().now.title, 'Film 0');
  const { entries, until } = channel.guide(new Date(START), new Date(START + 86_400_000));
  assert.is(entries.length, 60, 'the guide knows the hour that was asked for');
  assert.is(until.getTime(), START + 3_600_000);
  await clock.advance(90_000);
  assert.is(channel.nowNext().now.title, 'Film 1');
  await channel.setSchedule(NEW, { from: new Date(START + 120_000) });
  await headend.close();
  await settle();
  assert.is(ended, 1);
  assert.is(clock.pending, 0, 'no timer is left');
});

test.run();
