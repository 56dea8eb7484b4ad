// Viewers over HTTP: sessions that are issued, reported from and left.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import { Headend } from '../../lib/headend.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { FakeEngine } from '../stream/fake-engine.js';
import { type Answer, type Ask, ask, assertProblem, json, startServer, uris } from './support.js';

interface Context {
  headend: Headend;
  send(path: string, options?: Ask): Promise<Answer>;
}

const test = suite<Context>('sessions');

test.before.each(async (context) => {
  const { headend, url } = await startServer();
  context.headend = headend;
  context.send = (path, options) => ask(url, path, options);
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

const report = (position: object): Ask => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(position),
});

function sessionsOf(headend: Headend): string[] {
  return headend.channels
    .get('news')
    .status()
    .viewers.map(({ sessionId }) => sessionId);
}

test('who brings no session is given one, which every URI carries on', async ({
  send,
  headend,
}) => {
  const first = await send('/channels/news/index.m3u8');
  const second = await send('/channels/news/index.m3u8');
  assert.is(first.headers['cache-control'], 'no-store');
  const [variant = ''] = uris(first.body.toString());
  const [, session = ''] = /^720p\/index\.m3u8\?session=([\w-]{22})$/.exec(variant) ?? [];
  assert.ok(session !== '', variant);
  assert.not(second.body.toString().includes(session));
  const media = (await send(`/channels/news/${variant}`)).body.toString();
  assert.ok(uris(media).every((uri) => uri.endsWith(`.m4s?session=${session}`)));
  assert.is(sessionsOf(headend).length, 2);
  assert.ok(sessionsOf(headend).includes(session));
});

test('a position is answered with the batch and what is left of it', async ({ send, headend }) => {
  const media = await send('/channels/news/720p/index.m3u8?session=me');
  const [first = ''] = uris(media.body.toString());
  const segmentNumber = Number.parseInt(first, 10);
  const answer = await send(
    '/channels/news/position',
    report({ sessionId: 'me', segmentNumber, rendition: '720p', timestamp: Date.now() }),
  );
  assert.is(answer.status, 200, answer.body.toString());
  const { batch } = headend.channels.get('news').status();
  assert.match(
    answer.body.toString(),
    new RegExp(
      `"acknowledged":true,.*"startSegment":${batch?.startSegment},"endSegment":${batch?.endSegment}`,
    ),
  );
  const { segmentsRemaining } = Object(json(answer));
  assert.is(segmentsRemaining, (batch?.endSegment ?? 0) - segmentNumber);
  const [viewer] = headend.channels.get('news').status().viewers;
  assert.is(viewer?.segmentNumber, segmentNumber);
});

test('positions of nobody, nowhere and nonsense', async ({ send }) => {
  await send('/channels/news/720p/index.m3u8?session=me');
  const good = { sessionId: 'me', segmentNumber: 1, rendition: '720p' };
  const post = (path: string, position: object) => send(path, report(position));
  const path = '/channels/news/position';
  assertProblem(await post(path, { ...good, sessionId: 'you' }), 404, 'SESSION_NOT_FOUND');
  assertProblem(await post(path, { ...good, rendition: '4320p' }), 404, 'RENDITION_NOT_FOUND');
  assertProblem(await post('/channels/nope/position', good), 404, 'CHANNEL_NOT_FOUND');
  for (const wrong of [
    { segmentNumber: -1 },
    { segmentNumber: 1.5 },
    { segmentNumber: '1' },
    { sessionId: 'a b' },
    { sessionId: '(anonymous)' },
    { sessionId: '' },
    { more: 1 },
    { timestamp: {} },
  ]) {
    assertProblem(await post(path, { ...good, ...wrong }), 400, 'INVALID_REQUEST');
  }
});

test('who leaves is gone at once, and may leave again', async ({ send, headend }) => {
  await send('/channels/news/720p/index.m3u8?session=me');
  assert.equal(sessionsOf(headend), ['me']);
  for (let i = 0; i < 3; i++) {
    const answer = await send('/channels/news/sessions/me', { method: 'DELETE' });
    assert.is(answer.status, 204);
    assert.is(answer.body.length, 0);
  }
  assert.equal(sessionsOf(headend), []);
  const nowhere = await send('/channels/nope/sessions/me', { method: 'DELETE' });
  assertProblem(nowhere, 404, 'CHANNEL_NOT_FOUND');
});

test('who watches and from which file is for programs on this machine', async ({ send }) => {
  await send('/channels/news/720p/index.m3u8?session=secret-session');
  const details = (headers = {}) => send('/channels/news', { headers });
  const own = (await details()).body.toString();
  assert.match(own, /secret-session/);
  assert.match(own, /"source":"\/(bulletin|weather)"/);
  const foreign = (await details({ 'x-forwarded-for': '203.0.113.7' })).body.toString();
  assert.match(foreign, /"viewers":1/);
  assert.not.match(foreign, /secret-session|bulletin"|weather"|"source"/);
});

test('a journal that cannot be read is a 503 that says when to come back, and not where its file is', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'headend-history-')), 'state');
  await mkdir(folder);
  const journal = await openJournal({ file: join(folder, 'journal.sqlite') });
  const parts = { engine: new FakeEngine(systemClock, 1), clock: systemClock, journal };
  await using headend = await Headend.create({}, parts);
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  const routes = ['/channels/news/as-run', '/faults', '/sessions'];
  for (const route of routes) assert.is((await ask(url, route)).status, 200);
  await rm(dirname(folder), { recursive: true });
  void journal.record({ type: 'channel-deleted', channelId: 'news', atMs: 0 });
  await journal.flush().catch(() => {});
  assert.is(journal.status.state, 'failing');
  for (const route of routes) {
    const answer = await ask(url, route);
    assertProblem(answer, 503, 'JOURNAL_FAILED');
    assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
    assert.not.ok(answer.body.includes(folder));
  }
  // So that it can be closed at once.
  await mkdir(folder, { recursive: true });
  await headend.close();
  await rm(dirname(folder), { recursive: true });
});

test.run();
