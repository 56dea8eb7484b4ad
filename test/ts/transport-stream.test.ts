// deadline: 60 s
// The endless transport stream: where it begins, how fast it goes, how it ends, and that a client that does not
// read is dropped. On a fake clock and an engine without media; segments.test.ts has the media.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../lib/channel.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { FakeEngine, nameOf } from '../stream/fake-engine.js';

const SEGMENT_MS = 4000;
const START = Date.parse('2025-01-01T00:00:00.000Z') + 1000 * SEGMENT_MS + 1000;

interface Context {
  clock: FakeClock;
  engine: FakeEngine;
  headend: Headend;
  channel: Channel;
}

const test = suite<Context>('transport stream');

test.before.each(async (context) => {
  context.clock = new FakeClock(START);
  context.engine = new FakeEngine(context.clock, 100);
  const { clock, engine } = context;
  context.headend = await Headend.create({}, { engine, clock });
  context.channel = await context.headend.channels.add({
    id: 'news',
    schedule: loop([{ source: '/a.mp4', duration: 10 }]),
    ladder: [{ height: 720, bitrate: 2_000_000 }],
  });
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

/** Sequence number of a piece, which holds the pictures and the sound of that segment. */
function sequenceOf(piece: Uint8Array): number {
  const half = piece.byteLength / 2;
  const [video, audio] = [piece.subarray(0, half), piece.subarray(half)].map((part) =>
    Buffer.from(part).toString().replaceAll('\0', ''),
  );
  const sequence = Number(/^720p (\d+)$/.exec(video ?? '')?.[1]);
  assert.is(audio, nameOf('audio', sequence));
  return sequence;
}

/** Reads until told to stop; what came is in `pieces`. */
function readAll(stream: AsyncIterable<Uint8Array>) {
  const pieces: number[] = [];
  const reading = (async () => {
    for await (const piece of stream) pieces.push(sequenceOf(piece));
  })().then(
    () => null,
    (error: unknown) => error,
  );
  return { pieces, reading };
}

function assertCode(error: unknown, code: string): void {
  assert.ok(error instanceof HeadendError, String(error));
  assert.is(error.code, code);
}

test('begins with what is on, gives at once what is made ahead, then goes at the pace of the air', async ({
  clock,
  channel,
}) => {
  const stop = new AbortController();
  const { pieces, reading } = readAll(channel.transportStream({ signal: stop.signal }));
  await clock.advance(1000);
  assert.equal(pieces, [1000, 1001, 1002]);
  await clock.advance(1900);
  assert.is(pieces.length, 3);
  await clock.advance(200);
  assert.equal(pieces.slice(3), [1003]);
  await clock.advance(100 * SEGMENT_MS);
  assert.equal(
    pieces,
    Array.from({ length: 104 }, (_, index) => 1000 + index),
  );
  const reason = new Error('enough');
  stop.abort(reason);
  assert.is(await reading, reason);
});

test('a reader on a warm channel is served at once', async ({ clock, channel }) => {
  readAll(channel.transportStream());
  await clock.advance(1000);
  const second = channel.transportStream({ rendition: '720p' });
  for (const expected of [1000, 1001, 1002]) {
    const { value } = await second.next();
    assert.is(value && sequenceOf(value), expected);
  }
});

test('failed batches delay it and do not end it', async ({ clock, engine, channel }) => {
  const { pieces } = readAll(channel.transportStream());
  await clock.advance(1000);
  let failures = 0;
  engine.fails = (sequence) => sequence === 1015 && failures++ < 2;
  await clock.advance(20 * SEGMENT_MS);
  assert.is(failures, 3);
  assert.equal(
    pieces,
    Array.from({ length: 23 }, (_, index) => 1000 + index),
  );
});

test('a reader too slow to watch is ended; others are not', async ({ clock, channel }) => {
  const slow = channel.transportStream();
  const { pieces } = readAll(channel.transportStream());
  const first = slow.next();
  await clock.advance(1000);
  assert.ok((await first).value);
  await clock.advance(25_000);
  assert.ok((await slow.next()).value, 'what is made ahead keeps it for a while');
  await clock.advance(20_000);
  await slow.next().then(
    () => assert.unreachable(),
    (error) => assertCode(error, 'READER_TOO_SLOW'),
  );
  assert.is(pieces.at(-1), 1000 + 3 + 10);
});

test('one that stops reading lets the channel go idle', async ({ clock, channel }) => {
  const stream = channel.transportStream();
  const first = stream.next();
  await clock.advance(1000);
  await first;
  await clock.advance(60_000);
  assert.is(channel.state, 'idle');
});

test('every reader is a viewer of its own until it stops reading', async ({ clock, channel }) => {
  const stop = new AbortController();
  const { reading } = readAll(channel.transportStream({ signal: stop.signal }));
  const other = channel.transportStream();
  assert.is(channel.viewers, 0, 'who has not begun to read does not watch');
  const first = other.next();
  await clock.advance(1000);
  await first;
  await clock.advance(5 * SEGMENT_MS);
  const viewers = channel.status().viewers;
  assert.is(new Set(viewers.map(({ sessionId }) => sessionId)).size, 2);
  assert.equal(
    viewers.map(({ segmentNumber }) => segmentNumber),
    [1000, 1000 + 2 + 5],
  );
  assert.ok(viewers.every(({ sessionId }) => sessionId !== '(anonymous)'));
  await other.return();
  assert.is(channel.viewers, 1);
  stop.abort(new Error('enough'));
  await reading;
  assert.is(channel.viewers, 0);
});

test('ends with the channel', async ({ clock, headend, channel }) => {
  const { reading } = readAll(channel.transportStream());
  await clock.advance(1000);
  await headend.channels.remove('news');
  assertCode(await reading, 'CLOSED');
});

test('a rendition that is not there is refused at once', async ({ channel }) => {
  assert.throws(
    () => channel.transportStream({ rendition: '4320p' }),
    (error: unknown) => error instanceof HeadendError && error.code === 'RENDITION_NOT_FOUND',
  );
});

/** Moves the clock on in small steps, with time for real sockets, until something is so. */
async function advanceUntil(clock: FakeClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await clock.advance(10);
    await settle();
  }
}

async function request(headend: Headend, path: string, method = 'GET'): Promise<Socket> {
  const { hostname, port } = new URL(await headend.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: test\r\n\r\n`);
  return socket;
}

test('over HTTP it is one response that goes on', async ({ clock, headend }) => {
  const socket = await request(headend, '/channels/news/stream.ts?rendition=720p');
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
  });
  await advanceUntil(clock, () => text.includes('720p 1005'));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /\r\ncontent-type: video\/mp2t\r\n/i);
  assert.match(text, /\r\ncache-control: no-store\r\n/i);
  assert.match(text, /\r\naccess-control-allow-origin: \*\r\n/i);
  assert.equal(
    text.match(/720p \d+/g),
    [1000, 1001, 1002, 1003, 1004, 1005].map((n) => `720p ${n}`),
  );
  socket.destroy();
});

test('over HTTP what is wrong is an answer, and HEAD has no body', async ({ headend }) => {
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  const missing = await fetch(`${url}/channels/news/stream.ts?rendition=4320p`);
  assert.is(missing.status, 404);
  assert.match(await missing.text(), /"RENDITION_NOT_FOUND"/);
  const head = await fetch(`${url}/channels/news/stream.ts`, { method: 'HEAD' });
  assert.is(head.status, 200);
  assert.is(head.headers.get('content-type'), 'video/mp2t');
  assert.is((await head.arrayBuffer()).byteLength, 0);
});

test('over HTTP a client that does not read is dropped and the channel does not notice', async ({
  clock,
  engine,
  headend,
  channel,
}) => {
  engine.segmentBytes = 10_000_000;
  const socket = await request(headend, '/channels/news/stream.ts');
  socket.pause();
  const { pieces } = readAll(channel.transportStream());
  await advanceUntil(clock, () => pieces.length === 3);
  await clock.advance(29_000);
  socket.resume();
  let received = 0;
  socket.on('data', (data: Buffer) => {
    received += data.length;
  });
  await advanceUntil(clock, () => received > 60_000_000);
  socket.pause();
  await clock.advance(31_000);
  socket.resume();
  await advanceUntil(clock, () => socket.closed);
  // Two segments at most were on their way besides what it had.
  assert.ok(received < 130_000_000, `${received} bytes`);
  assert.is(channel.state, 'active');
  assert.ok(pieces.length > 15);
});

test.run();
