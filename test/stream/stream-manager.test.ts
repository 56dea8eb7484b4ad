// The life of streams: who starts them, who keeps them, what ends them, and what is left behind.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { type ResolvedSchedule, slate } from '../../lib/timeline/airing.js';
import { ResolvedLoop } from '../../lib/timeline/schedule.js';
import { SplicedSchedule } from '../../lib/timeline/splice.js';
import { settle } from './fake-clock.js';
import { createStreams, EPOCH, N, START } from './streams.js';

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof HeadendError ? error.code : String(error)),
  );
}

test('C1: a hundred calls start one production', async () => {
  const { clock, engine, add, states, streams } = createStreams();
  const stream = add('c');
  await Promise.all(Array.from({ length: 100 }, () => stream.start()));
  assert.is(streams.get('c'), stream);
  await Promise.all(Array.from({ length: 100 }, () => stream.register('a')));
  await clock.advance(1000);
  assert.is(engine.producers, 1);
  assert.is(stream.viewerCount, 1);
  assert.equal(states, ['starting', 'active']);
  await streams.shutdown();
});

test('C1: who comes while the channel is being stopped waits for that and starts it anew', async () => {
  const { clock, engine, add, states, streams } = createStreams();
  const stream = add('c');
  await stream.register('a');
  await clock.advance(600);
  const stopped = stream.stop();
  const again = Promise.all([stream.register('b'), stream.register('b'), stream.start()]);
  await stopped;
  await again;
  await settle();
  assert.is(engine.alive, 1);
  assert.equal(states, ['starting', 'active', 'stopping', 'idle', 'starting']);
  assert.is(stream.viewerCount, 1);
  await streams.shutdown();
});

test('C2: an unknown channel is a typed error', async () => {
  const { streams } = createStreams();
  assert.throws(() => streams.get('c'), /there is no channel c/);
  assert.is(await codeOf(streams.remove('c')), 'CHANNEL_NOT_FOUND');
});

test('C2: when nothing airs now that is a typed error, and nothing is left behind', async () => {
  const { clock, engine, add, states, streams } = createStreams();
  const schedule: ResolvedSchedule = {
    identity: '',
    airingAt: (frame) => slate(frame, -Infinity, Infinity),
    refusal: () => new HeadendError('SCHEDULE_ENDED', 'schedule', 'it is over'),
  };
  const stream = add('c', { schedule });
  const calls = [stream.start(), stream.register('a'), stream.playlist('720p'), stream.inits()];
  for (const call of calls) assert.is(await codeOf(call), 'SCHEDULE_ENDED');
  assert.is(engine.producers, 0);
  assert.is(stream.viewerCount, 0);
  assert.is(clock.pending, 0);
  assert.equal(states, []);
  await streams.shutdown();
});

test('C3: registration starts the channel, issues an id, counts once and keeps the viewer', async () => {
  const { clock, add, sessions, journal, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  const { sessionId } = await stream.register();
  assert.is(stream.state, 'starting');
  for (let second = 0; second < 120; second += 20) {
    await clock.advance(20_000);
    assert.equal(await stream.register(sessionId), { sessionId });
  }
  assert.is(stream.viewerCount, 1);
  assert.is(stream.state, 'active');
  assert.is(sessions.length, 1);
  assert.equal(
    journal.of('session-opened').map((operation) => operation.sessionId),
    [sessionId],
  );
  await streams.shutdown();
});

test('C3: requests with a session register it, those without one count as one viewer', async () => {
  const { clock, add, streams } = createStreams({ segmentMs: 10 });
  const stream = add('c');
  const requests = [
    stream.playlist('720p', { sessionId: 'a' }),
    stream.segment('720p', N, { sessionId: 'b' }),
    stream.inits({ sessionId: 'a' }),
    stream.playlist('720p'),
    stream.segment('audio', N),
  ];
  await clock.advance(100);
  await Promise.all(requests);
  assert.equal(
    stream
      .viewers()
      .map(({ sessionId }) => sessionId)
      .sort(),
    ['(anonymous)', 'a', 'b'],
  );
  await streams.shutdown();
});

test('C4: leaving is repeatable, never counts below nothing, and ends the demand', async () => {
  const { clock, add, sessions, journal, streams } = createStreams();
  const stream = add('c');
  await stream.register('a');
  await stream.register('b');
  for (let n = 0; n < 3; n++) stream.unregister('a');
  assert.is(stream.viewerCount, 1);
  stream.unregister('b');
  stream.unregister('nobody');
  assert.is(stream.viewerCount, 0);
  await clock.advance(1000);
  assert.equal(
    sessions.map(({ type, sessionId, viewers }) => `${type} ${sessionId} ${viewers}`),
    ['opened a 1', 'opened b 2', 'closed a 1', 'closed b 0'],
  );
  assert.equal(
    journal.of('session-closed').map(({ sessionId, reason }) => `${sessionId} ${reason}`),
    ['a left', 'b left'],
  );
  await streams.shutdown();
});

test('C5: thirty seconds after the last viewer left the channel stops, and not before', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  await stream.register('a');
  await clock.advance(5300);
  stream.unregister('a');
  await clock.advance(29_999);
  assert.is(stream.state, 'active');
  await clock.advance(1);
  assert.is(stream.state, 'idle');
  assert.is(engine.alive, 0);
  await streams.shutdown();
});

test('C5: a viewer who comes at 29 seconds keeps the channel, with its producer', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  await stream.register('a');
  await clock.advance(5000);
  stream.unregister('a');
  await clock.advance(29_000);
  await stream.register('b');
  await clock.advance(29_000);
  assert.is(stream.state, 'active');
  assert.is(engine.producers, 1);
  await streams.shutdown();
});

test('C6: viewers who fell silent are forgotten, and the channel stops with the last of them', async () => {
  const { clock, store, add, journal, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  await stream.register('ghost');
  await clock.advance(10_000);
  await stream.register('b');
  await clock.advance(20_000);
  assert.is(stream.viewerCount, 1);
  await clock.advance(10_000);
  assert.is(stream.viewerCount, 0);
  assert.is(stream.state, 'idle');
  assert.is(store.bytes, 0);
  assert.is(clock.pending, 0);
  assert.equal(
    journal.of('session-closed').map(({ sessionId, reason }) => `${sessionId} ${reason}`),
    ['ghost timeout', 'b timeout'],
  );
  await streams.shutdown();
});

test('C7: stopping is one, cancels what is being made, joins and drops everything', async () => {
  const { clock, engine, store, add, states, streams } = createStreams();
  const stream = add('c');
  await stream.register('a');
  await clock.advance(1200);
  engine.segmentMs = 3_600_000;
  await clock.advance(1000);
  await Promise.all([stream.stop(), stream.stop(), stream.stop()]);
  await stream.stop();
  assert.equal(states, ['starting', 'active', 'stopping', 'idle']);
  assert.is(engine.alive, 0);
  assert.is(store.bytes, 0);
  assert.is(stream.viewerCount, 0);
  assert.is(stream.batch, null);
  assert.is(clock.pending, 0);
  await streams.shutdown();
});

test('C8: restarts wait one and two seconds; the third failure in a minute opens the breaker', async () => {
  const { clock, engine, add, states, faults, streams } = createStreams({ segmentMs: 0 });
  engine.fails = () => true;
  const stream = add('c');
  await stream.register('a');
  const attempts: number[] = [];
  const begin = clock.now();
  for (let ms = 0; ms < 100_000; ms += 100) {
    await clock.advance(100);
    if (ms % 5000 === 0) await stream.register('a');
    while (attempts.length < engine.batches.length) attempts.push(clock.now() - begin);
  }
  assert.equal(attempts.slice(0, 5), [100, 1000, 3000, 33_000, 63_000]);
  assert.is(faults.length, engine.batches.length);
  assert.equal(states, ['starting', 'error']);
  assert.is(stream.production?.isSuspended, true);
  assert.is(stream.lastFault?.code, 'ENCODE_FAILED');
  assert.is(engine.alive, 0, 'failed producers are stopped');
  await streams.shutdown();
});

test('C8: after the breaker the channel comes back with what is on then, and its viewers are still there', async () => {
  const { clock, engine, add, states, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  await stream.register('a');
  await clock.advance(300);
  engine.fails = () => true;
  for (let second = 0; second < 20; second += 4) {
    await clock.advance(4000);
    await stream.register('a');
  }
  engine.fails = () => false;
  await clock.advance(16_000);
  assert.is(stream.state, 'active');
  assert.is(stream.viewerCount, 1);
  assert.equal(states, ['starting', 'active', 'error', 'active']);
  const onAir = Math.floor((clock.now() - (clock.now() % 1000) - Date.parse('2025-01-01')) / 4000);
  const view = stream.playlist('720p', { sessionId: 'a' });
  await clock.advance(100);
  const { range } = await view;
  assert.is(range.to, onAir + 2);
  assert.ok(range.from <= onAir);
  const segment = stream.segment('720p', onAir, { sessionId: 'a' });
  await clock.advance(100);
  assert.is((await segment).sequence, onAir);
  await streams.shutdown();
});

test('C8: a channel that fails does not disturb another', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100 });
  engine.fails = (_, channelId) => channelId === 'bad';
  const [bad, good] = [add('bad'), add('good')];
  await Promise.all([bad.register('a'), good.register('a')]);
  await clock.advance(5000);
  assert.is(bad.state, 'error');
  assert.is(good.state, 'active');
  assert.is(good.batch?.isComplete, true);
  await streams.shutdown();
});

test('C9: after the shutdown nothing starts, nothing is left, and sessions are kept for the restart', async () => {
  const { clock, engine, add, journal, streams } = createStreams({ segmentMs: 100 });
  const [one, two] = [add('one'), add('two')];
  await Promise.all([one.register('a'), two.register('b')]);
  await clock.advance(150);
  const waiting = codeOf(one.segment('360p', N + 2));
  await Promise.all([streams.shutdown(), streams.shutdown()]);
  assert.is(await waiting, 'CLOSED');
  assert.is(await codeOf(one.start()), 'CLOSED');
  assert.is(await codeOf(two.register('c')), 'CLOSED');
  assert.throws(() => add('three'), /closed/);
  assert.is(engine.alive, 0);
  assert.is(clock.pending, 0);
  assert.equal(journal.of('session-closed'), []);
});

test('C9: the sessions of a channel that is removed end with it', async () => {
  const { add, journal, streams } = createStreams();
  await add('c').register('a');
  await streams.remove('c');
  assert.equal(
    journal.of('session-closed').map(({ sessionId, reason }) => `${sessionId} ${reason}`),
    ['a removed'],
  );
  await streams.shutdown();
});

test('C9: who asks in the very moment in which a channel is removed is told so at once', async () => {
  const { clock, add, streams } = createStreams();
  const stream = add('c');
  const asked = [stream.playlist('720p'), stream.segment('audio', N), stream.inits()].map(codeOf);
  const removed = streams.remove('c');
  await settle();
  assert.equal(await Promise.race([Promise.all(asked), clock.advance(100)]), [
    'CLOSED',
    'CLOSED',
    'CLOSED',
  ]);
  await removed;
  assert.is(clock.pending, 0);
  await streams.shutdown();
});

test('C9: a channel whose predecessor is still being taken off the air is left alone by that', async () => {
  const { clock, engine, add, streams, store } = createStreams();
  await add('c').register('a');
  await clock.advance(1000);
  engine.stopMs = 3000;
  const removed = streams.remove('c');
  const stream = add('c');
  const answer = codeOf(stream.segment('360p', N + 2));
  await clock.advance(5000);
  await removed;
  assert.is(await answer, 'resolved');
  const key = { channelId: 'c', rendition: 'audio', sequence: N };
  assert.ok(store.get(key), 'what it made before that is kept');
  await clock.advance(3000);
  engine.stopMs = 0;
  await streams.shutdown();
});

test('C11: a thousand times on and off leave no producer, no timer, no segment and no viewer', async () => {
  const { clock, engine, store, add, streams } = createStreams({ segmentMs: 0 });
  const stream = add('c', { batch: { segments: 2, threshold: 1 } });
  for (let n = 0; n < 1000; n++) {
    const view = stream.playlist('720p', { sessionId: `viewer-${n}` });
    if (n % 3 === 0) await settle();
    await stream.stop();
    await view.catch(() => {});
    // Who still waited when it was stopped has started it again, or not.
    await stream.stop();
    assert.is(engine.alive, 0);
    assert.is(store.bytes, 0);
    assert.is(stream.viewerCount, 0);
    if (clock.pending > 0) await clock.advance(10_000);
    assert.is(clock.pending, 0);
  }
  await streams.shutdown();
});

test('C13: what encodes and whether a device decodes is told as it is, also after either has failed', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 1000 });
  const told = async (id: string, settings: { encoder: string; device: boolean }) => {
    const stream = add(id, settings);
    await stream.register('a');
    await clock.advance(2500);
    const { encoder, onDevice } = stream.production ?? {};
    await stream.stop();
    return `${encoder} ${onDevice}`;
  };
  assert.is(await told('plain', { encoder: 'nvenc', device: false }), 'nvenc false');
  assert.is(await told('whole', { encoder: 'nvenc', device: true }), 'nvenc true');
  assert.is(await told('decodes', { encoder: 'software', device: true }), 'software true');
  engine.deviceBreaksAt = N + 4;
  const stream = add('breaks', { encoder: 'software', device: true });
  await stream.register('a');
  await clock.advance(5000);
  assert.is(stream.production?.onDevice, false);
  await stream.stop();
  engine.breaksAt = N + 4;
  assert.is(await told('fails', { encoder: 'nvenc', device: true }), 'software false');
  await streams.shutdown();
});

test('C13: what a channel and the machine are doing can be read', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 1000 });
  const stream = add('c');
  assert.is(stream.production, null);
  await stream.register('a');
  await clock.advance(2500);
  const { production } = stream;
  assert.equal(production, {
    producer: 'working',
    encoder: 'software',
    onDevice: false,
    runwaySeconds: 4.5,
    generationRatio: 0.25,
    failures: 0,
    failure: null,
    isSuspended: false,
  });
  assert.equal(streams.status(), {
    channelsOn: 1,
    viewers: 1,
    slots: 2,
    inWork: 1,
    waiting: 0,
    load: 0.125,
  });
  engine.fails = () => true;
  await clock.advance(1000);
  assert.is(stream.production?.failures, 1);
  assert.is(stream.lastFault?.message, 'it broke');
  await streams.shutdown();
});

test('C14: a viewer who comes back to a parked channel gets what is on now', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c', { idleMs: 600_000 });
  await stream.register('a');
  await clock.advance(3000);
  stream.unregister('a');
  await clock.advance(100_000);
  const before = engine.batches.length;
  const onAir = N + 26;
  const view = stream.playlist('720p', { sessionId: 'b' });
  const segment = stream.segment('720p', onAir, { sessionId: 'b' });
  await clock.advance(100);
  assert.is((await view).range.to, onAir + 2);
  assert.is((await segment).sequence, onAir);
  assert.is(engine.batches[before]?.from, onAir, 'nothing is made that is over');
  await streams.shutdown();
});

test('C14: nobody is lost when the wall clock is set, forward or back', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  const wall = clock.now.bind(clock);
  for (const step of [3_600_000, -7_200_000, 0]) {
    clock.now = () => wall() + step;
    for (let second = 0; second < 40; second += 4) {
      await stream.register('a');
      await clock.advance(4000);
    }
    assert.is(stream.viewerCount, 1);
    assert.is(stream.state, 'active');
    assert.ok((stream.production?.runwaySeconds ?? 0) > 0);
  }
  assert.is(engine.alive, 1);
  await clock.advance(30_000);
  assert.is(stream.state, 'idle');
  await streams.shutdown();
});

test('C14: a rung watched before the wall clock was set back is not in demand for all the time until then', async () => {
  const { clock, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  const wall = clock.now.bind(clock);
  const earlier = stream.playlist('720p', { sessionId: 'a' });
  await clock.advance(1000);
  await earlier;
  stream.unregister('a');
  await clock.advance(31_000);
  assert.is(stream.state, 'idle');
  clock.now = () => wall() - 3_000_000;
  const later = stream.playlist('360p', { sessionId: 'b' });
  await clock.advance(1000);
  await later;
  assert.equal(stream.rungsInDemand, ['360p']);
  await streams.shutdown();
});

test('positions come from segments, are written down once, and sound does not hide the pictures', async () => {
  const { clock, add, journal, streams } = createStreams({ segmentMs: 10 });
  const stream = add('c');
  const get = async (rendition: string, n: number) => {
    const segment = stream.segment(rendition, N + n, { sessionId: 'a' });
    await clock.advance(200);
    await segment;
  };
  for (const n of [0, 1, 2]) {
    await get('audio', n);
    await get('360p', n);
    await get('360p', n);
  }
  assert.equal(
    journal
      .of('position')
      .map(({ rendition, segmentNumber }) => `${rendition} ${segmentNumber - N}`),
    ['audio 0', '360p 0', '360p 1', '360p 2'],
  );
  const { currentBatch, segmentsRemaining } = stream.reportPosition({
    sessionId: 'a',
    rendition: '360p',
    segmentNumber: N + 1,
  });
  assert.is(currentBatch?.endSegment, N + 9);
  assert.is(segmentsRemaining, 8);
  await streams.shutdown();
});

test('viewers whom the journal remembers find their channel on, if they were there a moment ago', async () => {
  const { clock, engine, add, journal, streams } = createStreams({ segmentMs: 100 });
  const saved = (sessionId: string, ageMs: number) => ({
    channelId: 'c',
    sessionId,
    openedAtMs: clock.now() - 600_000,
    seenAtMs: clock.now() - ageMs,
    rendition: '720p',
    segmentNumber: N - 1,
  });
  journal.sessions = [saved('recent', 5000), saved('old', 60_000)];
  const stream = add('c');
  assert.is(stream.viewerCount, 1);
  assert.is(stream.viewers()[0]?.position?.segmentNumber, N - 1);
  await clock.advance(3000);
  assert.is(engine.batches[0]?.from, N);
  assert.is(stream.state, 'active');
  stream.reportPosition({ sessionId: 'recent', rendition: '720p', segmentNumber: N });
  assert.equal(
    journal.of('session-closed').map(({ sessionId, reason }) => `${sessionId} ${reason}`),
    ['old timeout'],
  );
  assert.equal(journal.of('session-opened'), []);
  await clock.advance(30_000);
  assert.is(stream.state, 'idle');
  await streams.shutdown();
});

test('the time for which the server was down counts against no viewer, and a channel that is replaced brings nobody back', async () => {
  const { clock, add, journal, streams } = createStreams({ segmentMs: 100 });
  const saved = (channelId: string, sessionId: string, ageMs: number) => ({
    ...{ channelId, sessionId, openedAtMs: START - 900_000, seenAtMs: START - ageMs },
    ...{ rendition: null, segmentNumber: null },
  });
  journal.sessions = [
    saved('c', 'gone', 640_000),
    saved('d', 'last', 600_000),
    saved('c', 'paused', 620_000),
  ];
  const ids = (id: string) => {
    const viewers = streams.get(id).viewers();
    return viewers.map(({ sessionId }) => sessionId);
  };
  add('c');
  await clock.advance(1000);
  add('d');
  assert.equal([ids('c'), ids('d')], [['paused'], ['last']]);
  await clock.advance(2000);
  assert.is(streams.get('d').state, 'active');
  await streams.remove('d');
  add('d');
  assert.equal(ids('d'), []);
  await streams.shutdown();
});

test('the time before its channel is added again counts against no viewer, however long that takes', async () => {
  const { clock, add, journal, streams } = createStreams({ segmentMs: 100 });
  const saved = (channelId: string, sessionId: string, ageMs: number) => ({
    ...{ channelId, sessionId, openedAtMs: START - 900_000, seenAtMs: START - ageMs },
    ...{ rendition: null, segmentNumber: null },
  });
  journal.sessions = [saved('c', 'a', 1000), saved('d', 'b', 5000), saved('d', 'gone', 40_000)];
  add('c');
  await clock.advance(120_000);
  const late = add('d');
  assert.equal(
    late.viewers().map(({ sessionId }) => sessionId),
    ['b'],
  );
  await clock.advance(25_999);
  assert.is(late.viewerCount, 1);
  await clock.advance(1);
  assert.is(late.viewerCount, 0);
  await streams.shutdown();
});

test('C9: a viewer who comes while a channel is stopped that is then removed is told to have gone', async () => {
  const { clock, engine, add, journal, streams } = createStreams({ segmentMs: 100 });
  engine.stopMs = 1000;
  const stream = add('c');
  await stream.register('a');
  await clock.advance(50);
  void stream.stop();
  const asking = codeOf(stream.playlist('720p', { sessionId: 'b' }));
  await settle();
  const removed = streams.remove('c');
  await clock.advance(1000);
  assert.is(await asking, 'CLOSED');
  assert.equal(
    journal.of('session-closed').map(({ sessionId, reason }) => `${sessionId} ${reason}`),
    ['a removed', 'b removed'],
  );
  assert.is(stream.viewerCount, 0);
  await removed;
  await streams.shutdown();
});

test('what has aired, which batches were made and what failed is written down', async () => {
  const { clock, engine, add, journal, streams } = createStreams({ segmentMs: 100 });
  let failures = 1;
  engine.fails = (sequence) => sequence === N + 4 && failures-- > 0;
  await add('c').register('a');
  await clock.advance(4000);
  // The programme is ten seconds long and repeats; segment N begins in the middle of a lap.
  const aired = journal.of('aired').map(({ startsAtMs, endsAtMs }) => [startsAtMs, endsAtMs]);
  assert.ok(aired.length >= 4);
  aired.forEach(([startsAt, endsAt], n) => {
    assert.is(endsAt, (startsAt ?? 0) + 10_000);
    if (n > 0) assert.is(startsAt, aired[n - 1]?.[1]);
  });
  assert.equal(
    journal.of('batch').map(({ batchNumber, error }) => [batchNumber, error]),
    [
      [0, 'it broke'],
      [0, null],
    ],
  );
  assert.equal(
    journal.of('fault').map(({ fault }) => fault.code),
    ['ENCODE_FAILED'],
  );
  await streams.shutdown();
});

test('a programme that a change of the schedule cuts short is written down anew, as it aired', async () => {
  const { clock, grid, add, journal, streams } = createStreams({ segmentMs: 100 });
  const hour = (title: string) =>
    new ResolvedLoop([{ title, source: { kind: 'slate' }, frames: 90_000 }], 0);
  let current = SplicedSchedule.of(hour('old'), grid.format.frameRate);
  const schedule: ResolvedSchedule = {
    identity: '',
    airingAt: (frame) => current.airingAt(frame),
  };
  await add('c', { schedule }).register('a');
  await clock.advance(3000);
  const cut = grid.firstFrame(N + 30);
  current = current.with(hour('new'), cut);
  for (let second = 0; second < 120; second += 20) {
    await streams.get('c').register('a');
    await clock.advance(20_000);
  }
  const cutAtMs = grid.instantOfFrame(cut);
  assert.equal(
    journal.of('aired').map(({ title, startsAtMs, endsAtMs }) => [title, startsAtMs, endsAtMs]),
    [
      ['old', EPOCH + 3_600_000, EPOCH + 7_200_000],
      ['old', EPOCH + 3_600_000, cutAtMs],
      ['new', cutAtMs, EPOCH + 7_200_000],
    ],
  );
  await streams.shutdown();
});

test.run();
