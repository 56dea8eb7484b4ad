// A full machine over HTTP: who comes too late is told so and when to come back, and leaves nothing behind. On a fake
// clock and an engine without media, over real sockets.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { type Answer, assertProblem, startServer } from './support.js';

const START = Date.parse('2025-01-01T00:00:00.000Z') + 4_001_000;
const ON_AIR = 1000;

const test = suite('a full machine');

test('answers 503 with a problem document and Retry-After, whatever is asked for, and lets the next in when there is room', async () => {
  const clock = new FakeClock(START);
  const full = { admission: 'refuse', segmentsInWork: 2 } as const;
  const { headend: server, engine, send } = await startServer({}, clock, full);
  await using headend = server;
  engine.segmentMs = 3000;
  for (const id of ['films', 'late']) {
    await headend.channels.add({
      id,
      ladder: [{ height: 720, bitrate: 2_000_000 }],
      schedule: loop([{ source: '/film', duration: 60 }]),
    });
  }
  // Nothing is measured yet: a channel counts for one of the two slots.
  const watching = ['news', 'films'].map((id) => send(`/channels/${id}/720p/index.m3u8`));
  while (engine.working < 2) await settle();

  const asks = ['index.m3u8', '720p/index.m3u8', 'audio/index.m3u8', 'stream.ts'];
  const late = headend.channels.get('late');
  for (const path of asks) {
    const refused = await send(`/channels/late/${path}`);
    assertProblem(refused, 503, 'CAPACITY_EXCEEDED');
    assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/, path);
    assert.is(refused.headers['cache-control'], 'no-store');
    assert.is(late.state, 'idle', path);
    assert.is(late.viewers, 0, path);
  }
  assert.is(engine.alive, 2);
  assert.ok(engine.batches.every(({ channelId }) => channelId !== 'late'));

  const seconds = Number((await send('/channels/late/index.m3u8')).headers['retry-after']);
  const stopped = headend.channels.get('films').stop();
  await clock.advance(seconds * 1000);
  await stopped;
  const again = await answered(clock, send('/channels/late/720p/index.m3u8'));
  assert.is(again.status, 200, again.body.toString());
  assert.match(again.body.toString(), new RegExp(`\n${ON_AIR}-`));
  const [news, films] = await Promise.all(watching.map((answer) => answered(clock, answer)));
  assert.is(news?.status, 200, 'who was there before has been left alone');
  assert.is(films?.status, 503);
  assert.match(films?.body.toString() ?? '', /ENGINE_STOPPED/);
});

/** Follows a request while the clock moves on. */
async function answered(clock: FakeClock, request: Promise<Answer>): Promise<Answer> {
  let isOver = false;
  const answer = request.finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.advance(10);
  return answer;
}

test.run();
