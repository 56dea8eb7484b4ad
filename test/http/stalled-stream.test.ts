// The endless stream with a client that stops reading: it is dropped, and nobody else notices. On a fake clock and an
// engine without media, over real sockets.
import { once } from 'node:events';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { startServer } from './support.js';

const START = Date.parse('2025-01-01T00:00:00.000Z') + 4_001_000;
// More than the system buffers for a socket.
const SEGMENT_BYTES = 12 * 1024 * 1024;

const test = suite('a client that stops reading');

test('is dropped after half a minute, and the channel goes on for the others', async () => {
  const clock = new FakeClock(START);
  const server = await startServer({}, clock);
  await using headend = server.headend;
  server.engine.segmentMs = 100;
  server.engine.segmentBytes = SEGMENT_BYTES;
  const channel = headend.channels.get('news');
  const url = new URL(server.url);

  const open = async () => {
    const socket = connect(Number(url.port), url.hostname);
    const client = { socket, bytes: 0, isGone: false };
    socket.on('error', () => {});
    socket.on('close', () => {
      client.isGone = true;
    });
    socket.on('data', (data) => {
      client.bytes += data.length;
    });
    await once(socket, 'connect');
    socket.write('GET /channels/news/stream.ts HTTP/1.1\r\nhost: test\r\n\r\n');
    return client;
  };
  const reader = await open();
  const stalled = await open();
  while (reader.bytes === 0 || stalled.bytes === 0) await clock.advance(100);
  stalled.socket.pause();
  const stalledAt = clock.now();
  while (channel.viewers === 2) {
    const before = reader.bytes;
    await clock.advance(1000);
    while (channel.viewers === 2 && reader.bytes === before && reader.bytes < owed(clock, channel))
      await settle();
  }
  assert.ok(clock.now() - stalledAt >= 30_000);
  assert.ok(clock.now() - stalledAt < 60_000);
  stalled.socket.resume();
  while (!stalled.isGone) await settle();

  const then = reader.bytes;
  while (reader.bytes < then + 3 * SEGMENT_BYTES) await clock.advance(1000);
  assert.is(reader.isGone, false);
  assert.is(channel.viewers, 1);
  assert.is(channel.state, 'active');
  reader.socket.destroy();
  while (channel.viewers > 0) await settle();
});

/** What a reader that is quick has by now at least: the segments that have been on the air since it came. */
function owed(clock: FakeClock, { targetDuration }: { readonly targetDuration: number }): number {
  const segments = Math.floor((clock.now() - START) / 1000 / targetDuration);
  return segments * SEGMENT_BYTES;
}

test.run();
