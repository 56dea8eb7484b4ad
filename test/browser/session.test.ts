// deadline: 600 s
// live
// A viewer's evening in a real browser, in CMAF and in MPEG-TS, in short (five minutes each with `--soak`): hls.js plays
// through programmes, changes rungs again and again, is paused, and the tab falls asleep for longer than the playlist lasts.
//
// Claimed: nothing stalls and hls.js has nothing to complain about. Asserted while watching: no `waiting` event,
// currentTime never stands still for a second, every picture is one of the schedule and later than the one before; to
// the end it is the same player, without a single error but {@link BENIGN}. How fast currentTime goes is printed and only bounded widely:
// a machine that encodes, decodes and checks all at once on two cores is late with its sound now and then.
import type { Browser, CDPSession, Page, Request } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Container } from '../../lib/hls/container.js';
import { createHeadend, type Headend, loop } from '../../lib/index.js';
import { createServer, type Server } from '../../server/server.js';
import { type FrameCode, readCode } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { longestStall, openBrowser, tune, type Watched, watch } from '../support/browser.js';
import { until } from '../support/serve.js';
import { soak } from '../support/soak.js';

/** Cheap enough for a busy machine with two cores to make, decode and check. */
const HEIGHTS = [360, 180];
const WHOLE = { x: 0, y: 0, width: 320, height: 180 };
/** hls.js says so when it gives up a request of its own because another rung was chosen. */
const BENIGN = 'networkError aborted';

const SEGMENT_SECONDS = 2;
/** Behind the end of the playlist: the page's limit, and the segment that it plays meanwhile. */
const MOST_LATENCY_SEGMENTS = 8;

/** Long enough to see both programmes. */
const ROUND_SECONDS = 9;

/** What happens in a session: rounds of changing rungs, then lengths in seconds. */
const PLAN =
  soak > 1
    ? { rounds: 20, afterPause: 30, asleep: 60, awake: 30 }
    : { rounds: 1, afterPause: 4, asleep: 14, awake: 4 };

const test = suite<{ browser: Browser }>('a session in the browser');

test.before(async (context) => {
  context.browser = await openBrowser();
});

test.after(async ({ browser }) => {
  await browser.close();
});

/** A server with one channel of two programmes of 4.8 s and 3.2 s, and its address. */
async function serve(headend: Headend, container: Container): Promise<[Server, string]> {
  const a = await makeFixture({ programme: 1, frames: 120 });
  const b = await makeFixture({ programme: 2, frames: 80, sampleRate: 44_100, channels: 1 });
  await headend.channels.add({
    ...{ id: 'test', frameRate: 25, segmentDuration: SEGMENT_SECONDS, container },
    ladder: HEIGHTS.map((height) => ({ height, bitrate: height * 2000 })),
    schedule: loop([{ source: a.path }, { source: b.path }]),
  });
  const server = await createServer(headend);
  return [server, await server.listen({ port: 0, host: '127.0.0.1' })];
}

async function untilTrue(page: Page, what: string, expression: string): Promise<void> {
  await until(what, async () => ((await page.evaluate(expression)) === true ? true : null));
}

function assertSmooth(watched: Watched, part: string): FrameCode[] {
  const { samples, waits, pictures, latency, dropped } = watched;
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was sampled');
  const advance = (last.time - first.time) / ((last.at - first.at) / 1000);
  const stall = longestStall(watched);
  console.log(
    `${part}: advance ${advance.toFixed(3)}, ${waits} waits, longest stand ${Math.round(stall)} ms, ` +
      `${latency.toFixed(1)} s behind the end, ${dropped} pictures dropped so far`,
  );
  const trace = samples.map(({ at, time }) => `${Math.round(at)}:${time.toFixed(2)}`).join(' ');
  assert.is(waits, 0, `${part} waited: ${trace}`);
  assert.ok(stall < 1000, `${part} stood still: ${trace}`);
  assert.ok(advance > 0.8, `${part} advanced by ${advance} of the clock: ${trace}`);

  const codes = pictures.map((picture) => readCode(picture, 320, WHOLE));
  const known = codes.filter((code) => code !== null);
  assert.ok(known.length > codes.length * 0.9, `${known.length} of ${codes.length} codes readable`);
  for (const [index, code] of known.entries()) {
    const before = known[index - 1];
    if (before?.programme !== code.programme) continue;
    assert.ok(code.number >= before.number, `${code.number} after ${before.number}`);
  }
  return known;
}

/** Watches, and has another rung shown as soon as the last choice is seen. */
async function watchSwitching(page: Page, seconds: number): Promise<[Watched, number]> {
  let done = false;
  let switches = 0;
  const watching = watch(page, seconds).finally(() => {
    done = true;
  });
  while (!done) {
    const height = HEIGHTS[(switches + 1) % HEIGHTS.length] ?? 0;
    await page.evaluate(
      `headendPlayer.hls.nextLevel = headendPlayer.hls.levels.findIndex((level) => level.height === ${height})`,
    );
    await untilTrue(
      page,
      `pictures ${height} lines high`,
      `headendPlayer.video.videoHeight === ${height}`,
    );
    switches += 1;
  }
  return [await watching, switches];
}

async function pause(page: Page): Promise<void> {
  await page.evaluate('headendPlayer.video.pause()');
  const end = performance.now() + 5000;
  await until('the end of the pause', async () => (performance.now() > end ? true : null));
  await page.evaluate('headendPlayer.video.play()');
  await untilOnAir(page);
}

/** Waits until the page plays what is on now, whatever held it up. */
async function untilOnAir(page: Page): Promise<void> {
  const limit = MOST_LATENCY_SEGMENTS * SEGMENT_SECONDS;
  await untilTrue(page, 'what is on now', `headendPlayer.hls.latency < ${limit}`);
  await untilTrue(page, 'a picture', `headendWatcher.plays('test')`);
}

/** As a browser does with a tab in the background to save power: no timer, no task, no playback. */
async function sleep(page: Page, seconds: number): Promise<void> {
  const devtools: CDPSession = await page.context().newCDPSession(page);
  const time = await page.evaluate<number>('headendPlayer.video.currentTime');
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  const end = performance.now() + seconds * 1000;
  await until('the end of the sleep', async () => (performance.now() > end ? true : null), 120_000);
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  await untilTrue(
    page,
    'a picture after the sleep',
    `headendPlayer.video.currentTime > ${time + seconds / 2}`,
  );
  await untilOnAir(page);
}

/** Notes what the page asks for and gets; prints it when what is done with it fails. */
async function withRequests(page: Page, act: () => Promise<void>): Promise<void> {
  const begin = performance.now();
  const requests: string[] = [];
  const note = (request: Request, outcome: string) =>
    requests.push(`${Math.round(performance.now() - begin)} ms ${outcome} ${request.url()}`);
  page.on('request', (request) => note(request, 'asks'));
  page.on('requestfinished', (request) => note(request, 'got'));
  page.on('requestfailed', (request) => note(request, request.failure()?.errorText ?? 'failed'));
  try {
    await act();
  } catch (error) {
    console.log(requests.slice(-100).join('\n'));
    throw error;
  }
}

async function watchSession(page: Page, url: string): Promise<void> {
  await tune(page, url, 'test');
  await page.evaluate('{ window.firstPlayer = headendPlayer.hls }');

  for (let round = 0; round < PLAN.rounds; round += 1) {
    const [switching, switches] = await watchSwitching(page, ROUND_SECONDS);
    const seen = assertSmooth(switching, `${switches} switches`);
    assert.equal([...new Set(seen.map(({ programme }) => programme))].sort(), [1, 2]);
    assert.ok(switches >= 2, `${switches} switches`);
  }

  await pause(page);
  assertSmooth(await watch(page, PLAN.afterPause), 'after a pause');
  await sleep(page, PLAN.asleep);
  assertSmooth(await watch(page, PLAN.awake), 'after a sleep');
  await untilOnAir(page);
  const { errors } = await watch(page, 0.5);
  assert.ok(await page.evaluate('window.firstPlayer === headendPlayer.hls'), 'another player');
  assert.equal(
    errors.filter((error) => error !== BENIGN),
    [],
  );
}

async function playSession(browser: Browser, container: Container): Promise<void> {
  await using headend = await createHeadend({ hardware: 'software', playlistSegments: 6 });
  const faults: unknown[] = [];
  headend.on('fault', (fault) => faults.push(fault));
  const [server, url] = await serve(headend, container);
  await using _server = server;
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await withRequests(page, () => watchSession(page, url));
  assert.equal(faults, []);
  const { viewers } = headend.channels.get('test').status();
  assert.is(viewers.length, 1);
  await page.goto('about:blank');
  await until('the viewer to be gone', async () =>
    headend.channels.get('test').status().viewers.length === 0 ? true : null,
  );
  await page.close();
}

for (const container of ['fmp4', 'ts'] as const) {
  test(`${container}: rungs up and down, a pause, and a tab that sleeps`, ({ browser }) =>
    playSession(browser, container));
}

test.run();
