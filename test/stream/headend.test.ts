// The embedded API: channels that are added, found, read and removed, and options that are refused.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import type { ChannelOptions, HeadendOptions } from '../../lib/options.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeEngine, nameOf } from './fake-engine.js';

const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
const START = EPOCH + 4_001_000;

async function setUp(options: HeadendOptions = {}) {
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock);
  const headend = await Headend.create(options, { engine, clock });
  return { clock, engine, headend };
}

const NEWS: ChannelOptions = {
  id: 'news',
  schedule: loop([{ source: '/a.mp4', duration: 10 }]),
  ladder: [{ height: 720, bitrate: 2_000_000 }],
};

async function refusal(headend: Headend, options: unknown): Promise<string> {
  try {
    // What a program without types may pass.
    await Reflect.apply(headend.channels.add, headend.channels, [options]);
  } catch (error) {
    if (error instanceof HeadendError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

test('a refused option is named, with what it must be and what it was', async () => {
  const { headend } = await setUp();
  const cases: [unknown, RegExp][] = [
    [undefined, /channels\.add: the argument must be object, got undefined/],
    [{ ...NEWS, id: 'a/b' }, /id must match pattern .*, got 'a\/b'/],
    [{ ...NEWS, ladder: [] }, /ladder must not have fewer than 1 items, got \[\]/],
    [
      { ...NEWS, ladder: [{ height: 720, bitrate: 'fast' }] },
      /ladder\[0\]\.bitrate must be integer, got 'fast'/,
    ],
    [
      { ...NEWS, ladder: [{ height: 721, bitrate: 1e6 }] },
      /ladder\[0\]\.height must be multiple of 2, got 721/,
    ],
    [
      { ...NEWS, ladder: [{ height: 720, bitrate: 1e6, id: 'audio' }] },
      /ladder\[0\]\.id must not be "audio"/,
    ],
    [
      { ...NEWS, ladder: [{ height: 720, bitrate: 1e6, preset: 'warp' }] },
      /preset must be one of 'ultrafast'.*got 'warp'/,
    ],
    [
      {
        ...NEWS,
        ladder: [
          { height: 720, bitrate: 1e6 },
          { height: 720, bitrate: 2e6 },
        ],
      },
      /ladder must have a different id for every rung/,
    ],
    [{ ...NEWS, frameRate: 120 }, /frameRate must be 1 to 60 .*, got 120/],
    [{ ...NEWS, frameRate: {} }, /frameRate must be 1 to 60 .*, got \{\}/],
    [
      { ...NEWS, schedule: [] },
      /schedule must be a schedule made by loop\(\), at\(\) or compute\(\), got \[\]/,
    ],
    [{ ...NEWS, epoch: 'soon' }, /epoch must be a Date or an ISO 8601 string, got 'soon'/],
    [{ ...NEWS, epoch: '2999-01-01' }, /epoch must not be in the future/],
    [{ ...NEWS, lader: [] }, /has unknown options: lader/],
  ];
  for (const [options, message] of cases) {
    const text = await refusal(headend, options);
    assert.match(text, /^INVALID_OPTIONS: channels\.add: /);
    assert.match(text, message);
  }
  assert.equal(headend.channels.list(), []);
  await headend.close();
});

test('channels are found by id, and each id is there once, even while it is being added', async () => {
  const { headend } = await setUp();
  const [first, second] = await Promise.allSettled([
    headend.channels.add(NEWS),
    headend.channels.add(NEWS),
  ]);
  assert.is(first.status, 'fulfilled');
  assert.is(second.status === 'rejected' && second.reason.code, 'CHANNEL_EXISTS');
  assert.is(headend.channels.get('news').name, 'news');
  assert.throws(() => headend.channels.get('sport'), /there is no channel sport/);
  await headend.channels.remove('news');
  assert.throws(() => headend.channels.get('news'), /there is no channel news/);
  await headend.channels.add(NEWS);
  await headend.close();
});

test('a source that cannot be read is named, and leaves no channel behind', async () => {
  const { headend } = await setUp();
  const schedule = loop([{ source: '/gone.mp4' }]);
  assert.match(await refusal(headend, { ...NEWS, schedule }), /^SOURCE_NOT_FOUND: .*\/gone\.mp4/);
  assert.equal(headend.channels.list(), []);
  await headend.close();
});

test('now and next in wall time', async () => {
  const { headend } = await setUp();
  const channel = await headend.channels.add({
    ...NEWS,
    schedule: loop([
      { source: '/a.mp4', duration: 10, title: 'A' },
      { source: '/b.mp4', duration: 20, title: 'B' },
    ]),
  });
  // 4001 s after the epoch are 133 laps of 30 s and 11 s.
  const { now, next } = channel.nowNext();
  assert.is(now.title, 'B');
  assert.is(now.startsAt.toISOString(), '2025-01-01T01:06:40.000Z');
  assert.is(now.endsAt.toISOString(), '2025-01-01T01:07:00.000Z');
  assert.is(next.title, 'A');
  assert.equal(next.startsAt, now.endsAt);
  await headend.close();
});

test('segments come in order, each when it is listed, and reading them keeps the channel on the air', async () => {
  const { clock, engine, headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  const stop = new AbortController();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const segment of channel.segments({ rendition: '720p', signal: stop.signal })) {
      const text = new TextDecoder().decode(segment.data).replaceAll('\0', '');
      assert.is(text, nameOf('720p', segment.sequence));
      assert.is(segment.startsAt.getTime(), EPOCH + segment.sequence * 4000);
      assert.is(segment.duration, 4);
      assert.ok(segment.startsAt.getTime() <= clock.now() + 12_000, 'not before it is listed');
      seen.push(segment.sequence);
    }
  })();
  const ended = reading.catch((error: unknown) => error);
  await clock.advance(120_000);
  assert.equal(
    seen,
    Array.from({ length: seen.length }, (_, index) => 1000 + index),
  );
  assert.ok(seen.length >= 32, `${seen.length} segments in two minutes`);
  assert.is(engine.producers, 1);
  const reason = new Error('enough');
  stop.abort(reason);
  assert.is(await ended, reason);
  await headend.close();
});

test('a reader waits through a slow engine, and is told when its segment is gone', async () => {
  const { clock, engine, headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  engine.segmentMs = 20_000;
  const reader = channel.segments({ rendition: 'audio' });
  const first = reader.next();
  await clock.advance(21_000);
  assert.is((await first).value?.sequence, 1000);
  await clock.advance(600_000);
  const late = await reader.next().catch((error: unknown) => error);
  assert.is(late instanceof HeadendError && late.code, 'SEGMENT_NOT_FOUND');
  await headend.close();
});

test('A7, C5: a viewer is there for thirty seconds after its last request, a channel for thirty after its last viewer', async () => {
  for (const [options, timeoutMs, graceMs] of [
    [{}, 30_000, 30_000],
    [{ idleMs: 50_000 }, 50_000, 50_000],
    [{ idleMs: 20_000, viewerTimeoutMs: 40_000 }, 40_000, 20_000],
  ] as const) {
    const { clock, engine, headend } = await setUp(options);
    const channel = await headend.channels.add(NEWS);
    await channel.register('silent');
    await clock.advance(timeoutMs - 1);
    assert.is(channel.viewers, 1);
    await clock.advance(1);
    assert.is(channel.viewers, 0);
    const { sessionId } = await channel.register();
    await clock.advance(5000);
    channel.leave(sessionId);
    await clock.advance(graceMs - 1);
    assert.is(channel.state, 'active');
    await clock.advance(1);
    assert.is(channel.state, 'idle');
    assert.is(engine.alive, 0);
    await headend.close();
  }
});

test('every reader of segments is a viewer of its own: it is where it last took a segment, and gone when it ends', async () => {
  const { clock, headend } = await setUp({ batchSegments: 100 });
  const channel = await headend.channels.add(NEWS);
  const stop = new AbortController();
  const fast = channel.segments({ rendition: '720p' });
  const slow = channel.segments({ rendition: 'audio', signal: stop.signal });
  const failing = channel.segments({ rendition: '720p', from: 5 });
  const take = async (reader: typeof fast) => {
    const next = reader.next();
    await clock.advance(4000);
    return (await next).value?.sequence;
  };
  const positions = () => channel.status().viewers.map(({ segmentNumber }) => segmentNumber);
  assert.is(channel.viewers, 0, 'nobody has begun to read');
  assert.is(await take(slow), 1000);
  for (let n = 1001; n <= 1005; n++) assert.is(await take(fast), n);
  assert.is(channel.viewers, 2);
  assert.equal(positions(), [1000, 1005]);
  assert.is(
    await failing.next().catch((error: unknown) => error instanceof HeadendError && error.code),
    'SEGMENT_NOT_FOUND',
  );
  assert.is(channel.viewers, 2, 'who gets nothing has left');
  // The slow one goes on where it was, however far the other is, and gets nothing that it did not ask for.
  assert.is(await take(slow), 1001);
  assert.equal(positions(), [1005, 1001]);
  assert.is(channel.status().segmentsRemaining, 1099 - 1005, 'beyond the furthest reader');
  assert.ok(headend.status().load > 0, 'what readers keep on the air counts for admission');
  await fast.return();
  assert.equal(positions(), [1001]);
  assert.is(channel.status().segmentsRemaining, 1099 - 1001, 'who has left is not the furthest');
  const reason = new Error('enough');
  stop.abort(reason);
  assert.is(channel.viewers, 0, 'at once, not when it asks again');
  assert.is(headend.status().load, 0);
  assert.is(await slow.next().catch((error: unknown) => error), reason);
  await clock.advance(30_000);
  assert.is(channel.state, 'idle');
  // A reader that was left lying is forgotten like any viewer who is not heard of.
  const lost = channel.segments({ rendition: 'audio' });
  await take(lost);
  assert.is(channel.viewers, 1);
  await clock.advance(30_000);
  assert.is(channel.viewers, 0);
  assert.ok((await take(lost)) !== undefined);
  assert.is(channel.viewers, 1, 'and is there again with its next segment');
  await headend.close();
});

test('there is no moment without a channel while it is replaced, however long the old one takes to end', async () => {
  const { clock, engine, headend } = await setUp();
  const old = await headend.channels.add(NEWS);
  const waiting = old.segment('720p', 1002).catch((error: unknown) => error);
  engine.stopMs = 3000;
  const put = headend.channels.put({ ...NEWS, name: 'Newer' });
  await clock.advance(0);
  assert.is(headend.channels.get('news').name, 'Newer');
  const late = await waiting;
  assert.is(late instanceof HeadendError && late.code, 'CLOSED');
  const playlist = headend.channels.get('news').mediaPlaylist('720p');
  await clock.advance(2000);
  assert.match(await playlist, /EXT-X-MEDIA-SEQUENCE:1000/);
  assert.is(engine.alive, 2, 'the old one is still ending');
  await clock.advance(2000);
  assert.is((await put).name, 'Newer');
  assert.is(engine.alive, 1);
  engine.stopMs = 0;
  await headend.close();
});

test('a rung that somebody waits for is made, however long the engine takes', async () => {
  const { clock, engine, headend } = await setUp();
  const channel = await headend.channels.add({ ...NEWS, segmentDuration: 1 });
  // Longer than a rung is in demand after it was asked for: two target durations.
  engine.segmentMs = 4000;
  const onAir = (START - EPOCH) / 1000;
  void channel.register('listener');
  await clock.advance(100);
  const segment = channel.segment('720p', onAir + 1).then(
    ({ sequence }) => sequence,
    (error: unknown) => String(error),
  );
  await clock.advance(10_500);
  assert.is(await segment, onAir + 1);
  await headend.close();
});

test('a schedule that is to air as soon as possible airs at once where nobody watches, within 68 s where somebody does', async () => {
  const { clock, headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  const aheadMs = async () => {
    const changed = channel.setSchedule(loop([{ source: '/b.mp4', duration: 10 }]));
    await clock.advance(0);
    return (await changed).getTime() - clock.now();
  };
  const unwatched = await aheadMs();
  assert.ok(unwatched > 0 && unwatched <= 40, `${unwatched} ms: the next frame`);
  const all: number[] = [];
  for (let second = 0; second < 120; second++) {
    await channel.register('viewer');
    await clock.advance(1000);
    if (second > 20) all.push(await aheadMs());
  }
  const [least, most] = [Math.min(...all), Math.max(...all)];
  assert.ok(least >= 28_000 && most <= 68_100, `${least} to ${most} ms`);
  await headend.close();
});

test('a new schedule airs from the first segment that is neither made, nor begun, nor listed', async () => {
  const { clock, engine, headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  engine.segmentMs = 1000;
  const playlist = channel.mediaPlaylist('audio');
  await clock.advance(1500);
  const listed = Array.from((await playlist).matchAll(/^(\d+)-\w+\.m4s/gm), ([name]) => name);
  const numbers = listed.map((name) => Number.parseInt(name, 10));
  const [first = 0, last = 0] = [numbers.at(0), numbers.at(-1)];
  assert.is(last, first + 2);
  assert.is(channel.status().production?.producer, 'working');
  const segmentAt = (at: Date) => (at.getTime() - EPOCH) / 4000;
  const change = async (name: string) => {
    const changed = channel.setSchedule(loop([{ source: name, duration: 10 }]));
    await clock.advance(0);
    return segmentAt(await changed);
  };
  const editions = () => Array.from({ length: 12 }, (_, n) => channel.editionOf(first + n));
  const before = editions();
  // The batch in hand has ten segments; one of them is made, and another one begun.
  assert.is(await change('/b.mp4'), last + 1, 'the first that is not listed');
  assert.equal(editions().slice(0, 3), before.slice(0, 3));
  assert.ok(
    editions()
      .slice(3)
      .every((edition) => !before.includes(edition)),
  );
  await clock.advance(4000);
  const between = editions();
  const at = await change('/c.mp4');
  assert.ok(at > first + 6 && at < first + 6.03, `${at - first}: behind the one that is begun`);
  assert.equal(editions().slice(0, 6), between.slice(0, 6));
  // What was read ahead for the old schedule is not used: a new producer begins with the next segment.
  const producers = new Map(engine.batches.map(({ from, producer }) => [from - first, producer]));
  assert.equal(
    [...producers],
    [...Array(6).keys()].map((n) => [n, n < 2 ? 1 : 2]),
  );
  await clock.advance(1000);
  assert.is(engine.batches.at(-1)?.producer, 3);
  assert.is(engine.alive, 1);
  // A change that lies behind what the engine was told of does not disturb it.
  const far = channel.setSchedule(NEWS.schedule, { from: new Date(clock.now() + 3_600_000) });
  await clock.advance(2000);
  await far;
  assert.is(engine.batches.at(-1)?.producer, 3);
  await headend.close();
});

test('states and faults are events', async () => {
  const { clock, engine, headend } = await setUp();
  const events: string[] = [];
  headend.on('channel', ({ channelId, state }) => events.push(`${channelId} ${state}`));
  headend.on('fault', ({ channelId, code }) => events.push(`${channelId} ${code}`));
  const channel = await headend.channels.add(NEWS);
  let failing = true;
  engine.fails = () => failing;
  const playlist = channel.mediaPlaylist('720p');
  await clock.advance(600);
  failing = false;
  await clock.advance(2000);
  assert.match(await playlist, /^#EXTM3U/);
  assert.equal(events, ['news starting', 'news error', 'news ENCODE_FAILED', 'news active']);
  await headend.close();
});

test('problems of a schedule are faults like others: told, written down, and the last one kept', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-problems-'));
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock);
  const journal = await openJournal({ file: join(folder, 'journal.db'), clock });
  const headend = await Headend.create({}, { engine, clock, journal });
  const told: string[] = [];
  headend.on('fault', ({ channelId, source }) => told.push(`${channelId} ${source}`));
  const withGone = (...names: string[]) =>
    loop([{ source: '/a.mp4', duration: 10 }, ...names.map((source) => ({ source }))]);
  const channel = await headend.channels.add({ ...NEWS, schedule: withGone('/one.mp4') });
  assert.is(channel.status().lastFault?.source, '/one.mp4');
  await channel.setSchedule(withGone('/two.mp4', '/three.mp4'));
  assert.is(channel.status().lastFault?.source, '/three.mp4');
  await settle();
  const all = ['news /one.mp4', 'news /two.mp4', 'news /three.mp4'];
  assert.equal(told, all);
  await journal.flush();
  const written = await journal.faults({ first: 'oldest' });
  assert.equal(written.map(({ fault }) => `${fault.channelId} ${fault.source}`).sort(), all.sort());
  await headend.close();
  await rm(folder, { recursive: true });
});

test('viewers, batches and the figures of the moment can be followed', async () => {
  const { clock, headend } = await setUp();
  const events: string[] = [];
  headend.on('session', ({ type, sessionId, viewers }) =>
    events.push(`${sessionId} ${type}, ${viewers} in all`),
  );
  headend.on('batch', ({ type, batch }) => events.push(`batch ${batch.batchNumber} ${type}`));
  const published: unknown[] = [];
  const listen = (message: unknown) => published.push(message);
  subscribe('headend:session', listen);
  const channel = await headend.channels.add(NEWS);
  assert.is(channel.viewers, 0);
  const { sessionId } = await channel.register('viewer-1');
  await clock.advance(3000);
  const segment = channel.segment('720p', 1001, { sessionId });
  await clock.advance(3000);
  await segment;
  const answer = channel.reportPosition({ sessionId, rendition: '720p', segmentNumber: 1002 });
  assert.is(answer.segmentsRemaining, 7);
  assert.is(answer.currentBatch?.endSegment, 1009);
  const { viewers, state, rungsInDemand, segmentsRemaining, production } = channel.status();
  assert.equal(viewers, [
    { sessionId, seenAt: new Date(clock.now()), rendition: '720p', segmentNumber: 1002 },
  ]);
  assert.is(state, 'active');
  assert.equal(rungsInDemand, ['720p']);
  assert.is(segmentsRemaining, 7);
  assert.ok((production?.runwaySeconds ?? 0) > 30);
  assert.equal([headend.status().channelsOn, headend.status().viewers], [1, 1]);
  channel.leave(sessionId);
  channel.leave(sessionId);
  await settle();
  assert.equal(events, [
    'viewer-1 opened, 1 in all',
    'batch 0 started',
    'batch 0 completed',
    'viewer-1 closed, 0 in all',
  ]);
  assert.is(published.length, 2);
  unsubscribe('headend:session', listen);
  const refused = await channel.register('a b').catch((error: unknown) => error);
  assert.is(refused instanceof HeadendError && refused.code, 'INVALID_REQUEST');
  await headend.close();
});

test('close is one, however often; afterwards everything says so', async () => {
  const { clock, engine, headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  const waiting = channel.mediaPlaylist('720p').catch((error: unknown) => error);
  const reading = channel
    .segments({ rendition: '720p', from: 5000 })
    .next()
    .catch((error: unknown) => error);
  await settle();
  await Promise.all([headend.close(), headend.close(), headend[Symbol.asyncDispose]()]);
  for (const error of [await waiting, await reading]) {
    assert.is(error instanceof HeadendError && error.code, 'CLOSED');
  }
  assert.is(engine.alive, 0);
  assert.is(engine.closed, true);
  assert.is(clock.pending, 0);
  assert.match(await refusal(headend, NEWS), /^CLOSED/);
  assert.throws(() => headend.handler, /closed/);
});

test.run();
