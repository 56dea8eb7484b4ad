// deadline: 60 s
// Segments that are delivered while they are being made: what clients get, and that a segment which is never
// finished never looks whole. On a fake clock and an engine without media, over real sockets.
import { once } from 'node:events';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../lib/channel.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { segmentName, segmentTag } from '../../lib/hls/container.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { FakeEngine, initHash, nameOf } from '../stream/fake-engine.js';

const START = Date.parse('2025-01-01T00:00:00.000Z') + 4_001_000;
/** Time that a segment takes; its first half is out after half of it. */
const WORK_MS = 1000;
const BYTES = 1000;

interface Context {
  clock: FakeClock;
  engine: FakeEngine;
  headend: Headend;
  channel: Channel;
  base: string;
}

const test = suite<Context>('early delivery');

test.before.each(async (context) => {
  context.clock = new FakeClock(START);
  context.engine = new FakeEngine(context.clock, WORK_MS);
  context.engine.fragments = true;
  context.engine.segmentBytes = BYTES;
  const { clock, engine } = context;
  context.headend = await Headend.create({}, { engine, clock });
  context.channel = await context.headend.channels.add({
    id: 'news',
    schedule: loop([{ source: '/a.mp4', duration: 10 }]),
    ladder: [{ height: 720, bitrate: 2_000_000 }],
  });
  context.base = await context.headend.listen({ port: 0, host: '127.0.0.1' });
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

/** Lets real sockets do what they can without the clock moving. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

/** A raw request whose answer is looked at while it comes. */
async function rawGet({ base }: Context, path: string, headers = '', version = '1.1') {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const answer = { text: '', ended: false };
  socket.on('data', (data: Buffer) => {
    answer.text += data.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    answer.ended = true;
  });
  socket.write(`GET ${path} HTTP/${version}\r\nhost: test\r\n${headers}\r\n`);
  return answer;
}

function segmentPath({ channel }: Context, sequence: number, rendition = '720p'): string {
  const tag = segmentTag(channel.edition, initHash(rendition));
  return `/channels/news/${rendition}/${segmentName(sequence, tag, 'fmp4')}`;
}

async function advanceUntil(clock: FakeClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await clock.advance(10);
    await settle();
  }
}

test('the beginning of a segment is delivered before its end is made', async (context) => {
  const { clock, base } = context;
  const answer = await rawGet(context, segmentPath(context, 1000));
  await advanceUntil(clock, () => answer.text.includes(nameOf('720p', 1000)));
  assert.is(clock.now(), START + WORK_MS / 2);
  assert.match(answer.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer.text, /\r\ntransfer-encoding: chunked\r\n/i);
  assert.match(answer.text, /\r\ncontent-type: video\/mp4\r\n/i);
  assert.match(answer.text, /\r\nx-accel-buffering: no\r\n/i);
  assert.not.match(answer.text, /\r\n0\r\n\r\n$/);

  await clock.advance(WORK_MS / 2);
  await untilTrue(() => answer.text.endsWith('\r\n0\r\n\r\n'));
  const etag = /\r\netag: ("[^"]+")\r\n/i.exec(answer.text)?.[1];
  const whole = await fetch(base + segmentPath(context, 1000));
  assert.is(whole.headers.get('etag'), etag, 'the same entity as the finished one');
  assert.is(whole.headers.get('content-length'), String(BYTES));
  const body = answer.text.slice(answer.text.indexOf('\r\n\r\n') + 4);
  const chunks = body.match(/(?:^|\r\n)(?=[0-9a-f]+\r\n)/g) ?? [];
  assert.ok(chunks.length >= 3, 'two fragments and the end');
  const sent = Buffer.from(body.replace(/(^|\r\n)[0-9a-f]+\r\n/g, ''), 'latin1');
  assert.equal(
    sent.subarray(0, BYTES).toString('latin1'),
    Buffer.from(await whole.arrayBuffer()).toString('latin1'),
  );
});

test('the media playlist of a cold channel answers with the first fragment', async (context) => {
  const { clock } = context;
  const answer = await rawGet(context, '/channels/news/720p/index.m3u8');
  await advanceUntil(clock, () => answer.text.includes('#EXTM3U'));
  assert.is(clock.now(), START + WORK_MS / 2);
  assert.match(answer.text, /#EXT-X-MEDIA-SEQUENCE:1000\n/);
});

for (const [what, headers, version] of [
  ['a range', 'range: bytes=0-9\r\n', '1.1'],
  ['a condition', 'if-none-match: "x"\r\n', '1.1'],
  ['HTTP/1.0', '', '1.0'],
] as const) {
  test(`${what} waits for the whole segment`, async (context) => {
    const { clock } = context;
    const answer = await rawGet(context, segmentPath(context, 1000), headers, version);
    await advanceUntil(clock, () => answer.text.includes('\r\n\r\n'));
    assert.is(clock.now(), START + WORK_MS);
    assert.match(answer.text, /\r\ncontent-length: \d+\r\n/i);
    assert.not.match(answer.text, /x-accel-buffering/i);
  });
}

test('a segment that is not finished ends the connection, and the next try is whole', async (context) => {
  const { clock, engine, base } = context;
  engine.fails = () => true;
  const answer = await rawGet(context, segmentPath(context, 1000));
  await advanceUntil(clock, () => answer.text.includes(nameOf('720p', 1000)));
  engine.fails = (sequence) => sequence === 1000 && clock.now() < START + 2 * WORK_MS;
  await advanceUntil(clock, () => answer.ended);
  assert.not.match(answer.text, /\r\n0\r\n\r\n/, 'no end of the body');

  const again = fetch(base + segmentPath(context, 1000)).then(async (response) => ({
    etag: response.headers.get('etag'),
    bytes: (await response.arrayBuffer()).byteLength,
  }));
  let done = false;
  void again.finally(() => {
    done = true;
  });
  await advanceUntil(clock, () => done);
  const { etag, bytes } = await again;
  assert.is(bytes, BYTES);
  assert.not.match(answer.text, new RegExp(etag ?? '^'), 'another entity has another tag');
});

test('a segment in progress ends with its channel', async (context) => {
  const { clock, headend, channel } = context;
  const opening = channel.openSegment('720p', 1000);
  await clock.advance(WORK_MS / 2);
  const opened = await opening;
  assert.is(opened.data, null);
  const reading = (async () => {
    const parts: Uint8Array[] = [];
    if (opened.data === null) for await (const part of opened.fragments) parts.push(part);
    return parts;
  })().then(
    () => assert.unreachable(),
    (error: unknown) => error,
  );
  await headend.channels.remove('news');
  const error = await reading;
  assert.ok(error instanceof HeadendError, String(error));
});

test('who opens a finished segment gets it whole', async (context) => {
  const { clock, channel } = context;
  const wait = channel.segment('720p', 1000);
  await clock.advance(WORK_MS);
  const { data, etag } = await wait;
  const opened = await channel.openSegment('720p', 1000);
  assert.is(opened.data, data);
  assert.is(opened.etag, etag);
});

test.run();
