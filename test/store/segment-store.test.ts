// The segment store: bounded in bytes, fair between channels, and waking those who wait.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { SegmentStore } from '../../lib/store/segment-store.js';
import { FakeClock } from '../stream/fake-clock.js';

const clock = new FakeClock(0);

function storeOf(maxBytes: number): SegmentStore {
  return new SegmentStore({ clock, maxBytes });
}

function put(
  store: SegmentStore,
  channelId: string,
  sequence: number,
  bytes = 10,
  text = '',
): void {
  const data = new Uint8Array(bytes);
  new TextEncoder().encodeInto(text, data);
  store.put(channelId, { rendition: '720p', sequence, start: 0, duration: 0, timescale: 1, data });
}

function held(store: SegmentStore, channelId: string, upTo = 40): number[] {
  return Array.from({ length: upTo }, (_, sequence) => sequence).filter((sequence) =>
    store.get({ channelId, rendition: '720p', sequence }),
  );
}

const KEY = { channelId: 'a', rendition: '720p', sequence: 1 };

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof HeadendError ? error.code : String(error)),
  );
}

test('holds no more than its budget; what no playlist lists goes first, the oldest of it', () => {
  const store = storeOf(50);
  for (let sequence = 0; sequence < 5; sequence++) put(store, 'a', sequence);
  store.retain('a', { keepFrom: 0, listedFrom: 3 });
  put(store, 'b', 0);
  assert.equal(held(store, 'a'), [1, 2, 3, 4]);
  put(store, 'b', 1);
  put(store, 'b', 2);
  assert.equal(held(store, 'a'), [3, 4]);
  assert.is(store.bytes, 50);
});

test('listed segments go only when there is nothing else, and never the newest', () => {
  const store = storeOf(30);
  store.retain('a', { keepFrom: 0, listedFrom: 0 });
  for (let sequence = 0; sequence < 5; sequence++) put(store, 'a', sequence);
  assert.equal(held(store, 'a'), [2, 3, 4]);
  put(store, 'a', 5, 1000);
  assert.equal(held(store, 'a'), [5]);
});

test('the budget holds and the bytes add up whatever comes', () => {
  const step = fc.tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.nat(30),
    fc.integer({ min: 1, max: 40 }),
    fc.nat(30),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const store = storeOf(100);
      for (const [channelId, sequence, bytes, listedFrom] of steps) {
        put(store, channelId, sequence, bytes);
        store.retain(channelId, { keepFrom: Math.max(0, listedFrom - 10), listedFrom });
        assert.ok(store.bytes <= 100);
      }
      const sum = ['a', 'b', 'c'].flatMap((channelId) =>
        held(store, channelId).map(
          (sequence) => store.get({ channelId, rendition: '720p', sequence })?.data.byteLength ?? 0,
        ),
      );
      assert.is(
        store.bytes,
        sum.reduce((total, bytes) => total + bytes, 0),
      );
    }),
  );
});

test('a segment keeps its first bytes and its entity tag; another one has another tag', () => {
  const store = storeOf(1000);
  put(store, 'a', 1, 10, 'first');
  const first = store.get(KEY);
  put(store, 'a', 1, 10, 'second');
  put(store, 'a', 2, 10, 'first');
  assert.is(store.get(KEY), first);
  assert.match(new TextDecoder().decode(first?.data), /^first/);
  assert.is.not(store.get({ ...KEY, sequence: 2 })?.etag, first?.etag);
});

test('segments that are no longer wanted are dropped at once', () => {
  const store = storeOf(1000);
  for (let sequence = 0; sequence < 6; sequence++) put(store, 'a', sequence);
  store.retain('a', { keepFrom: 4, listedFrom: 5 });
  put(store, 'a', 3);
  assert.equal(held(store, 'a'), [4, 5]);
  store.dropSegments('a', new HeadendError('ENGINE_STOPPED', 'engine', 'stopped'));
  assert.is(store.bytes, 0);
});

test('everybody who waits gets the segment when it comes', async () => {
  const store = storeOf(1000);
  const waits = Array.from({ length: 100 }, () => store.waitFor(KEY, { deadlineMs: 8000 }));
  put(store, 'a', 2);
  put(store, 'a', 1, 10, 'it');
  for (const segment of await Promise.all(waits)) assert.is(segment, store.get(KEY));
  assert.is(clock.pending, 0, 'no timer is left');
});

test('a wait ends at its deadline, with its client, and with its channel', async () => {
  const store = storeOf(1000);
  const late = codeOf(store.waitFor(KEY, { deadlineMs: 8000 }));
  const client = new AbortController();
  const gone = codeOf(store.waitFor(KEY, { deadlineMs: 8000, signal: client.signal }));
  client.abort(new Error('left'));
  assert.is(await gone, 'Error: left');
  assert.is(
    await codeOf(store.waitFor(KEY, { deadlineMs: 8000, signal: client.signal })),
    'Error: left',
  );
  await clock.advance(7999);
  assert.is(clock.pending, 1);
  await clock.advance(1);
  assert.is(await late, 'SEGMENT_TIMEOUT');
  const removed = codeOf(store.waitFor(KEY, { deadlineMs: 8000 }));
  const init = codeOf(store.waitForInit('a', '720p', { deadlineMs: 8000 }));
  store.removeChannel('a', new HeadendError('CLOSED', 'engine', 'closed'));
  assert.is(await removed, 'CLOSED');
  assert.is(await init, 'CLOSED');
  assert.is(clock.pending, 0);
});

test('init segments are named by their content, and the earlier ones stay for those who still play them', async () => {
  const store = storeOf(1000);
  const init = (text: string) => ({
    rendition: '720p',
    codecs: 'avc1.64001f',
    data: new TextEncoder().encode(text),
  });
  const waiting = store.waitForInit('a', '720p', { deadlineMs: 8000 });
  store.putInit('a', init('one'));
  const one = await waiting;
  // sha256('one')
  assert.is(one.hash, '7692c3ad3540bb80');
  store.putInit('a', init('two'));
  store.putInit('a', init('one'));
  const latest = await store.waitForInit('a', '720p', { deadlineMs: 8000 });
  assert.is(latest.hash, one.hash);
  assert.ok(store.getInit('a', '720p', '3fc4ccfe745870e2'));
  for (const text of ['three', 'four', 'five']) store.putInit('a', init(text));
  assert.is(store.getInit('a', '720p', '3fc4ccfe745870e2'), undefined);
  assert.ok(store.getInit('a', '720p', one.hash));
});

test.run();
