// The live stream of a channel on the fake clock: what viewers get, when, and what is encoded for it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import type { FakeClock } from './fake-clock.js';
import { settle } from './fake-clock.js';
import { nameOf } from './fake-engine.js';
import {
  type ChannelSettings,
  createStreams,
  EPOCH,
  N,
  START,
  type StreamsOptions,
} from './streams.js';

// Small batches, so that little is made ahead.
function setUp({ segmentMs, maxBytes, ...channel }: StreamsOptions & ChannelSettings = {}) {
  const streams = createStreams({ ...(segmentMs && { segmentMs }), ...(maxBytes && { maxBytes }) });
  const stream = streams.add('c', { batch: { segments: 2, threshold: 1 }, ...channel });
  return { ...streams, stream };
}

type Setup = ReturnType<typeof setUp>;

/** Follows the promise while the clock moves on; the time it took, and what came of it. */
async function timed<T>(clock: FakeClock, promise: Promise<T>): Promise<{ ms: number; value: T }> {
  const begin = clock.now();
  let done = false;
  const end = () => {
    done = true;
  };
  promise.then(end, end);
  await settle();
  while (!done && clock.now() - begin < 60_000) await clock.advance(50);
  return { ms: clock.now() - begin, value: await promise };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof HeadendError ? error.code : String(error)),
  );
}

async function textOf(
  { stream, clock }: Setup,
  rendition: string,
  sequence: number,
): Promise<string> {
  const { value } = await timed(clock, stream.segment(rendition, sequence));
  return new TextDecoder().decode(value.data).replaceAll('\0', '');
}

/** Plays like a player: polls the playlist every target duration and gets every listed segment it lacks. */
async function play(setup: Setup, rendition: string, seconds: number, have = new Set<number>()) {
  for (let second = 0; second < seconds; second += 4) {
    const { value } = await timed(setup.clock, setup.stream.playlist(rendition));
    const { from, to } = value.range;
    for (let sequence = Math.max(from, ...have); sequence <= to; sequence++) {
      assert.is(await textOf(setup, rendition, sequence), nameOf(rendition, sequence));
      have.add(sequence);
    }
    await setup.clock.advance(4000);
  }
  return have;
}

test('the first playlist comes with the first segment, and lists three target durations from what is on air', async () => {
  const setup = setUp();
  const { ms, value } = await timed(setup.clock, setup.stream.playlist('720p'));
  assert.is(ms, 500, 'the time that one segment takes');
  assert.equal(value.range, { from: N, to: N + 2 });
  assert.is(value.init.codecs, 'avc1.64001f');
  await setup.stream.close();
});

test('a first playlist that had to wait beyond a segment lists what was on air when it was asked for', async () => {
  const setup = setUp({ segmentMs: 3500 });
  const { ms, value } = await timed(setup.clock, setup.stream.playlist('720p'));
  assert.is(ms, 3500);
  assert.ok(setup.clock.now() > EPOCH + (N + 1) * 4000, 'another segment is on air');
  assert.equal(value.range, { from: N, to: N + 2 });
  const next = await timed(setup.clock, setup.stream.playlist('720p'));
  assert.equal(next.value.range, { from: N, to: N + 3 });
  await setup.stream.close();
});

test('production goes on at once until the last batch reaches far enough beyond the playlist, and then waits', async () => {
  const setup = setUp();
  await timed(setup.clock, setup.stream.playlist('720p'));
  await setup.clock.advance(3000);
  const made = setup.engine.batches.map(({ from, to }) => [from, to]);
  assert.equal(
    made,
    [0, 1, 2, 3, 4, 5].map((n) => [N + n, N + n]),
  );
  await setup.stream.close();
});

test('a listed segment that is not made yet is waited for, and comes when it is made', async () => {
  const setup = setUp();
  await timed(setup.clock, setup.stream.playlist('720p'));
  const { ms, value } = await timed(setup.clock, setup.stream.segment('720p', N + 2));
  assert.is(ms, 1000);
  assert.is(value.sequence, N + 2);
  await setup.stream.close();
});

test('segments are made before they are listed, one every segment duration, by one producer', async () => {
  const setup = setUp();
  await play(setup, '720p', 60);
  for (let second = 0; second < 20; second++) {
    const { value } = await timed(setup.clock, setup.stream.playlist('720p'));
    const key = { channelId: 'c', rendition: '720p', sequence: value.range.to };
    assert.ok(setup.store.get(key), `segment ${value.range.to} is listed`);
    await setup.clock.advance(1000);
  }
  assert.is(setup.engine.producers, 1);
  let next = N;
  for (const { from, to } of setup.engine.batches) {
    assert.is(from, next);
    next = to + 1;
  }
  await setup.stream.close();
});

test('with a hardware encoder, which may fail, nothing is listed before it is made', async () => {
  for (const [segmentMs, playlistSegments] of [
    [500, 10],
    [3000, 10],
    [4500, 10],
    [4500, 4],
  ] as const) {
    const setup = setUp({ segmentMs, playlistSegments, encoder: 'nvenc' });
    let to = -1;
    for (let second = 0; second < 40; second++) {
      // Slower than real time, requests may end in SEGMENT_TIMEOUT: so at the start.
      const { value } = await timed(
        setup.clock,
        setup.stream.playlist('720p').catch(() => null),
      );
      if (value === null) continue;
      if (to === -1) assert.ok(value.range.to >= N + 2, 'three target durations to begin with');
      assert.ok(value.range.to - value.range.from >= 2, 'three target durations, however late');
      assert.ok(value.range.to >= to, 'the end does not go back');
      to = value.range.to;
      for (let sequence = value.range.from; sequence <= to; sequence++) {
        const key = { channelId: 'c', rendition: '720p', sequence };
        assert.ok(setup.store.get(key), `${sequence} of ${segmentMs} ms is listed`);
      }
      await setup.clock.advance(1000);
    }
    assert.ok(to > N + 5);
    await setup.stream.close();
  }
});

test('the window grows to its size and then moves, one segment at a time', async () => {
  const setup = setUp();
  let last = { from: N, to: N + 2 };
  for (let second = 0; second < 90; second++) {
    const { range } = (await timed(setup.clock, setup.stream.playlist('audio'))).value;
    assert.ok(range.from >= last.from && range.from <= last.from + 1, 'no jump');
    assert.ok(range.to >= last.to && range.to <= last.to + 1, 'no jump');
    assert.ok(range.to - range.from + 1 >= 3 && range.to - range.from + 1 <= 10);
    last = range;
    await setup.clock.advance(1000);
  }
  assert.is(last.to - last.from + 1, 10);
  await setup.stream.close();
});

test('audio and every rung list the same segments', async () => {
  const setup = setUp();
  for (let second = 0; second < 30; second += 5) {
    const views = ['720p', 'audio', '360p'].map((id) => setup.stream.playlist(id));
    const { value } = await timed(setup.clock, Promise.all(views));
    assert.equal(value[1]?.range, value[0]?.range);
    assert.equal(value[2]?.range, value[0]?.range);
    await setup.clock.advance(5000);
  }
  await setup.stream.close();
});

test('a viewer plays for five minutes and gets every segment, none of them wrong', async () => {
  const setup = setUp();
  const have = await play(setup, '720p', 300);
  assert.is(Math.max(...have) - Math.min(...have) + 1, have.size);
  assert.is(Math.min(...have), N);
  assert.equal(setup.faults, []);
  await setup.stream.close();
});

test('only what is watched is encoded: the audio always, a rung as long as somebody asks for it', async () => {
  const setup = setUp();
  await timed(setup.clock, setup.stream.playlist('360p'));
  await play(setup, 'audio', 40);
  const rungsAt = (sequence: number) =>
    setup.engine.batches.find(({ from, to }) => from <= sequence && sequence <= to)?.rungs;
  assert.equal(rungsAt(N), ['360p']);
  assert.equal(rungsAt(N + 3), ['360p']);
  assert.equal(rungsAt(N + 8), []);
  assert.equal(setup.stream.rungsInDemand, []);
  await setup.stream.close();
});

test('a rung is dropped with the next segment when nobody has asked for it in two target durations', async () => {
  const asks = {
    playlist: ({ stream }: Setup): Promise<unknown> => stream.playlist('720p'),
    segment: ({ stream }: Setup): Promise<unknown> => stream.segment('720p', N),
  };
  for (const [what, ask] of Object.entries(asks)) {
    const setup = setUp();
    await timed(setup.clock, setup.stream.playlist('720p'));
    await timed(setup.clock, setup.stream.segment('720p', N + 2));
    await timed(setup.clock, ask(setup));
    await setup.stream.register('listener');
    await setup.clock.advance(7999);
    assert.equal(setup.stream.rungsInDemand, ['720p'], `${what}: just before`);
    await setup.clock.advance(1);
    assert.equal(setup.stream.rungsInDemand, [], `${what}: two target durations later`);
    const made = setup.engine.batches.length;
    await setup.stream.register('listener');
    await setup.clock.advance(16_000);
    const later = setup.engine.batches.slice(made);
    assert.ok(later.length > 1 && later.every(({ rungs }) => rungs.length === 0), what);
    // Asked for again it begins with the segment that is asked for, at once, and goes on with the next ones.
    const missing = later[0]?.from ?? 0;
    const { ms } = await timed(setup.clock, setup.stream.segment('720p', missing));
    assert.is(ms, 500, `${what}: as a cold start`);
    await play(setup, '720p', 20, new Set([missing]));
    assert.equal(setup.engine.batches.at(-1)?.rungs, ['720p']);
    await setup.stream.close();
  }
});

test('no jitter of a player that asks once per target duration drops its rung', async () => {
  const setup = setUp();
  await timed(setup.clock, setup.stream.playlist('720p'));
  // Playlist and segment by turns, each almost a target duration late or early: at most 7.9 s without a request.
  for (let n = 0; n < 20; n++) {
    const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
    if (n % 2 === 0) await timed(setup.clock, setup.stream.playlist('720p'));
    else assert.is(await textOf(setup, '720p', onAir), nameOf('720p', onAir));
    await setup.clock.advance(n % 4 < 2 ? 7900 : 100);
  }
  assert.ok(setup.engine.batches.length > 15);
  assert.ok(setup.engine.batches.every(({ rungs }) => rungs.join() === '720p'));
  assert.is(setup.engine.producers, 1, 'nothing had to be made afterwards');
  await setup.stream.close();
});

test('the multivariant playlist starts the first variant and knows the codecs of all', async () => {
  const setup = setUp();
  const { value } = await timed(setup.clock, setup.stream.inits());
  assert.equal(
    value.map(({ rendition }) => rendition),
    ['audio', '720p', '360p'],
  );
  assert.equal(setup.engine.batches[0]?.rungs, ['720p']);
  await setup.stream.close();
});

test('a rung that joins late gets every listed segment from what is on air, each made once', async () => {
  const setup = setUp();
  await play(setup, '720p', 40);
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  const { ms } = await timed(setup.clock, setup.stream.playlist('360p'));
  assert.is(ms, 0, 'the channel is on the air');
  const first = await timed(setup.clock, setup.stream.segment('360p', onAir));
  assert.is(first.ms, 500, 'no longer than a cold start');
  await play(setup, '360p', 40, new Set([onAir]));
  const made = new Map<number, number>();
  for (const { from, to, rungs } of setup.engine.batches) {
    if (!rungs.includes('360p')) continue;
    for (let n = from; n <= to; n++) made.set(n, (made.get(n) ?? 0) + 1);
  }
  const sequences = [...made.keys()].sort((a, b) => a - b);
  assert.is(sequences.at(0), onAir, 'from the segment on air');
  assert.is(sequences.length, (sequences.at(-1) ?? 0) - (sequences.at(0) ?? 0) + 1, 'no hole');
  assert.ok(
    [...made.values()].every((count) => count === 1),
    'none twice',
  );
  assert.is(setup.engine.alive, 1, 'the second producer is gone');
  await setup.stream.close();
});

test('a listed segment of the past is made for a rung that nobody watched then', async () => {
  const setup = setUp();
  await play(setup, '720p', 60);
  const { value } = await timed(setup.clock, setup.stream.playlist('360p'));
  const { from } = value.range;
  assert.is(await textOf(setup, '360p', from), nameOf('360p', from));
  assert.is(await textOf(setup, '360p', from + 1), nameOf('360p', from + 1));
  await setup.stream.close();
});

test('what somebody waits for is made before what he will ask for next', async () => {
  const setup = setUp();
  await play(setup, '720p', 60);
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  await timed(setup.clock, setup.stream.segment('360p', onAir));
  for (const sequence of [onAir - 6, onAir - 5]) {
    const { ms } = await timed(setup.clock, setup.stream.segment('360p', sequence));
    assert.ok(ms <= 1000, `${sequence - onAir} came after ${ms} ms`);
  }
  await setup.stream.close();
});

test('a segment that somebody waits for goes before those the channel makes ahead', async () => {
  const setup = setUp();
  await timed(setup.clock, setup.stream.playlist('720p'));
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  await setup.clock.advance(250);
  const segment = setup.stream.segment('360p', onAir);
  await setup.clock.advance(450);
  const ahead = setup.engine.batches.filter(({ from }) => from > onAir + 1);
  assert.equal(ahead, [], 'nothing is made for later while somebody waits');
  await timed(setup.clock, segment);
  await play(setup, '360p', 20);
  await setup.stream.close();
});

test('two rungs asked for in the same instant are made by the same batch', async () => {
  const setup = setUp();
  const both = Promise.all([setup.stream.playlist('720p'), setup.stream.playlist('360p')]);
  const { ms } = await timed(setup.clock, both);
  assert.ok(ms <= 1000);
  assert.is(await textOf(setup, '360p', N + 2), nameOf('360p', N + 2));
  await setup.stream.close();
});

test('a listed segment that the store had to evict is made again', async () => {
  const setup = setUp({ maxBytes: 500 });
  await play(setup, '720p', 20);
  assert.is(await textOf(setup, '720p', N + 1), nameOf('720p', N + 1));
  await setup.stream.close();
});

test('a segment stays for its duration and the longest playlist after it left', async () => {
  const setup = setUp({ playlistSegments: 6 });
  const wall = () => setup.clock.now() - START;
  // N + 2 leaves the list when N + 8 comes to it, as N + 6 goes on air; 4 s and six times 4 s later it may go.
  const gone = (6 + 1 + 6) * 4000 - 1000;
  while (wall() < gone) {
    await timed(setup.clock, setup.stream.playlist('720p'));
    await setup.clock.advance(Math.min(4000, gone - wall()));
  }
  assert.is(await textOf(setup, '720p', N + 2), nameOf('720p', N + 2));
  assert.is(setup.engine.producers, 1, 'it was kept, not made again');
  await setup.clock.advance(8000);
  assert.is(await codeOf(setup.stream.segment('720p', N + 2)), 'SEGMENT_NOT_FOUND');
  await setup.stream.close();
});

test('what is far in the future or long past is refused at once, and wakes nobody', async () => {
  const setup = setUp();
  for (const sequence of [N + 3, N + 1000, 999_999_999_999_999, 0, N - 30]) {
    assert.is(
      await codeOf(setup.stream.segment('720p', sequence)),
      'SEGMENT_NOT_FOUND',
      `${sequence}`,
    );
  }
  assert.is(setup.engine.producers, 0);
  assert.is(setup.stream.state, 'idle');
});

test('half a minute after the last request production ends, and comes back at what is on then', async () => {
  const setup = setUp();
  await timed(setup.clock, setup.stream.playlist('720p'));
  await setup.clock.advance(29_000);
  assert.is(setup.stream.state, 'active');
  await setup.clock.advance(1000);
  assert.is(setup.stream.state, 'idle');
  assert.is(setup.engine.alive, 0, 'no thread is left');
  assert.is(setup.store.bytes, 0, 'no memory is held');
  const batches = setup.engine.batches.length;
  await setup.clock.advance(598_000);
  assert.is(setup.engine.batches.length, batches, 'nothing is encoded for nobody');
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  const { ms, value } = await timed(setup.clock, setup.stream.playlist('720p'));
  assert.is(ms, 500);
  assert.equal(value.range, { from: onAir, to: onAir + 2 });
  assert.equal(setup.states, ['starting', 'active', 'stopping', 'idle', 'starting', 'active']);
  await setup.stream.close();
});

test('a failed batch is reported, tried again, and no viewer misses a segment', async () => {
  const setup = setUp();
  let failures = 2;
  setup.engine.fails = (sequence) => sequence === N + 2 && failures-- > 0;
  await timed(setup.clock, setup.stream.playlist('720p'));
  for (let n = N; n < N + 3; n++) assert.is(await textOf(setup, '720p', n), nameOf('720p', n));
  await play(setup, '720p', 20, new Set([N + 2]));
  assert.is(setup.faults.length, 2);
  assert.is(setup.faults[0]?.code, 'ENCODE_FAILED');
  assert.is(setup.stream.state, 'active');
  assert.is(setup.engine.alive, 1, 'failed producers are stopped');
  await setup.stream.close();
});

test('a segment that can never be made does not stop the channel', async () => {
  const setup = setUp();
  setup.engine.fails = (sequence) => sequence === N + 4;
  const seen = new Set<number>();
  for (let second = 0; second < 120; second += 4) {
    const view = timed(setup.clock, setup.stream.playlist('720p')).catch(() => null);
    const range = (await view)?.value.range;
    if (range && setup.store.get({ channelId: 'c', rendition: '720p', sequence: range.to }))
      seen.add(range.to);
    await setup.clock.advance(4000);
  }
  assert.ok(
    [...seen].some((sequence) => sequence > N + 15),
    'it airs again',
  );
  assert.ok(setup.faults.length < 20, 'retries are spaced');
  await setup.stream.close();
});

test('a request that outlasts its deadline of ten seconds fails, and the channel stays awake for the next', async () => {
  const setup = setUp({ segmentMs: 20_000 });
  const first = codeOf(setup.stream.playlist('720p'));
  await setup.clock.advance(9999);
  assert.is(setup.clock.pending > 0, true);
  await setup.clock.advance(1);
  assert.is(await first, 'SEGMENT_TIMEOUT');
  await setup.stream.close();
});

test('a viewer who waits keeps the channel awake, however long it takes', async () => {
  const setup = setUp({ segmentMs: 2000, idleMs: 3000 });
  const { ms } = await timed(setup.clock, setup.stream.segment('720p', N + 2));
  assert.is(ms, 6000);
  await setup.stream.close();
});

test('a viewer who leaves stops waiting at once', async () => {
  const setup = setUp();
  const client = new AbortController();
  const waiting = codeOf(setup.stream.playlist('720p', { signal: client.signal }));
  client.abort(new Error('left'));
  assert.is(await waiting, 'Error: left');
  await setup.stream.close();
});

test('a hundred viewers at once start one producer', async () => {
  const setup = setUp();
  const views = Array.from({ length: 100 }, () => setup.stream.playlist('720p'));
  await timed(setup.clock, Promise.all(views));
  assert.is(setup.engine.producers, 1);
  await setup.stream.close();
});

test('the playlist never goes back when the wall clock is set back', async () => {
  const setup = setUp();
  const before = (await timed(setup.clock, setup.stream.playlist('720p'))).value.range;
  setup.clock.step(-60_000);
  const after = await setup.stream.playlist('720p');
  assert.equal(after.range, before);
  await setup.stream.close();
});

test('after the wall clock was set back the channel goes on, falls idle, and comes back on the wall', async () => {
  const setup = setUp();
  await play(setup, '720p', 20);
  setup.clock.step(-3_600_000);
  const have = await play(setup, '720p', 40);
  const sequences = [...have].sort((a, b) => a - b);
  assert.ok((sequences.at(-1) ?? 0) >= N + 14, 'it goes on at its own pace');
  assert.is(setup.stream.state, 'active');
  await setup.clock.advance(60_000);
  assert.is(setup.stream.state, 'idle');
  const { value } = await timed(setup.clock, setup.stream.playlist('720p'));
  assert.ok(value.range.to < N, 'a new run is on at the new wall time');
  await setup.stream.close();
});

test('requests whose clients have left hold nobody up', async () => {
  const setup = setUp({ segmentMs: 1500 });
  const have = await play(setup, '720p', 60);
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  const client = new AbortController();
  const burst = Array.from({ length: 12 }, (_, n) =>
    codeOf(setup.stream.segment('360p', onAir - n, { signal: client.signal })),
  );
  client.abort(new Error('left'));
  await Promise.all(burst);
  await play(setup, '720p', 40, have);
  const wasted = setup.engine.batches.filter(({ rungs }) => rungs.join() === '360p');
  assert.ok(wasted.length <= 1, `${wasted.length} batches for nobody`);
  await setup.stream.close();
});

test('a machine that slept goes on with what is on when it wakes', async () => {
  const setup = setUp();
  await play(setup, '720p', 20);
  await setup.clock.advance(500);
  setup.clock.step(3_600_000);
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  const { ms } = await timed(setup.clock, setup.stream.segment('720p', onAir));
  assert.is(ms, 500, 'as a cold start');
  const { value } = await timed(setup.clock, setup.stream.playlist('720p'));
  assert.equal(value.range, { from: onAir, to: onAir + 2 });
  assert.is(await textOf(setup, '720p', value.range.to), nameOf('720p', value.range.to));
  await setup.stream.close();
});

test('closing fails whoever waits, joins every producer and leaves no timer', async () => {
  const setup = setUp();
  await play(setup, '720p', 20);
  const onAir = Math.floor((setup.clock.now() - EPOCH) / 4000);
  const waiting = codeOf(setup.stream.segment('360p', onAir));
  await settle();
  assert.is(setup.engine.alive, 2);
  await setup.stream.close();
  await setup.stream.close();
  assert.is(await waiting, 'CLOSED');
  assert.is(setup.engine.alive, 0);
  assert.is(setup.clock.pending, 0);
  assert.is(await codeOf(setup.stream.playlist('720p')), 'CLOSED');
});

test.run();
