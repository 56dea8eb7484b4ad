// deadline: 120 s
// live
// MPEG-TS in a real browser: hls.js takes the segments apart and plays the channel's frames in order.
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHeadend, loop } from '../../lib/index.js';
import { createServer } from '../../server/server.js';
import { readCode } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { openBrowser, tune, watch } from '../support/browser.js';

const test = suite<{ browser: Browser }>('MPEG-TS in the browser');

test.before(async (context) => {
  context.browser = await openBrowser();
});

test.after(async ({ browser }) => {
  await browser.close();
});

test('hls.js plays a channel in MPEG-TS, frame after frame', async ({ browser }) => {
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({ programme: 2, frames: 120, sampleRate: 44_100, channels: 1 });
  await using headend = await createHeadend({ hardware: 'software' });
  await headend.channels.add({
    id: 'test',
    frameRate: 25,
    segmentDuration: 2,
    container: 'ts',
    ladder: [{ height: 360, bitrate: 800_000 }],
    schedule: loop([{ source: a.path }, { source: b.path }]),
  });
  await using server = await createServer(headend);
  const page = await browser.newPage();
  const segments: string[] = [];
  page.on('request', (request) => {
    if (/\.(ts|m4s|mp4)(\?|$)/.test(request.url())) segments.push(request.url());
  });
  await tune(page, await server.listen({ port: 0, host: '127.0.0.1' }), 'test');
  const seen = await watch(page, 12);
  await page.close();

  assert.ok(segments.length > 3);
  for (const url of segments) assert.match(url, /\/360p\/\d+-[0-9a-f]{8}\.ts/);
  assert.equal(
    seen.errors.filter((error) => /fatal|Parsing|Append|Gap|Seek/i.test(error)),
    [],
  );
  assert.is(seen.width, 640);
  const whole = { x: 0, y: 0, width: 320, height: 180 };
  const codes = seen.pictures.map((picture) => readCode(picture, 320, whole));
  const known = codes.filter((code) => code !== null);
  assert.ok(known.length > codes.length * 0.9, `${known.length} of ${codes.length} codes readable`);
  assert.equal([...new Set(known.map((code) => code.programme))].sort(), [1, 2]);
  for (const [index, code] of known.entries()) {
    const before = known[index - 1];
    if (before === undefined || before.programme !== code.programme) continue;
    assert.ok(code.number >= before.number, `frame ${code.number} after ${before.number}`);
  }
});

test.run();
