// The HTTP surface, over a real socket: what clients send and what they get back.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Headend } from '../../lib/headend.js';
import { loop } from '../../lib/timeline/schedule.js';
import type { FakeEngine } from '../stream/fake-engine.js';
import { type Answer, ask, assertProblem, json, startServer, uris } from './support.js';

interface Context {
  timers: { readonly pending: number };
  engine: FakeEngine;
  headend: Headend;
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>;
}

const test = suite<Context>('routes');

test.before.each(async (context) => {
  const { url, ...server } = await startServer();
  Object.assign(context, server);
  context.get = (path, headers = {}, method = 'GET') => ask(url, path, { headers, method });
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

async function firstSegment({ get }: Context, rendition = '720p'): Promise<string> {
  const playlist = await get(`/channels/news/${rendition}/index.m3u8`);
  return `/channels/news/${rendition}/${uris(playlist.body.toString())[0]}`;
}

test('channels are listed with what is on now and next', async ({ get }) => {
  const answer = await get('/channels');
  assert.is(answer.status, 200);
  const text = answer.body.toString();
  assert.match(
    text,
    /"id":"news","name":"News","state":"idle","viewers":0,"now":\{"title":"(Bulletin|Weather)"/,
  );
  const details = json(await get('/channels/news'));
  assert.ok(
    typeof details === 'object' && details !== null && 'now' in details && 'next' in details,
  );
  const titles = [details.now, details.next].map((item) =>
    JSON.stringify(item).includes('Bulletin'),
  );
  assert.equal([...titles].sort(), [false, true]);
});

test('a channel tells what it lists and what is encoded once somebody watches', async (context) => {
  const { get } = context;
  assert.match((await get('/channels/news')).body.toString(), /"window":null.*"inDemand":false/);
  await firstSegment(context);
  assert.match(
    (await get('/channels/news')).body.toString(),
    /"state":"(starting|active)".*"window":\{"from":\d+,"to":\d+\}.*"inDemand":true/,
  );
});

test('playlists lead to playlists lead to segments', async ({ get }) => {
  const multivariant = await get('/channels/news/index.m3u8');
  assert.is(multivariant.headers['content-type'], 'application/vnd.apple.mpegurl');
  assert.match(uris(multivariant.body.toString()).join(), /^720p\/index\.m3u8\?session=[\w-]+$/);
  for (const [rendition, type] of [
    ['720p', 'video/mp4'],
    ['audio', 'audio/mp4'],
  ]) {
    const media = await get(`/channels/news/${rendition}/index.m3u8`);
    assert.is(media.headers['cache-control'], 'max-age=2');
    const { etag = '' } = media.headers;
    const path = `/channels/news/${rendition}/index.m3u8`;
    assert.is((await get(path, { 'if-none-match': etag })).status, 304);
    assert.is((await get(path, { 'if-none-match': 'W/"another"' })).status, 200);
    const text = media.body.toString();
    const [, map = ''] = /MAP:URI="([^"]+)"/.exec(text) ?? [];
    const init = await get(`/channels/news/${rendition}/${map}`);
    assert.is(init.body.toString(), `init of ${rendition}`);
    assert.is(init.headers['content-type'], type);
    for (const uri of uris(text)) {
      const segment = await get(`/channels/news/${rendition}/${uri}`);
      assert.is(segment.status, 200);
      assert.is(segment.headers['content-type'], type);
      assert.is(segment.headers['cache-control'], 'public, max-age=31536000, immutable');
      assert.ok(segment.body.toString().startsWith(`${rendition} ${uri.split('-')[0]}`));
    }
  }
});

test('a session is carried through every URI, and its multivariant playlist is not stored', async ({
  get,
}) => {
  const multivariant = await get('/channels/news/index.m3u8?session=a-B_9');
  assert.is(multivariant.headers['cache-control'], 'no-store');
  assert.match(multivariant.body.toString(), /URI="audio\/index\.m3u8\?session=a-B_9"/);
  assert.equal(uris(multivariant.body.toString()), ['720p/index.m3u8?session=a-B_9']);
  const media = (await get('/channels/news/720p/index.m3u8?session=a-B_9')).body.toString();
  assert.ok(uris(media).every((uri) => uri.endsWith('.m4s?session=a-B_9')));
  for (const session of ['a%22b', 'a%0Ab', '', 'x'.repeat(65), 'a&session=b']) {
    assertProblem(
      await get(`/channels/news/index.m3u8?session=${session}`),
      400,
      'INVALID_REQUEST',
    );
  }
});

test('playlists are compressed for those who take gzip, segments never', async (context) => {
  const { get } = context;
  const accept = { 'accept-encoding': 'gzip' };
  const playlist = await get('/channels/news/720p/index.m3u8', accept);
  assert.is(playlist.headers['content-encoding'], 'gzip');
  assert.match(gunzipSync(playlist.body).toString(), /^#EXTM3U/);
  assert.match(playlist.headers.vary ?? '', /accept-encoding/i);
  for (const refusal of ['gzip;q=0', 'identity', 'br', 'gzip;q=0, *']) {
    const plain = await get('/lineup.m3u', { 'accept-encoding': refusal });
    assert.is(plain.headers['content-encoding'], undefined, refusal);
    assert.match(plain.body.toString(), /^#EXTM3U/);
  }
  const segment = await get(await firstSegment(context), accept);
  assert.is(segment.headers['content-encoding'], undefined);
});

test('every GET has its HEAD: the same status and type, and no bytes', async (context) => {
  const { get } = context;
  const segment = await firstSegment(context);
  const { paths } = Object(json(await get('/openapi.json')));
  const [, , , , file = ''] = segment.split('/');
  const asked = Object.entries(Object(paths))
    .filter(([path, item]) => Object(item).get && path !== '/events')
    .map(([path]) =>
      path.replace('{id}', 'news').replace('{rendition}', '720p').replace('{file}', file),
    );
  assert.ok(asked.length > 15);
  for (const path of asked) {
    const head = await get(path, {}, 'HEAD');
    assert.is(head.body.length, 0, path);
    if (path.endsWith('stream.ts')) {
      assert.is(head.status, 200);
      assert.is(head.headers['content-type'], 'video/mp2t');
      continue;
    }
    const { status, headers } = await get(path);
    assert.is(head.status, status, path);
    assert.is(head.headers['content-type'], headers['content-type'], path);
  }
});

test('HEAD tells length and type without the bytes', async (context) => {
  const answer = await context.get(await firstSegment(context), {}, 'HEAD');
  assert.is(answer.status, 200);
  assert.is(answer.headers['content-length'], '1000');
  assert.is(answer.headers['accept-ranges'], 'bytes');
  assert.is(answer.body.length, 0);
});

test('ranges of a segment', async (context) => {
  const { get } = context;
  const path = await firstSegment(context);
  const whole = (await get(path)).body;
  for (const [range, from, to] of [
    ['bytes=0-9', 0, 9],
    ['bytes=990-', 990, 999],
    ['bytes=-10', 990, 999],
    ['bytes=990-2000', 990, 999],
    ['bytes=-5000', 0, 999],
  ] as const) {
    const part = await get(path, { range });
    assert.is(part.status, 206, range);
    assert.is(part.headers['content-range'], `bytes ${from}-${to}/1000`);
    assert.equal(part.body, whole.subarray(from, to + 1));
  }
  for (const range of ['bytes=1000-', 'bytes=5000-6000', 'bytes=-0']) {
    const refused = await get(path, { range });
    assertProblem(refused, 416, 'RANGE_NOT_SATISFIABLE');
    assert.is(refused.headers['content-range'], 'bytes */1000');
  }
  for (const range of ['bytes=9-0', 'bytes=0-1,5-6', 'lines=0-9', 'bytes=a-b', 'bytes=-']) {
    assert.is((await get(path, { range })).status, 200, range);
  }
  assert.is((await get(path, { range: 'bytes=0-9', 'if-range': '"other"' })).status, 200);
});

test('a segment that the client has is not sent again', async (context) => {
  const { get } = context;
  const path = await firstSegment(context);
  const etag = (await get(path)).headers.etag ?? '';
  assert.match(etag, /^"[^"]+"$/);
  for (const header of [etag, `"x", W/${etag}`, '*']) {
    const answer = await get(path, { 'if-none-match': header });
    assert.is(answer.status, 304);
    assert.is(answer.body.length, 0);
    assert.is(answer.headers.etag, etag);
  }
  assert.is((await get(path, { 'if-none-match': '"x"' })).status, 200);
});

test('browsers of other origins may read, with ranges and authorization', async (context) => {
  const { get } = context;
  const origin = { origin: 'https://example.org' };
  assert.is(
    (await get('/channels/news/index.m3u8', origin)).headers['access-control-allow-origin'],
    '*',
  );
  const asked = {
    ...origin,
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'range,authorization',
  };
  const preflight = await get(await firstSegment(context), asked, 'OPTIONS');
  assert.is(preflight.status, 204);
  assert.match(preflight.headers['access-control-allow-headers'] ?? '', /Range, ?Authorization/i);
});

test('what does not exist is a 404 with its own code, and wakes nothing', async ({
  get,
  engine,
}) => {
  assertProblem(await get('/channels/nope'), 404, 'CHANNEL_NOT_FOUND');
  assertProblem(await get('/channels/nope/index.m3u8'), 404, 'CHANNEL_NOT_FOUND');
  assertProblem(await get('/channels/news/4320p/index.m3u8'), 404, 'RENDITION_NOT_FOUND');
  assertProblem(await get('/channels/news/__proto__/index.m3u8'), 404, 'RENDITION_NOT_FOUND');
  assertProblem(await get('/channels/__proto__/index.m3u8'), 404, 'CHANNEL_NOT_FOUND');
  assertProblem(await get('/nothing'), 404, 'ROUTE_NOT_FOUND');
  assert.is(engine.producers, 0);
});

test('segments of a changed channel have other names', async ({ get, headend }) => {
  const before = uris((await get('/channels/news/720p/index.m3u8')).body.toString());
  await headend.channels.remove('news');
  await headend.channels.add({
    id: 'news',
    name: 'News',
    ladder: [{ height: 720, bitrate: 2_000_000 }],
    schedule: loop([{ source: '/film', title: 'Film', duration: 90 }]),
  });
  const after = uris((await get('/channels/news/720p/index.m3u8')).body.toString());
  assert.equal(
    after.filter((uri) => before.includes(uri)),
    [],
  );
  assertProblem(await get(`/channels/news/720p/${before[0]}`), 404, 'SEGMENT_NOT_FOUND');
});

test('absurd segments are refused at once', async ({ get, engine, headend }) => {
  const { edition } = headend.channels.get('news');
  for (const file of [
    `0-${edition}.m4s`,
    `999999999999999-${edition}.m4s`,
    `9999999999999999999999-${edition}.m4s`,
    `-1-${edition}.m4s`,
    `1e3-${edition}.m4s`,
    `0x10-${edition}.m4s`,
    `1.5-${edition}.m4s`,
    '1.m4s',
    'init-0000000000000000.mp4',
    'init-.mp4',
    'index.m3u8.m4s',
    '..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e',
    '1.m4s%00.mp4',
  ]) {
    assertProblem(await get(`/channels/news/720p/${file}`), 404, 'SEGMENT_NOT_FOUND');
  }
  for (const path of [
    '/channels/news/../../etc/passwd',
    '/channels/..%2f..%2fetc/index.m3u8',
    '//etc/passwd',
  ]) {
    assert.is((await get(path)).status, 404, path);
  }
  assert.is((await get('/channels/%ff/index.m3u8')).status, 400);
  assert.is(engine.producers, 0);
});

test('a request that waits ends with its client', async ({ engine, headend, timers }) => {
  engine.segmentMs = 60_000;
  const server = createServer(headend.handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const client = request({ host: '127.0.0.1', port, path: '/channels/news/720p/index.m3u8' }).end();
  client.on('error', () => {});
  await once(headend, 'channel');
  // The engine's own, the coordinator's, the lease of the slot, and one deadline for the wait.
  assert.is(timers.pending, 4);
  client.destroy();
  const begin = performance.now();
  while (timers.pending > 3) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(performance.now() - begin < 3500, 'well before any of them');
  server.close();
  await once(server, 'close');
});

test('a body that somebody else has read is refused, not waited for', async ({ headend }) => {
  const server = createServer((received, response) => {
    received.resume().on('end', () => headend.handler(received, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const answer = await ask(`http://127.0.0.1:${port}`, '/channels/news/position', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  assertProblem(answer, 400, 'INVALID_REQUEST');
  assert.match(answer.body.toString(), /body parsers/);
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

test('health says whether the server can serve', async ({ get, engine, headend }) => {
  assert.equal(json(await get('/health/live')), { status: 'ok' });
  const health = {
    status: 'ok',
    live: true,
    ready: true,
    reasons: [],
    failing: [],
    channels: 1,
    storeBytes: 0,
    disk: null,
  };
  assert.equal(json(await get('/health')), health);
  engine.fails = () => true;
  const failed = once(headend, 'fault');
  const waiting = get('/channels/news/720p/index.m3u8').catch(() => {});
  await failed;
  while (headend.channels.get('news').state !== 'error') await once(headend, 'channel');
  const answer = await get('/health/ready');
  assert.is(answer.status, 503);
  assert.equal(Object(json(answer)).failing, ['news']);
  assert.is((await get('/health/live')).status, 200);
  await headend.close();
  await waiting;
});

test('close answers those who wait, and ends in an instant', async ({ engine, headend, get }) => {
  engine.segmentMs = 60_000;
  const waiting = get('/channels/news/720p/index.m3u8').catch(
    (error: NodeJS.ErrnoException) => error.code,
  );
  await once(headend, 'channel');
  await headend.close();
  const answer = await waiting;
  if (typeof answer === 'object') assertProblem(answer, 503, 'CLOSED');
  else assert.is(answer, 'ECONNRESET');
  assert.is(engine.alive, 0);
  assert.is(engine.closed, true);
});

test.run();
