// The watch page where a browser refuses to play, or the address names no channel. The segments are not real:
// that the page plays is shown in test/browser/.
import { once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import { Headend } from '../../lib/headend.js';
import { loop } from '../../lib/timeline/schedule.js';
import { createServer } from '../../server/server.js';
import { FakeEngine } from '../stream/fake-engine.js';
import { openBrowser } from '../support/browser.js';
import { until } from '../support/serve.js';

test('only a browser that wants a gesture mutes, and an address that cannot be read is no obstacle', async () => {
  const engine = new FakeEngine(systemClock, 1);
  await using headend = await Headend.create({}, { engine, clock: systemClock });
  await headend.channels.add({
    id: 'news',
    schedule: loop([{ source: '/a.mp4', duration: 10 }]),
    ladder: [{ height: 720, bitrate: 2_000_000 }],
  });
  await using server = await createServer(headend);
  const url = await server.listen({ port: 0, host: 'localhost' });
  await using browser = await openBrowser();
  for (const [refusal, muted] of [
    ['AbortError', false],
    ['NotAllowedError', true],
  ] as const) {
    const page = await browser.newPage();
    await page.addInitScript(`
      window.refused = 0;
      HTMLMediaElement.prototype.play = async function () {
        // The viewer has the sound on.
        if (window.refused++ === 0) this.muted = false;
        throw new DOMException('refused', '${refusal}');
      };
    `);
    await page.goto(`${url}/#%ff`);
    await until('an attempt to play', async () =>
      (await page.evaluate('window.refused > 0')) === true ? true : null,
    );
    assert.is(await page.evaluate('headendPlayer.channel'), 'news');
    assert.is(await page.evaluate('headendPlayer.video.muted'), muted, refusal);
    await page.close();
  }
});

test('under a path the page is there with and without the slash', async () => {
  const http = { basePath: '/live/tv' };
  await using headend = await Headend.create(
    { http },
    { engine: new FakeEngine(systemClock, 1), clock: systemClock },
  );
  await using server = await createServer(headend);
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  const bare = await fetch(`${url}/live/tv`, { redirect: 'manual' });
  assert.is(bare.status, 302);
  assert.is(bare.headers.get('location'), 'tv/');
  for (const path of ['/live/tv', '/live/tv/', '/live/tv/app.js', '/live/tv/assets/hls.min.js']) {
    assert.is((await fetch(url + path)).status, 200, path);
  }
  for (const path of ['/', '/live', '/live/', '/live/tvx', '/live/tv/../secret', '/live/tv/nope']) {
    assert.is((await fetch(url + path)).status, 404, path);
  }
});

test('the files of the page are compressed, cached by what they are, and bound by a policy', async () => {
  await using headend = await Headend.create(
    {},
    { engine: new FakeEngine(systemClock, 1), clock: systemClock },
  );
  await using server = await createServer(headend);
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  for (const [path, encoding, most] of [
    ['/assets/hls.min.js', 'br', 220_000],
    ['/assets/hls.min.js', 'gzip', 220_000],
    ['/style.css', 'br', 5000],
    ['/', 'gzip', 5000],
  ] as const) {
    const { headers, body, location } = await get(url, path, { 'accept-encoding': encoding });
    assert.is(headers['content-encoding'], encoding, path);
    assert.ok(body.length < most, `${path}: ${body.length} bytes`);
    assert.match(headers.vary ?? '', /accept-encoding/i);
    assert.match(String(headers['content-security-policy']), /^default-src 'self'; /);
    assert.is(headers['x-content-type-options'], 'nosniff');
    const unpacked = (encoding === 'br' ? brotliDecompressSync : gunzipSync)(body);
    assert.equal(unpacked, (await get(url, location)).body);
    if (path.startsWith('/assets')) {
      assert.match(location, /^\/assets\/hls-[0-9a-f]{12}\.min\.js$/);
      assert.is(headers['cache-control'], 'public, max-age=31536000, immutable');
    } else {
      assert.is(headers['cache-control'], 'no-cache');
      const again = await get(url, path, { 'if-none-match': headers.etag ?? '' });
      assert.is(again.status, 304, path);
    }
  }
});

test('no path leads out of the folder of the page', async () => {
  await using headend = await Headend.create(
    {},
    { engine: new FakeEngine(systemClock, 1), clock: systemClock },
  );
  await using server = await createServer(headend);
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  const absent = [
    ...['/..%2fserver.ts', '/..%2Fserver.ts', '/%2e%2e%2fserver.ts', '/..%252fserver.ts'],
    ...['/..%2f..%2fpackage.json', '/%2fetc%2fpasswd', '/assets/..%2f..%2fserver.ts'],
    ...['/assets/..%2fhls.js', '/assets/hls.js', '/.hidden'],
  ];
  const senseless = [
    ...['/../server.ts', '/%2e%2e/server.ts', '/./../server.ts', '/assets/../../server.ts'],
    ...['/..%5cserver.ts', '//server.ts', '/app.js%00.html', '/%ff'],
  ];
  for (const path of [...absent, ...senseless]) {
    const { status, headers } = await get(url, path);
    assert.is(status, absent.includes(path) ? 404 : 400, path);
    assert.match(headers['content-type'] ?? '', /problem\+json/, path);
  }
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Where it was in the end. */
  readonly location: string;
}

/** Asks for a path as it is written: fetch would tidy it up, and unpack what comes. */
async function get(url: string, path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const [response] = await once(request({ hostname, port, path, headers }).end(), 'response');
  const { statusCode = 0, headers: answered }: IncomingMessage = response;
  const body = await buffer(response);
  if (statusCode !== 302) return { status: statusCode, headers: answered, body, location: path };
  const { pathname } = new URL(answered.location ?? '', url + path);
  return get(url, pathname, headers);
}

test.run();
