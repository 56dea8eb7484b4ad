// The watch page where a browser refuses to play, or the address names no channel. The segments are not real:
// that the page plays is shown in test/browser/.
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

test.run();
