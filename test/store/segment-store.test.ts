// The segment store: bounded in bytes, fair between channels, and waking those who wait.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { SegmentStore } from '../../lib/store/segment-store.js';
import { FakeClock } from '../stream/fake-clock.js';

const clock = new FakeClock(Date.parse('2025-01-01T00:00:00.000Z'));

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
  store.put(channelId, { ...SEGMENT, sequence, data });
}

const SEGMENT = { rendition: '720p', init: 'i', start: 0, duration: 0, timescale: 1 };

function initOf(hash: string, from = 0, rendition = '720p') {
  const data = new TextEncoder().encode(hash);
  return { rendition, codecs: 'avc1.64001f', data, hash, encoder: 'software', from };
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

test('init segments are kept by their hash, and the earlier ones stay for those who still play them', async () => {
  const store = storeOf(1000);
  const waiting = store.waitForInit('a', '720p', { deadlineMs: 8000 });
  store.putInit('a', initOf('one'));
  assert.is((await waiting).hash, 'one');
  store.putInit('a', initOf('two'));
  store.putInit('a', initOf('one'));
  const latest = await store.waitForInit('a', '720p', { deadlineMs: 8000 });
  assert.is(latest.hash, 'one');
  assert.ok(store.getInit('a', '720p', 'two'));
  for (const hash of ['three', 'four', 'five']) store.putInit('a', initOf(hash));
  assert.is(store.getInit('a', '720p', 'two'), undefined);
  assert.ok(store.getInit('a', '720p', 'one'));
});

test('a segment behind another init segment takes the place of the first', () => {
  const store = storeOf(1000);
  const data = (text: string) => new TextEncoder().encode(text);
  store.put('a', { ...SEGMENT, sequence: 7, data: data('first') });
  const first = store.get({ ...KEY, sequence: 7 });
  store.put('a', { ...SEGMENT, sequence: 7, data: data('again') });
  assert.is(store.get({ ...KEY, sequence: 7 }), first);
  store.put('a', { ...SEGMENT, sequence: 7, init: 'j', data: data('other') });
  const other = store.get({ ...KEY, sequence: 7 });
  assert.is(Buffer.from(other?.data ?? []).toString(), 'other');
  assert.is(other?.init, 'j');
  assert.is.not(other?.etag, first?.etag);
  assert.is(store.bytes, 5);
});

test('the encoding changes where the leading producer gets another init segment, once for all rungs', () => {
  const store = storeOf(1000);
  const hashOf = (sequence: number) => store.initOf({ ...KEY, sequence })?.hash;
  for (const rung of ['720p', '360p']) store.putInit('a', initOf(`gpu ${rung}`, 10, rung));
  assert.equal(store.encodingChanges('a'), { past: 0, at: [] });
  store.put('a', { ...SEGMENT, sequence: 19, init: 'gpu 720p', data: new Uint8Array(1) });
  for (const rung of ['720p', '360p']) store.putInit('a', initOf(`x264 ${rung}`, 20, rung));
  assert.equal(store.encodingChanges('a'), { past: 0, at: [20] });
  assert.is(hashOf(19), 'gpu 720p');
  assert.is(hashOf(20), 'x264 720p');

  // Another producer's encoder changes nothing but its own segments.
  store.putInit('a', initOf('nvenc 720p', 15), false);
  store.put('a', { ...SEGMENT, sequence: 15, init: 'nvenc 720p', data: new Uint8Array(1) });
  assert.is(hashOf(15), 'nvenc 720p');
  assert.is(hashOf(16), 'x264 720p');
  assert.equal(store.encodingChanges('a'), { past: 0, at: [20] });

  store.putInit('a', initOf('gpu 720p', 30));
  assert.equal(store.encodingChanges('a'), { past: 0, at: [20, 30] });
  store.retain('a', { keepFrom: 21, listedFrom: 25 });
  assert.equal(store.encodingChanges('a'), { past: 1, at: [30] });
  store.retain('a', { keepFrom: 31, listedFrom: 31 });
  assert.equal(store.encodingChanges('a'), { past: 2, at: [] });
  assert.equal(store.encodingChanges('b'), { past: 0, at: [] });
});

test.run();
