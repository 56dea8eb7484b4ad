// Who may watch and who may change: tokens, signed URLs, and programs on this machine.
import { networkInterfaces } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpOptions } from '../../lib/http/options.js';
import { signViewing } from '../../lib/http/signature.js';
import { FakeClock } from '../stream/fake-clock.js';
import { type Ask, ask, assertProblem, startServer, uris, withServer } from './support.js';

const test = suite('access');

const ADMIN = 'admin-token-0123456789';
const VIEWER = 'viewer-token-0123456789';
const SECRET = 'a secret that nobody knows, 0123456789';

const bearer = (token: string): Ask => ({ headers: { authorization: `Bearer ${token}` } });

const gone = { method: 'DELETE' } as const;

test('without an admin token only programs on this machine change channels', async () => {
  await withServer({}, async ({ send }) => {
    for (const headers of [
      { 'x-forwarded-for': '203.0.113.7' },
      { forwarded: 'for=203.0.113.7' },
      { via: '1.1 proxy' },
      { 'x-real-ip': '203.0.113.7' },
      { host: 'evil.example' },
      { host: 'localhost.evil.example' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const answer = await send('/channels/news', { ...gone, headers });
      assertProblem(answer, 403, 'FORBIDDEN');
    }
    assert.is((await send('/channels/news', gone)).status, 204);
    assertProblem(await send('/channels/news'), 404, 'CHANNEL_NOT_FOUND');
  });
});

test('a client of another address of this machine is no program on it', async () => {
  const addresses = Object.values(networkInterfaces()).flat();
  const outer = addresses.find((item) => item?.family === 'IPv4' && !item.internal);
  if (!outer) return;
  const { headend } = await startServer();
  try {
    const url = await headend.listen({ port: 0, host: '0.0.0.0' }).catch(() => null);
    if (url === null) return;
    const answer = await ask(url.replace('0.0.0.0', outer.address), '/channels/news', gone);
    assertProblem(answer, 403, 'FORBIDDEN');
  } finally {
    await headend.close();
  }
});

test('with an admin token it alone counts, also on this machine', async () => {
  await withServer({ adminToken: ADMIN }, async ({ send }) => {
    for (const headers of [
      {},
      { authorization: ADMIN },
      { authorization: `Basic ${ADMIN}` },
      { authorization: `Bearer ${ADMIN}x` },
      { authorization: `Bearer ${ADMIN.slice(0, -1)}` },
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${VIEWER}` },
    ]) {
      const refused = await send('/channels/news', { ...gone, headers });
      assertProblem(refused, 401, 'UNAUTHORIZED');
      assert.match(refused.headers['www-authenticate'] ?? '', /^Bearer/);
    }
    assert.is((await send('/channels/news')).status, 200);
    assert.is((await send('/channels/news', { ...gone, ...bearer(ADMIN) })).status, 204);
  });
});

test('a viewer token is asked for everywhere but for health and the description', async () => {
  await withServer({ viewerToken: VIEWER, adminToken: ADMIN }, async ({ send }) => {
    for (const path of ['/health', '/health/live', '/health/ready', '/openapi.json']) {
      assert.is((await send(path)).status, 200, path);
    }
    const paths = [
      '/channels',
      '/channels/news',
      '/channels/news/index.m3u8',
      '/channels/news/720p/index.m3u8',
      '/metrics',
    ];
    for (const path of paths) {
      assertProblem(await send(path), 401, 'UNAUTHORIZED');
      assertProblem(await send(`${path}?token=${VIEWER}`), 401, 'UNAUTHORIZED');
      for (const token of [VIEWER, ADMIN]) {
        const answer = await send(path, bearer(token));
        assert.is(answer.status, 200, path);
        assert.not.match(answer.headers['cache-control'] ?? '', /public/);
      }
    }
    assertProblem(await send('/channels/news/720p/1-00000000.m4s'), 401, 'UNAUTHORIZED');
    assertProblem(await send('/events'), 401, 'UNAUTHORIZED');
    const change = await send('/channels/news', { ...gone, ...bearer(VIEWER) });
    assertProblem(change, 401, 'UNAUTHORIZED');
  });
});

test('a signature is carried from playlist to segment, for its channel alone', async () => {
  await withServer({ signingSecret: SECRET, adminToken: ADMIN }, async ({ send }) => {
    const expiresAt = new Date(Date.now() + 60_000);
    const query = signViewing(SECRET, { channelId: 'news', expiresAt });
    const multivariant = await send(`/channels/news/index.m3u8?session=me&${query}`);
    const [variant = ''] = uris(multivariant.body.toString());
    assert.is(variant, `720p/index.m3u8?session=me&${query}`);
    const media = await send(`/channels/news/${variant}`);
    const [segment = ''] = uris(media.body.toString());
    const received = await send(`/channels/news/720p/${segment}`);
    assert.is(received.status, 200);
    assert.is(received.headers['cache-control'], 'private, max-age=31536000, immutable');
    const [, map = ''] = /MAP:URI="([^"]+)"/.exec(media.body.toString()) ?? [];
    assert.is((await send(`/channels/news/720p/${map}`)).status, 200);
    for (const path of [
      `/channels/sports/index.m3u8?${query}`,
      `/channels?${query}`,
      `/channels/news/index.m3u8`,
      `/channels/news/index.m3u8?${query}&${query}`,
      `/channels/news/index.m3u8?${query.replace(/expires=\d/, 'expires=9')}`,
      `/channels/news/index.m3u8?${query.slice(0, -1)}`,
      `/channels/news/index.m3u8?${signViewing(`${SECRET}x`, { channelId: 'news', expiresAt })}`,
      `/channels/news/index.m3u8?${signViewing(SECRET, { expiresAt: new Date(Date.now() - 1000) })}`,
      '/channels/news/index.m3u8?expires=1e11&signature=x',
    ]) {
      assertProblem(await send(path), 401, 'UNAUTHORIZED');
    }
    const all = signViewing(SECRET, { expiresAt });
    for (const path of ['/channels', '/channels/news', '/channels/news/index.m3u8']) {
      assert.is((await send(`${path}?${all}`)).status, 200, path);
    }
    assertProblem(await send(`/channels/news?${all}`, gone), 401, 'UNAUTHORIZED');
  });
});

test('a signature ends with its time, by the clock that everything goes by', async () => {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00.000Z'));
  const http = { signingSecret: SECRET, adminToken: ADMIN };
  const { headend, send } = await startServer(http, clock);
  const expiresAt = new Date(clock.now() + 60_500);
  const query = signViewing(SECRET, { channelId: 'news', expiresAt });
  const status = async () => (await send(`/channels/news?${query}`)).status;
  await clock.advance(59_999);
  assert.is(await status(), 200);
  await clock.advance(1);
  assert.is(await status(), 401, 'whole seconds count');
  await headend.close();
});

test('who asks too often waits; a proxy that is believed names who asks', async () => {
  const http: HttpOptions = { rateLimit: { max: 3, windowMs: 60_000 }, trustProxy: true };
  await withServer(http, async ({ send }) => {
    const from = (address: string): Ask => ({ headers: { 'x-forwarded-for': address } });
    for (let i = 0; i < 3; i++) {
      assert.is((await send('/channels', from('203.0.113.7'))).status, 200);
    }
    const refused = await send('/channels', from('203.0.113.7'));
    assertProblem(refused, 429, 'RATE_LIMITED');
    assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d?$/);
    assert.is((await send('/channels', from('203.0.113.8'))).status, 200);
    for (let i = 0; i < 10; i++) assert.is((await send('/channels')).status, 200);
  });
  await withServer({ rateLimit: { max: 3 }, trustProxy: ['127.0.0.1'] }, async ({ send }) => {
    // What a client writes there itself stands before what the proxy adds.
    const forged = (i: number): Ask => ({
      headers: { 'x-forwarded-for': `198.51.100.${i}, 203.0.113.7` },
    });
    for (let i = 0; i < 3; i++) assert.is((await send('/channels', forged(i))).status, 200);
    assertProblem(await send('/channels', forged(4)), 429, 'RATE_LIMITED');
    const loopback = { headers: { 'x-forwarded-for': '127.0.0.1, 203.0.113.7' } };
    assertProblem(await send('/channels', loopback), 429, 'RATE_LIMITED');
  });
  await withServer({ rateLimit: { max: 3 } }, async ({ send }) => {
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    for (let i = 0; i < 10; i++) assert.is((await send('/channels', { headers })).status, 200);
  });
});

test('guesses of a token count against the rate', async () => {
  const http: HttpOptions = { adminToken: ADMIN, rateLimit: { max: 3 }, trustProxy: true };
  await withServer(http, async ({ send }) => {
    const headers = { 'x-forwarded-for': '203.0.113.7', authorization: 'Bearer guess' };
    for (let i = 0; i < 3; i++) {
      assertProblem(await send('/channels/news', { ...gone, headers }), 401, 'UNAUTHORIZED');
    }
    assertProblem(await send('/channels/news', { ...gone, headers }), 429, 'RATE_LIMITED');
  });
});

test.run();
