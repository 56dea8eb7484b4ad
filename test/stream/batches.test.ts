// Batches: when they are begun, what follows what, and what happens when they fail.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createHeadend } from '../../lib/create-headend.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { BatchCoordinator } from '../../lib/stream/batch-coordinator.js';
import { loop, ResolvedLoop } from '../../lib/timeline/schedule.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';
import { createStreams, EPOCH, N, START } from './streams.js';

function coordinated(check: () => number = () => Infinity) {
  const looks: number[] = [];
  const channel = (clock: FakeClock) => ({
    channelId: 'c',
    check: () => {
      looks.push(clock.now() - START);
      return check();
    },
  });
  return { looks, channel };
}

test('B1: every channel is looked at every two seconds, and sooner when one asks for it', async () => {
  const clock = new FakeClock(START);
  const coordinator = new BatchCoordinator({ clock, intervalMs: 2000, onError: () => {} });
  let next = Infinity;
  const { looks, channel } = coordinated(() => next);
  coordinator.add(channel(clock));
  await clock.advance(6500);
  assert.equal(looks.splice(0), [2000, 4000, 6000]);
  next = 700;
  await clock.advance(3000);
  assert.equal(looks, [8000, 8700, 9400]);
  coordinator.stop();
});

test('B2: stopping leaves no timer, is repeatable, and safe before anything was begun', async () => {
  const clock = new FakeClock(START);
  const coordinator = new BatchCoordinator({ clock, intervalMs: 2000, onError: () => {} });
  coordinator.stop();
  const running = new BatchCoordinator({ clock, intervalMs: 2000, onError: () => {} });
  const { looks, channel } = coordinated();
  running.add(channel(clock));
  running.stop();
  running.stop();
  assert.is(clock.pending, 0);
  running.add(channel(clock));
  running.tick();
  await clock.advance(10_000);
  assert.equal(looks, []);
  assert.is(clock.pending, 0);
});

test('B2: without a channel that is on there is no timer', async () => {
  const { clock, add, streams } = createStreams();
  const stream = add('c');
  assert.is(clock.pending, 0);
  await stream.register('a');
  assert.ok(clock.pending > 0);
  await stream.stop();
  assert.is(clock.pending, 0);
  await streams.shutdown();
});

test('B3: nothing is made for a channel without viewers', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c', { idleMs: 600_000 });
  await stream.register('a');
  await clock.advance(2000);
  assert.is(engine.batches.length, 10);
  stream.unregister('a');
  await clock.advance(300_000);
  assert.is(engine.batches.length, 10);
  assert.is(stream.state, 'active', 'but it is kept for the grace period');
  await streams.shutdown();
});

test('B3: a batch is left where it is when the last viewer goes, and goes on when one comes', async () => {
  const { clock, engine, add, batches, streams } = createStreams();
  const stream = add('c');
  await stream.register('a');
  await clock.advance(1200);
  stream.unregister('a');
  await clock.advance(3000);
  assert.is(engine.batches.length, 3);
  await stream.register('b');
  await clock.advance(4000);
  assert.equal(
    engine.batches.map(({ from }) => from - N),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.is(batches.filter(({ type }) => type === 'started').length, 1);
  await streams.shutdown();
});

test('B4: a look at the channels never waits for one that is being made', async () => {
  const { clock, engine, add, streams } = createStreams();
  const slow = add('slow');
  engine.segmentMs = 3_600_000;
  await slow.register('a');
  await clock.advance(100);
  engine.segmentMs = 100;
  const stream = add('c');
  await stream.register('a');
  await clock.advance(20_000);
  await stream.register('a');
  await clock.advance(20_000);
  const made = engine.batches.filter(({ channelId }) => channelId === 'c');
  assert.ok(made.length >= 15, `${made.length} segments`);
  await streams.shutdown();
});

test('B5: a hundred triggers at once begin one batch', async () => {
  const { clock, engine, add, batches, streams } = createStreams();
  const stream = add('c');
  await Promise.all(Array.from({ length: 100 }, (_, n) => stream.register(`viewer-${n}`)));
  for (let n = 0; n < 100; n++) {
    stream.reportPosition({ sessionId: `viewer-${n}`, rendition: '720p', segmentNumber: N + 9 });
    stream.check();
  }
  await settle();
  assert.is(engine.producers, 1);
  assert.is(engine.batches.length, 1);
  assert.is(batches.length, 1);
  await clock.advance(5000);
  for (let n = 0; n < 100; n++) stream.check();
  assert.is(batches.filter(({ type }) => type === 'started').length, 1);
  await streams.shutdown();
});

test('B5: a thousand times, triggers in any order begin each batch once', async () => {
  for (let run = 0; run < 1000; run++) {
    const { clock, engine, add, streams } = createStreams({ segmentMs: 0 });
    const stream = add('c', { batch: { segments: 2, threshold: 1 } });
    const viewers = Array.from({ length: 3 }, (_, n) => stream.register(`viewer-${n}`));
    stream.check();
    await Promise.all(viewers);
    for (let n = 0; n < 3; n++) {
      stream.reportPosition({
        sessionId: `viewer-${n}`,
        rendition: '720p',
        segmentNumber: N + run,
      });
    }
    clock.setTimer(() => stream.check(), run % 3);
    await clock.advance(3);
    const made = engine.batches.map(({ from }) => from - N);
    assert.equal(made, [...made.keys()], `run ${run}`);
    await streams.shutdown();
  }
});

test('B6: a channel whose look throws is reported, and the others are looked at as before', async () => {
  const clock = new FakeClock(START);
  const errors: string[] = [];
  const coordinator = new BatchCoordinator({
    clock,
    intervalMs: 2000,
    onError: (channelId, error) => errors.push(`${channelId} ${String(error)}`),
  });
  const broken = coordinated(() => {
    throw new Error('it broke');
  });
  const whole = coordinated();
  coordinator.add(broken.channel(clock));
  coordinator.add(whole.channel(clock));
  await clock.advance(4000);
  assert.equal(errors, ['c Error: it broke', 'c Error: it broke']);
  assert.equal(whole.looks, [2000, 4000]);
  coordinator.stop();
});

test('B6: a failed batch is tried again under its number, and wedges nothing', async () => {
  const { clock, engine, add, batches, faults, streams } = createStreams();
  let failures = 1;
  engine.fails = (sequence) => sequence === N + 3 && failures-- > 0;
  const stream = add('c');
  await stream.register('a');
  await clock.advance(8000);
  assert.equal(
    batches.map(({ type, batch }) => [type, batch.batchNumber, batch.isComplete]),
    [
      ['started', 0, false],
      ['failed', 0, false],
      ['completed', 0, true],
    ],
  );
  assert.is(batches[1]?.error, 'it broke');
  assert.is(faults.length, 1);
  await streams.shutdown();
});

test('B7: batches follow each other without a hole, each with its exact place in its source', async () => {
  const schedule = new ResolvedLoop(
    [
      {
        title: 'A',
        source: { kind: 'file', url: '/a.mp4', inPoint: { num: 25, den: 2 } },
        frames: 333,
      },
      {
        title: 'B',
        source: { kind: 'file', url: '/b.mp4', inPoint: { num: 0, den: 1 } },
        frames: 1000,
      },
    ],
    0,
  );
  const { clock, engine, add, batches, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c', { schedule });
  for (let second = 0; second < 120; second += 4) {
    await stream.register('a');
    await clock.advance(4000);
  }
  const started = batches.filter(({ type }) => type === 'started').map(({ batch }) => batch);
  assert.ok(started.length >= 4);
  started.forEach((batch, number) => {
    assert.is(batch.batchNumber, number);
    assert.is(batch.startSegment, N + 10 * number);
    assert.is(batch.endSegment, N + 10 * number + 9);
    const frame = (batch.startSegment * 100) % 1333;
    const inA = frame < 333;
    assert.is(batch.source, inA ? '/a.mp4' : '/b.mp4');
    const { num, den } = batch.offset;
    assert.is(num * 50, (inA ? 625 + 2 * frame : 2 * (frame - 333)) * den, 'to the frame');
  });
  assert.equal(
    engine.batches.map(({ from }) => from),
    Array.from(engine.batches, (_, n) => N + n),
  );
  assert.is(engine.producers, 1);
  await streams.shutdown();
});

test('B8: ten segments of four seconds with a threshold of four, unless told otherwise', async () => {
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock, 100);
  const schedule = loop([{ source: '/a.mp4', duration: 10 }]);
  for (const [options, size, second] of [
    [{}, 10, 6],
    [{ batchSegments: 6, batchThreshold: 1 }, 6, 5],
  ] as const) {
    const headend = await Headend.create(options, { engine, clock });
    const channel = await headend.channels.add({ id: 'c', schedule });
    assert.is(channel.targetDuration, 4);
    const onAir = Math.floor((clock.now() - EPOCH) / 4000);
    await channel.register('a');
    await clock.advance(1500);
    const batch = channel.status().batch;
    assert.is(batch?.startSegment, onAir);
    assert.is(batch?.endSegment, onAir + size - 1);
    // The last listed segment is two beyond the one on air: when it is the threshold away from the end, on goes it.
    const due = EPOCH + 4000 * (onAir + second - 3);
    await clock.advance(due - clock.now() - 1);
    await channel.register('a');
    assert.is(channel.status().batch?.batchNumber, 0);
    await clock.advance(2001);
    assert.is(channel.status().batch?.batchNumber, 1);
    await headend.close();
  }
});

test('B8: a threshold that is not less than the batch is refused', async () => {
  for (const options of [
    { batchSegments: 4, batchThreshold: 4 },
    { batchSegments: 4 },
    { batchThreshold: 10 },
    { batchThreshold: 0 },
    { batchSegments: 1, batchThreshold: 1 },
  ]) {
    const error = await createHeadend(options).catch((reason: unknown) => reason);
    assert.is(
      error instanceof HeadendError && error.code,
      'INVALID_OPTIONS',
      JSON.stringify(options),
    );
  }
});

test('B9: the first batch is begun by the registration itself', async () => {
  const { engine, add, streams } = createStreams({ coordinatorIntervalMs: 60_000 });
  await add('c').register('a');
  await settle();
  assert.equal(
    engine.batches.map(({ from }) => from),
    [N],
  );
  await streams.shutdown();
});

test('B10: the next batch is begun by the end of the last, and by a position, not only by the tick', async () => {
  const { clock, add, batches, streams } = createStreams({
    coordinatorIntervalMs: 60_000,
    segmentMs: 100,
  });
  const stream = add('c', { batch: { segments: 2, threshold: 1 } });
  await stream.register('a');
  await clock.advance(1000);
  // Segment N + 2 is listed: two batches end before it, or so near to it that a third is due.
  assert.is(batches.filter(({ type }) => type === 'completed').length, 3);
  const reportOf = (sessionId: string) => (segmentNumber: number) =>
    stream.reportPosition({ sessionId, rendition: '720p', segmentNumber });
  const report = reportOf('a');
  const number = () => stream.batch?.batchNumber;
  // The third ends with N + 5. Nobody is further than what is listed, whatever is said, and that is N + 3 until 7 s.
  await clock.advance(5999);
  assert.is(report(N + 4).segmentsRemaining, 2, 'a millisecond too early');
  assert.is(report(N + 1000).segmentsRemaining, 2);
  assert.is(number(), 2, 'what a viewer may not have yet begins nothing');
  await clock.advance(1);
  assert.throws(() => reportOf('nobody')(N + 4), /nobody watches/);
  assert.is(number(), 2, 'nobody looks');
  const answer = report(N + 4);
  assert.is(answer.acknowledged, true);
  assert.is(answer.currentBatch?.batchNumber, 3, 'at once');
  assert.is(answer.currentBatch?.startSegment, N + 6);
  await streams.shutdown();
});

test('B10: a segment that a viewer gets is a position, too', async () => {
  const { clock, add, streams } = createStreams({ coordinatorIntervalMs: 60_000, segmentMs: 100 });
  const stream = add('c', { batch: { segments: 2, threshold: 1 } });
  await stream.register('a');
  await clock.advance(7000);
  assert.is(stream.batch?.batchNumber, 2, 'nobody looks');
  const { sequence } = await stream.segment('audio', N + 4, { sessionId: 'a' });
  assert.is(sequence, N + 4);
  assert.is(stream.batch?.batchNumber, 3);
  assert.is(stream.viewers()[0]?.position?.segmentNumber, N + 4);
  await streams.shutdown();
});

test('A4, A5: what remains of the batch is counted from the furthest of the viewers who are present', async () => {
  const { clock, add, streams } = createStreams({ segmentMs: 100 });
  const stream = add('c');
  await Promise.all([stream.register('a'), stream.register('b')]);
  await clock.advance(2000);
  assert.is(stream.batch?.endSegment, N + 9);
  assert.is(stream.segmentsRemaining, 10, 'nobody has said where it is');
  const remaining = (sessionId: string, segmentNumber: number) =>
    stream.reportPosition({ sessionId, rendition: '720p', segmentNumber }).segmentsRemaining;
  assert.is(remaining('a', N), 9);
  assert.is(remaining('b', N + 2), 7);
  assert.is(remaining('a', N + 1), 7, 'b is further');
  assert.is(remaining('b', N + 1), 8, 'b has gone back');
  assert.is(remaining('b', N + 2), 7);
  stream.unregister('b');
  assert.is(stream.segmentsRemaining, 8, 'only a is there');
  stream.unregister('a');
  assert.is(stream.segmentsRemaining, 10);
  await streams.shutdown();
});

test('B11: what may be dropped is dropped when a batch has succeeded, not before', async () => {
  const { clock, engine, store, add, streams } = createStreams({ segmentMs: 10 });
  const stream = add('c', { playlistSegments: 6, idleMs: 600_000 });
  const isHeld = (n: number) =>
    store.get({ channelId: 'c', rendition: 'audio', sequence: N + n }) !== undefined;
  await stream.register('a');
  await clock.advance(80_000);
  assert.ok(isHeld(2), 'it is too old to be asked for, but nothing has come after it');
  engine.fails = () => true;
  await clock.advance(160_000);
  assert.ok(isHeld(2), 'failures are no reason to drop anything');
  engine.fails = () => false;
  await clock.advance(60_000);
  assert.not.ok(isHeld(2));
  await streams.shutdown();
});

test('B11, C12: no segment goes while it is listed or within its lifetime after that', async () => {
  const { clock, store, add, streams } = createStreams({ segmentMs: 10 });
  const stream = add('c', { playlistSegments: 6 });
  const leftAt = new Map<number, number>();
  for (let second = 0; second < 300; second++) {
    const view = stream.playlist('audio');
    await clock.advance(1000);
    const { range } = await view;
    for (let n = N; n < range.from; n++) if (!leftAt.has(n)) leftAt.set(n, clock.now());
    for (let n = N; n <= range.to; n++) {
      // Its own four seconds, and the six segments of the longest playlist.
      const isDue = clock.now() - (leftAt.get(n) ?? Infinity) > 7 * 4000;
      const held = store.get({ channelId: 'c', rendition: 'audio', sequence: n });
      if (!isDue) assert.ok(held, `segment ${n - N} at second ${second}`);
    }
  }
  assert.not.ok(store.get({ channelId: 'c', rendition: 'audio', sequence: N }));
  await streams.shutdown();
});

test.run();
