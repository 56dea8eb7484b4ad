// The guide and the documents of tuners over HTTP: what airs, and absolute URLs that lead where clients reach the server.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpOptions } from '../../lib/http/options.js';
import { signViewing } from '../../lib/http/signature.js';
import { type Answer, type Ask, ask, assertProblem, json, startServer } from './support.js';

const test = suite('guide and tuner');

type Send = (path: string, options?: Ask) => Promise<Answer>;

async function withServer(http: HttpOptions, run: (send: Send, url: string) => Promise<void>) {
  const { headend, url } = await startServer(http);
  try {
    await run((path, options) => ask(url, path, options), url);
  } finally {
    await headend.close();
  }
}

test('the guide of a channel has no gaps, and its bounds', async () => {
  await withServer({}, async (send) => {
    const path = '/channels/news/guide?from=2026-03-29T00:00:00Z&to=2026-03-29T00:10:00Z';
    const { entries, until } = Object(json(await send(path)));
    assert.is(entries.length, 10);
    assert.is(until, '2026-03-29T00:10:00.000Z');
    for (const [i, { title, startsAt, endsAt }] of entries.entries()) {
      assert.ok(['Bulletin', 'Weather'].includes(title));
      assert.is(Date.parse(endsAt) - Date.parse(startsAt), 60_000);
      assert.is(startsAt, i === 0 ? '2026-03-29T00:00:00.000Z' : entries[i - 1].endsAt);
    }
    const day = Object(json(await send('/channels/news/guide')));
    assert.ok(day.entries.length >= 1440);
    assertProblem(await send('/channels/nope/guide'), 404, 'CHANNEL_NOT_FOUND');
    for (const query of [
      'from=yesterday',
      'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=2026-01-01T00:00:00Z&to=2036-01-01T00:00:00Z',
      `from=${'2'.repeat(100)}`,
    ]) {
      assertProblem(await send(`/channels/news/guide?${query}`), 400, 'INVALID_REQUEST');
    }
  });
});

test('lineups lead to where the client reached the server', async () => {
  const proxied = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'tv.example.org',
    'x-forwarded-prefix': '/live',
  };
  for (const [http, headers, base] of [
    [{}, {}, null],
    [{}, { host: 'tv.local:8080' }, 'http://tv.local:8080'],
    [{}, { host: 'tv.local', ...proxied }, 'http://tv.local'],
    [{ trustProxy: true }, proxied, 'https://tv.example.org/live'],
    [{ trustProxy: ['127.0.0.1'] }, proxied, 'https://tv.example.org/live'],
    [{ trustProxy: ['192.0.2.1'] }, { host: 'tv.local', ...proxied }, 'http://tv.local'],
    [{ publicUrl: 'https://public.example/x/' }, proxied, 'https://public.example/x'],
  ] as const) {
    await withServer(http, async (send, url) => {
      const expected = base ?? url;
      const m3u = (await send('/lineup.m3u', { headers })).body.toString();
      assert.ok(m3u.includes(`\n${expected}/channels/news/index.m3u8\n`), m3u);
      assert.ok(m3u.includes(`x-tvg-url="${expected}/guide.xml"`), m3u);
      const discovered = Object(json(await send('/discover.json', { headers })));
      assert.is(discovered.LineupURL, `${expected}/lineup.json`);
      const [channel] = Object(json(await send('/lineup.json', { headers })));
      assert.is(channel.URL, `${expected}/channels/news/stream.ts`);
    });
  }
});

test('under a path the URLs have it', async () => {
  await withServer({ basePath: '/tv' }, async (send, url) => {
    const m3u = (await send('/tv/lineup.m3u')).body.toString();
    assert.ok(m3u.includes(`\n${url}/tv/channels/news/index.m3u8\n`), m3u);
    assertProblem(await send('/lineup.m3u'), 404, 'ROUTE_NOT_FOUND');
  });
});

test('the guide of all is XMLTV that lists the programmes; unchanged documents are not sent again', async () => {
  await withServer({}, async (send) => {
    const guide = await send('/guide.xml');
    assert.match(guide.headers['content-type'] ?? '', /^application\/xml/);
    assert.match(guide.body.toString(), /<channel id="news">[\s\S]*<title>Bulletin<\/title>/);
    assert.not.match(guide.body.toString(), /\/bulletin/);
    for (const path of ['/lineup.m3u', '/discover.json', '/lineup.json', '/lineup_status.json']) {
      const { status, headers } = await send(path);
      assert.is(status, 200, path);
      const again = await send(path, { headers: { 'if-none-match': headers.etag ?? '' } });
      assert.is(again.status, 304, path);
      assert.is(again.body.length, 0);
    }
  });
});

test('a signature goes on to the channels of a lineup', async () => {
  const secret = 'a secret that nobody knows, 0123456789';
  await withServer(
    { signingSecret: secret, adminToken: 'admin-token-0123456789' },
    async (send, url) => {
      assertProblem(await send('/lineup.m3u'), 401, 'UNAUTHORIZED');
      const query = signViewing(secret, { expiresAt: new Date(Date.now() + 60_000) });
      const m3u = (await send(`/lineup.m3u?${query}`)).body.toString();
      const [channel = ''] = /^http.*$/m.exec(m3u) ?? [];
      assert.is((await send(channel.slice(url.length))).status, 200);
    },
  );
});

test.run();
