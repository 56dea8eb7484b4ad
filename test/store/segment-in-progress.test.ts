// Segments of which only fragments are out, in the store: who gets what, and whose production counts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { SegmentInProgress } from '../../lib/store/segment-in-progress.js';
import { SegmentStore } from '../../lib/store/segment-store.js';
import { FakeClock, settle } from '../stream/fake-clock.js';

const KEY = { channelId: 'news', rendition: '720p', sequence: 7 };
const WAIT = { deadlineMs: 1000 };

function setUp() {
  const clock = new FakeClock(Date.parse('2025-01-01T00:00:00.000Z'));
  const store = new SegmentStore({ clock, maxBytes: 1000 });
  const fragment = (index: number, text: string, maker: object, init = 'i') =>
    store.putFragment(
      KEY.channelId,
      { ...KEY, index, last: false, init, data: Buffer.from(text) },
      maker,
    );
  const segment = (text: string, maker?: object, init = 'i') => {
    const times = { init, start: 0, duration: 1, timescale: 1 };
    store.put(KEY.channelId, { ...KEY, ...times, data: Buffer.from(text) }, maker);
  };
  return { clock, store, fragment, segment };
}

function inProgress(value: unknown): SegmentInProgress {
  if (value instanceof SegmentInProgress) return value;
  throw new Error('the segment is not in progress');
}

/** Everything that a reader gets, and how it ends. */
function readAll(segment: SegmentInProgress, signal?: AbortSignal) {
  const seen = { text: '', end: '' };
  void (async () => {
    for await (const part of segment.read({ ...WAIT, signal })) seen.text += part.toString();
  })().then(
    () => {
      seen.end = 'whole';
    },
    (error: unknown) => {
      seen.end = error instanceof HeadendError ? error.code : String(error);
    },
  );
  return seen;
}

test('readers get what is there and what comes, and end with the segment', async () => {
  const { store, fragment, segment } = setUp();
  const maker = {};
  const start = store.waitForStart(KEY, WAIT);
  assert.ok(store.isAwaited(KEY));
  fragment(0, 'ab', maker);
  const early = readAll(inProgress(await start));
  await settle();
  assert.equal(early, { text: 'ab', end: '' });
  fragment(1, 'cd', maker);
  const late = readAll(inProgress(await store.waitForStart(KEY, WAIT)));
  await settle();
  assert.is(late.text, 'abcd');
  assert.is(store.get(KEY), undefined);
  segment('abcd', maker);
  await settle();
  assert.equal(early, { text: 'abcd', end: 'whole' });
  assert.equal(late, early);
  assert.is(store.bytes, 4);
});

test('the tag of the beginning is the tag of the whole', async () => {
  const { store, fragment, segment } = setUp();
  const maker = {};
  fragment(0, 'ab', maker);
  const { etag } = await store.waitForStart(KEY, WAIT);
  segment('ab', maker);
  assert.is(store.get(KEY)?.etag, etag);
});

test('of two productions the first to begin counts', async () => {
  const { store, fragment, segment } = setUp();
  const [one, two] = [{}, {}];
  fragment(0, 'ab', one);
  fragment(0, 'xy', two);
  const seen = readAll(inProgress(await store.waitForStart(KEY, WAIT)));
  fragment(1, 'z', two);
  segment('xyz', two);
  assert.is(store.get(KEY), undefined);
  fragment(1, 'cd', one);
  segment('abcd', one);
  await settle();
  assert.equal(seen, { text: 'abcd', end: 'whole' });
  assert.is(Buffer.from(store.get(KEY)?.data ?? []).toString(), 'abcd');
});

test('what is abandoned ends its readers and makes room for another production', async () => {
  const { store, fragment, segment } = setUp();
  const [one, two] = [{}, {}];
  fragment(0, 'ab', one);
  const seen = readAll(inProgress(await store.waitForStart(KEY, WAIT)));
  store.abandon(KEY.channelId, KEY, two);
  await settle();
  assert.is(seen.end, '');
  store.abandon(KEY.channelId, KEY, one);
  await settle();
  assert.equal(seen, { text: 'ab', end: 'SEGMENT_TIMEOUT' });
  fragment(0, 'xy', two);
  const { etag } = inProgress(await store.waitForStart(KEY, WAIT));
  segment('xy', two);
  assert.is(store.get(KEY)?.etag, etag);
});

test('a segment that its production begins anew is another one', async () => {
  const { store, fragment, segment } = setUp();
  const maker = {};
  fragment(0, 'ab', maker);
  const first = inProgress(await store.waitForStart(KEY, WAIT));
  const seen = readAll(first);
  fragment(0, 'xy', maker);
  fragment(1, 'z', maker);
  const second = inProgress(await store.waitForStart(KEY, WAIT));
  const later = readAll(second);
  segment('xyz', maker);
  await settle();
  assert.equal(seen, { text: 'ab', end: 'SEGMENT_TIMEOUT' });
  assert.equal(later, { text: 'xyz', end: 'whole' });
  assert.is.not(first.etag, second.etag);
  assert.is(store.get(KEY)?.etag, second.etag);
});

test('a segment that begins anew behind another init segment takes the place of the finished one', async () => {
  const { store, fragment, segment } = setUp();
  const maker = {};
  fragment(0, 'ab', maker);
  segment('ab', maker);
  const first = store.get(KEY);
  fragment(0, 'ab', maker);
  assert.is(store.get(KEY), first);
  fragment(0, 'xy', maker, 'j');
  const second = inProgress(await store.waitForStart(KEY, WAIT));
  assert.is(second.init, 'j');
  assert.is(store.get(KEY), undefined);
  assert.is(store.bytes, 0);
  const seen = readAll(second);
  fragment(1, 'z', maker, 'j');
  segment('xyz', maker, 'j');
  await settle();
  assert.equal(seen, { text: 'xyz', end: 'whole' });
  assert.is(store.get(KEY)?.init, 'j');
  assert.is(store.bytes, 3);
});

test('a whole that is not its fragments never looks like their end', async () => {
  const { store, fragment, segment } = setUp();
  const maker = {};
  fragment(0, 'ab', maker);
  const start = inProgress(await store.waitForStart(KEY, WAIT));
  const seen = readAll(start);
  segment('wxyz', maker);
  await settle();
  assert.equal(seen, { text: 'ab', end: 'SEGMENT_TIMEOUT' });
  assert.is.not(store.get(KEY)?.etag, start.etag);
});

test('a fragment that does not come ends the reader at the deadline, a signal at once', async () => {
  const { clock, store, fragment } = setUp();
  fragment(0, 'ab', {});
  const segment = inProgress(await store.waitForStart(KEY, WAIT));
  const stop = new AbortController();
  const stopped = readAll(segment, stop.signal);
  const seen = readAll(segment);
  await settle();
  stop.abort('enough');
  await clock.advance(999);
  assert.is(stopped.end, 'enough');
  assert.is(seen.end, '');
  await clock.advance(1);
  assert.is(seen.end, 'SEGMENT_TIMEOUT');
  assert.is(clock.pending, 0);
});

test('what leaves the window or the channel while it is in progress is gone', async () => {
  const { store, fragment } = setUp();
  const maker = {};
  fragment(0, 'ab', maker);
  const old = readAll(inProgress(await store.waitForStart(KEY, WAIT)));
  store.retain(KEY.channelId, { keepFrom: 8, listedFrom: 8 });
  await settle();
  assert.is(old.end, 'SEGMENT_TIMEOUT');
  store.retain(KEY.channelId, { keepFrom: 0, listedFrom: 0 });
  fragment(0, 'ab', maker);
  const removed = readAll(inProgress(await store.waitForStart(KEY, WAIT)));
  store.removeChannel(KEY.channelId, new HeadendError('CLOSED', 'store', 'gone'));
  await settle();
  assert.is(removed.end, 'SEGMENT_TIMEOUT');
});

test.run();
