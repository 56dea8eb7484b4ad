// deadline: 240 s
// live
// The watch page in a real browser: a demo channel and channels of files play for ten seconds each.
//
// Claimed: no stall. Asserted: after playback began, currentTime never stands still for a second, advances as
// fast as the clock (a tenth less is allowed, for a busy machine), hls.js reports no fatal error and no
// stall, and the picture is not black and changes. Screenshots are left in test/output/.
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readCode } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import {
  longestStall,
  openBrowser,
  tune,
  untilPlays,
  type Watched,
  watch,
} from '../support/browser.js';
import { realClips } from '../support/real-clips.js';
import { channelsOf, ServerProcess, stopServers } from '../support/serve.js';

const SECONDS = 10;
const OUTPUT = fileURLToPath(new URL('../output/', import.meta.url));
/** Ordinary films of the set of real clips: the page is tested here, not the decoders. */
const FILMS = /^(bbb-|320x180|960x400|rotated)/;

interface Context {
  browser: Browser;
  page: Page;
  folder: string;
}

const test = suite<Context>('watch page');

test.before(async (context) => {
  await mkdir(OUTPUT, { recursive: true });
  context.folder = await mkdtemp(join(tmpdir(), 'headend-browser-'));
  context.browser = await openBrowser();
});

test.after(async ({ browser, folder }) => {
  await browser.close();
  await stopServers();
  await rm(folder, { recursive: true });
});

test.before.each(async (context) => {
  context.page = await context.browser.newPage({ viewport: { width: 1280, height: 800 } });
});

test.after.each(async ({ page }) => {
  await page.close();
  await stopServers();
});

/** Plays a channel and asserts what is claimed above. */
async function assertPlays(
  page: Page,
  url: string,
  channel: string,
  shot: string,
): Promise<Watched> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await tune(page, url, channel);
  const seen = await watch(page, SECONDS);
  await page.screenshot({ path: join(OUTPUT, `${shot}.png`) });

  const first = seen.samples[0];
  const last = seen.samples.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing was sampled');
  const advance = (last.time - first.time) / ((last.at - first.at) / 1000);
  const trace = seen.samples
    .map(({ at, time }) => `${Math.round(at)}:${time.toFixed(2)}`)
    .join(' ');
  console.log(
    `${channel}: ${seen.width}x${seen.height}, advance ${advance.toFixed(3)}, ${seen.waits} waits, ` +
      `longest stand ${Math.round(longestStall(seen))} ms`,
  );
  assert.ok(longestStall(seen) < 1000, `stood still: ${trace}`);
  assert.ok(advance > 0.9, `advanced by ${advance} of the clock: ${trace}`);
  assert.equal(
    seen.errors.filter((error) => /fatal|Stalled/.test(error)),
    [],
  );
  assert.equal(complaints, []);

  const bright = seen.pictures.filter((picture) => picture.some((luma) => luma > 60));
  // Four of the real films fade in from black within a second, and which of them air in these ten seconds depends on
  // the time of day: up to four pictures are theirs. A player without pictures shows nothing else.
  assert.ok(bright.length > seen.pictures.length / 2, `${bright.length} pictures are not black`);
  const different = new Set(seen.pictures.map((picture) => picture.join()));
  assert.ok(different.size > seen.pictures.length / 2, 'the picture stands still');
  return seen;
}

test('plays a demo channel, and another one when it is chosen', async ({ page }) => {
  const server = new ServerProcess();
  const url = await server.url();
  const [first = '', second = ''] = await channelsOf(url);
  await assertPlays(page, url, first, 'demo');
  await page.locator('nav button').nth(1).click();
  await untilPlays(page, second);
  const { samples } = await watch(page, 3);
  assert.ok(
    (samples.at(-1)?.time ?? 0) > (samples[0]?.time ?? 0),
    'the second channel does not play',
  );
  await page.screenshot({ path: join(OUTPUT, 'demo-second.png') });
});

test('plays a channel of files, frame after frame', async ({ page, folder }) => {
  const media = join(folder, 'fixtures');
  await mkdir(join(media, 'Numbers'), { recursive: true });
  const size = { width: 1280, height: 720 };
  const a = await makeFixture({ programme: 1, frames: 120, ...size });
  const b = await makeFixture({ programme: 2, frames: 100, container: 'mkv', ...size });
  await symlink(a.path, join(media, 'Numbers', '1 one.mp4'));
  await symlink(b.path, join(media, 'Numbers', '2 two.mkv'));
  const server = new ServerProcess({ args: ['--media', media] });
  const url = await server.url();
  const [channel = ''] = await channelsOf(url);
  const { pictures } = await assertPlays(page, url, channel, 'files');

  const whole = { x: 0, y: 0, width: 320, height: 180 };
  const codes = pictures.map((picture) => readCode(picture, 320, whole));
  const known = codes.filter((code) => code !== null);
  assert.ok(known.length > codes.length * 0.9, `${known.length} of ${codes.length} codes readable`);
  // Ten seconds of programmes of five and four seconds: both are seen, and only forwards.
  assert.equal([...new Set(known.map((code) => code.programme))].sort(), [1, 2]);
  for (const [index, code] of known.entries()) {
    const before = known[index - 1];
    if (before === undefined || before.programme !== code.programme) continue;
    assert.ok(code.number > before.number, `frame ${code.number} after ${before.number}`);
  }
});

const films = realClips().filter((clip) => FILMS.test(basename(clip)));
const testFilms = films.length === 0 ? test.skip : test;
testFilms('plays a channel of real clips', async ({ page, folder }) => {
  const media = join(folder, 'clips');
  await mkdir(join(media, 'Films'), { recursive: true });
  for (const film of films) await symlink(film, join(media, 'Films', basename(film)));
  const server = new ServerProcess({ args: ['--media', media] });
  const url = await server.url();
  const [channel = ''] = await channelsOf(url);
  await assertPlays(page, url, channel, 'clips');
});

test.run();
