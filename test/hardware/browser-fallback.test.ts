// deadline: 240 s
// live
// needs: test addon
// D3: hls.js in a real Chromium plays over the change of the encoder: the frames go on, forwards and without a
// fatal error, also when the encoder breaks in one of the first segments.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import { type Fault, Headend, loop } from '../../lib/index.js';
import { createServer } from '../../server/server.js';
import { readCode } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { longestStall, openBrowser, tune, watch } from '../support/browser.js';
import { createTestEngine, withEncoder } from '../support/test-addon.js';

const FPS = 25;
const OUTPUT = fileURLToPath(new URL('../output/', import.meta.url));
const WHOLE = { x: 0, y: 0, width: 320, height: 180 };

const test = suite<{ browser: Browser }>('fallback in a browser');

test.before(async (context) => {
  await mkdir(OUTPUT, { recursive: true });
  context.browser = await openBrowser();
});

test.after(async ({ browser }) => {
  await browser.close();
});

const cases = [
  { name: 'after a while', after: 320, overIt: true },
  { name: 'before the first playlist is out', after: 75, overIt: false },
];
for (const { name, after, overIt } of cases) {
  test(`plays on when the encoder breaks ${name}`, async ({ browser }) => {
    const { path } = await makeFixture({ programme: 1, frames: 1500, width: 640, height: 360 });
    const engine = withEncoder(createTestEngine(), `failing:after=${after}`);
    await using headend = await Headend.create({}, { engine, clock: systemClock });
    const faults: Fault[] = [];
    headend.on('fault', (fault) => faults.push(fault));
    await headend.channels.add({
      id: 'test',
      frameRate: FPS,
      segmentDuration: 2,
      // One rung: there is no other to go to.
      ladder: [{ height: 360, bitrate: 800_000 }],
      // Begins with the programme, which is longer than the test.
      epoch: new Date(),
      schedule: loop([{ source: path, duration: 60 }]),
    });
    await using server = await createServer(headend);
    const url = await server.listen({ port: 0, host: '127.0.0.1' });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await tune(page, url, 'test');
    const seen = await watch(page, 24);
    await page.screenshot({ path: join(OUTPUT, `fallback-${after}.png`) });
    await page.close();

    const [fault, ...more] = faults;
    assert.equal(more, []);
    assert.is(fault?.code, 'ENCODE_FAILED');
    assert.equal(
      seen.errors.filter((error) => /fatal/.test(error)),
      [],
    );
    const codes = seen.pictures.map((picture) => readCode(Uint8Array.from(picture), 320, WHOLE));
    const numbers = codes.flatMap((code) => (code === null ? [] : [code.number]));
    console.log(
      `${name}: frames ${numbers.join(' ')}, ${seen.waits} waits, longest stand ${Math.round(longestStall(seen))} ms; ${seen.errors.join('; ')}`,
    );
    assert.ok(
      numbers.length > codes.length * 0.9,
      `${numbers.length} of ${codes.length} codes readable`,
    );
    for (const [index, number] of numbers.entries()) {
      assert.ok(number > (numbers[index - 1] ?? -1), `frame ${number} after ${numbers[index - 1]}`);
    }
    const change = ((fault?.airsAt?.getTime() ?? 0) - firstFrameAt(headend)) * (FPS / 1000);
    assert.ok((numbers.at(-1) ?? 0) > change + FPS, `the change was at ${change}`);
    if (overIt) assert.ok((numbers[0] ?? Infinity) < change, `the change was at ${change}`);
  });
}

/** When frame 0 of the programme on air was shown. */
function firstFrameAt(headend: Headend): number {
  return headend.channels.get('test').nowNext().now.startsAt.getTime();
}

test.run();
