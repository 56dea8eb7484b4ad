// deadline: 240 s
// live
// The guide and the engine view in a real browser: reachable by keyboard, true to what the server says, and the
// picture goes on beside them. The segments are not real where no picture is needed.
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import { Headend } from '../../lib/headend.js';
import type { HttpOptions } from '../../lib/http/options.js';
import { signViewing } from '../../lib/http/signature.js';
import type { ChannelOptions } from '../../lib/options.js';
import { at, loop } from '../../lib/timeline/schedule.js';
import { createServer } from '../../server/server.js';
import { FakeEngine } from '../stream/fake-engine.js';
import { openBrowser, tune } from '../support/browser.js';
import { channelsOf, ServerProcess, stopServers, until } from '../support/serve.js';

const OUTPUT = fileURLToPath(new URL('../output/', import.meta.url));
const PHONE = { width: 390, height: 844 };
/** Their addresses, and what is there once they are filled. */
const VIEWS = [
  ['one', '.channels button'],
  ['/guide', '.guide-row'],
  ['/engine', '.lane'],
] as const;
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Context {
  browser: Browser;
  page: Page;
  complaints: string[];
}

const test = suite<Context>('views');

test.before(async (context) => {
  await mkdir(OUTPUT, { recursive: true });
  context.browser = await openBrowser();
});

test.after(async ({ browser }) => {
  await browser.close();
  await stopServers();
});

test.before.each(async (context) => {
  context.page = await context.browser.newPage({ viewport: { width: 1280, height: 800 } });
  context.complaints = [];
  context.page.on('pageerror', (error) => context.complaints.push(String(error)));
});

test.after.each(async ({ page, complaints }) => {
  await page.close();
  assert.equal(complaints, []);
});

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();

interface ServeOptions {
  readonly http?: HttpOptions;
  readonly channels?: readonly Pick<ChannelOptions, 'id' | 'name' | 'number'>[];
  /** Of each programme, in seconds. */
  readonly duration?: number;
}

const CHANNELS = [
  { id: 'one', name: 'Channel One' },
  { id: 'two', name: 'Channel Two' },
];

/** A server whose channels air `a`, `b` and `c`, for ten minutes each from a whole hour on. */
async function serve(
  engine: FakeEngine,
  { http = {}, channels = CHANNELS, duration = 600 }: ServeOptions = {},
) {
  const headend = await Headend.create({ http }, { engine, clock: systemClock });
  for (const channel of channels) {
    await headend.channels.add({
      ...channel,
      schedule: loop(['a', 'b', 'c'].map((title) => ({ source: '/x.mp4', duration, title }))),
      ladder: [{ height: 720, bitrate: 2_000_000 }],
    });
  }
  const server = await createServer(headend);
  const url = await server.listen({ port: 0, host: 'localhost' });
  return {
    url,
    headend,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await headend.close();
    },
  };
}

test('the guide names what is on and what follows, and is walked with the arrow keys', async ({
  page,
}) => {
  await using server = await serve(new FakeEngine(systemClock, 1));
  await page.goto(server.url);
  await page.keyboard.press('g');
  await page.locator('.guide-programmes button.on-air').nth(1).waitFor();
  assert.equal(await texts(page, '.guide-channel'), ['Channel One', 'Channel Two']);
  const { now, next } = server.headend.channels.get('one').nowNext();
  const row = page.locator('.guide-row').first();
  assert.equal(await texts(page, '.guide-row:first-child .on-air span'), [now.title]);

  const on = row.locator('.on-air');
  assert.is(await on.getAttribute('tabindex'), '0');
  assert.is(await page.locator('.guide-programmes [tabindex="0"]').count(), 1);
  await page.keyboard.press('ArrowRight');
  assert.is(await page.locator(':focus span').textContent(), now.title);
  await page.keyboard.press('ArrowRight');
  assert.is(await page.locator(':focus span').textContent(), next.title);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.is(await page.locator('#programme-title').textContent(), now.title);
  assert.is(await page.locator('#programme-channel').textContent(), 'Channel Two');
  await page.locator('#programme-watch').click();
  await until('the channel', async () =>
    (await page.evaluate('headendPlayer.channel')) === 'two' ? true : null,
  );
  assert.is(await page.evaluate('document.body.dataset.view'), 'watch');
});

test('the guide asks for what is on the screen, and again only when that is over or changed', async ({
  page,
}) => {
  const channels = Array.from({ length: 60 }, (_, n) => ({ id: `c${n}`, name: `Channel ${n}` }));
  await using server = await serve(new FakeEngine(systemClock, 1), { channels });
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().includes('/guide?')) asked++;
  });
  const halfHour = 30 * 60_000;
  const time = Math.floor(Date.now() / halfHour) * halfHour + halfHour / 4;
  await page.clock.install({ time });
  await page.goto(`${server.url}/#/guide`);
  const rows = page.locator('.guide-row');
  await rows.nth(5).locator('button.on-air').waitFor();
  assert.is(await rows.count(), 60);
  assert.ok(asked < 30, `${asked} requests`);
  const before = asked;
  await page.clock.runFor(60_000);
  assert.is(asked, before);

  await rows.last().scrollIntoViewIfNeeded();
  await rows.last().locator('button.on-air').waitFor();
  assert.ok(asked < 60, `${asked} requests`);

  await page.evaluate('scrollTo(0, 0)');
  const schedule = loop([{ source: '/x.mp4', duration: 1800, title: 'another' }]);
  await server.headend.channels.put({ id: 'c0', name: 'Channel 0', schedule });
  await page.clock.runFor(20_000);
  await rows.first().getByText('another').first().waitFor();

  const during = asked;
  await page.clock.runFor(halfHour);
  await until('the next half hour', async () => (asked > during + 5 ? true : null));
});

test('the page asks what is on once that is over, and no more often than it must', async ({
  page,
}) => {
  await using server = await serve(new FakeEngine(systemClock, 1), { duration: 2 });
  const asked: number[] = [];
  page.on('request', (request) => {
    if (request.url() === `${server.url}/channels`) asked.push(performance.now());
  });
  await page.goto(server.url);
  await until('four questions', async () => asked.length >= 4 || null, 9_900);
  const waits = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  assert.ok(Math.min(...waits) > 1_500, waits.join(' '));
});

test('of two channels with one name the guide opens the one that was chosen', async ({ page }) => {
  const channels = ['first', 'second'].map((id) => ({ id, name: 'News' }));
  await using server = await serve(new FakeEngine(systemClock, 1), { channels });
  await page.goto(`${server.url}/#/guide`);
  await page.locator('.guide-row').nth(1).locator('.on-air').click();
  await page.locator('#programme-watch').click();
  await until('the channel', async () =>
    (await page.evaluate('headendPlayer.channel')) === 'second' ? true : null,
  );
});

test('the engine view shows segments, a viewer, and what went wrong', async ({ page }) => {
  const engine = new FakeEngine(systemClock, 20);
  await using server = await serve(engine);
  await page.goto(`${server.url}/#/engine`);
  await page.locator('.lane').nth(1).waitFor();
  const channel = server.headend.channels.get('two');
  await channel.segment('720p', channel.status().onAir.segmentNumber, { sessionId: 'viewer' });
  const lane = page.locator('.lane[data-key="two"]');
  await lane.locator('.cell.made').nth(2).waitFor();
  await lane.locator('circle.viewer').waitFor();
  assert.is(await lane.locator('.state').textContent(), 'On the air');
  assert.match((await lane.locator('.numbers').textContent()) ?? '', /^1 viewer · \d+ s ahead/);
  assert.match((await lane.locator('.strip').getAttribute('aria-label')) ?? '', /making 720p/);

  engine.fails = () => true;
  await server.headend.channels.get('one').register('other');
  const broken = page.locator('.lane[data-key="one"]');
  await broken.locator('.trouble').waitFor();
  assert.is(await broken.locator('.state').textContent(), 'In trouble');
  assert.match((await texts(page, '.faults li')).join(), /one: .*ENCODE_FAILED/);

  server.headend.reportLowDisk(300 * 2 ** 20, 'nearly full');
  engine.segmentMsOf.set('one', 3900);
  engine.fails = () => false;
  await page.getByText(/: the disk of the segments is nearly full, 300 MiB are free$/).waitFor();
  await page.getByText(/ one: takes 0\.9\d s to make a second of itself$/).waitFor();
});

test('channels are chosen by their numbers, of several digits too', async ({ page }) => {
  const channels = ['3', '12', '1', '5.1'].map((number) => ({
    id: `no-${number.replace('.', '-')}`,
    number,
  }));
  await using server = await serve(new FakeEngine(systemClock, 20), { channels });
  await page.goto(`${server.url}/#no-3`);
  await page.locator('#channels button').nth(3).waitFor();
  assert.equal(await texts(page, '.number'), ['3', '12', '1', '5.1']);
  const type = async (keys: string, id: string) => {
    for (const key of keys) await page.keyboard.press(key);
    await until(id, async () =>
      (await page.evaluate('headendPlayer.channel')) === id ? true : null,
    );
  };
  await type('12', 'no-12');
  await type('1', 'no-1');
  await type('3', 'no-3');
  await type('5.1', 'no-5-1');
  await page.keyboard.press('1');
  assert.is(await page.locator('#typed').textContent(), '1');
  await type('3', 'no-3');
});

test('who opens the page at the guide or the engine is no viewer until they watch', async ({
  page,
}) => {
  await using server = await serve(new FakeEngine(systemClock, 20));
  const viewers = () => server.headend.channels.list().map((channel) => channel.viewers);
  for (const view of ['guide', 'engine']) {
    await page.goto('about:blank');
    await page.goto(`${server.url}/#/${view}`);
    await page.locator('.guide-row, .lane').locator('visible=true').nth(1).waitFor();
    assert.is(await page.evaluate('headendPlayer.channel'), '');
    assert.is(await page.locator('#screen').isVisible(), false);
    assert.equal(viewers(), [0, 0], view);
  }
  await page.keyboard.press('w');
  await until('a viewer', async () => (viewers()[0] === 1 ? true : null));
  await page.keyboard.press('e');
  await page.locator('#screen').waitFor();
  assert.is(await page.evaluate('headendPlayer.channel'), 'one');
});

test('the engine view names the encoder, and software once that has failed', async ({ page }) => {
  const engine = Object.assign(new FakeEngine(systemClock, 20), { encoder: 'nvenc', device: true });
  await using server = await serve(engine);
  await page.goto(`${server.url}/#/engine`);
  const numbers = (id: string) => page.locator(`.lane[data-key="${id}"] .numbers`);
  await server.headend.channels.get('one').register('viewer');
  await numbers('one').getByText('encoder nvenc · decodes on the device').waitFor();

  engine.breaksAt = server.headend.channels.get('two').status().onAir.segmentNumber + 2;
  await server.headend.channels.get('two').register('viewer');
  await numbers('two')
    .getByText(/encoder software$/)
    .waitFor();
});

test('a channel that is refused says why', async ({ page }) => {
  await using server = await serve(new FakeEngine(systemClock, 1));
  const first = { source: '/x.mp4', duration: 600, startsAt: '2100-01-01T00:00:00Z' };
  await server.headend.channels.add({ id: 'later', schedule: at([first], { outside: 'error' }) });
  await page.goto(`${server.url}/#later`);
  await page.getByText('This channel has not begun yet').waitFor();
});

test('with a signing secret the page carries the signature of its address on to everything', async ({
  page,
}) => {
  const http = { signingSecret: 's'.repeat(32), adminToken: 'a'.repeat(32) };
  await using server = await serve(new FakeEngine(systemClock, 20), { http });
  const answers: string[] = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    answers.push(`${response.status()} ${pathname.replace(/\d+-.*/, 'segment')}`);
  });
  const expiresAt = new Date(Date.now() + 3600_000);
  await page.goto(`${server.url}/?${signViewing(http.signingSecret, { expiresAt })}#two`);
  await until('a segment', async () =>
    answers.includes('200 /channels/two/720p/segment') ? true : null,
  );
  await page.keyboard.press('g');
  await page.locator('.guide-programmes .on-air').nth(1).waitFor();
  await page.keyboard.press('e');
  await page.locator('#engine-live').getByText('Live').waitFor();
  await page.goto('about:blank');
  const { channels } = server.headend;
  await until('the viewer to have left', async () =>
    channels.get('two').viewers === 0 ? true : null,
  );
  assert.equal(
    answers.filter((answer) => /^[45]/.test(answer)),
    [],
  );
});

test('without a link that is good the page says so, and does not ask on and on', async ({
  page,
}) => {
  const http = { signingSecret: 's'.repeat(32), adminToken: 'a'.repeat(32) };
  await using server = await serve(new FakeEngine(systemClock, 20), { http });
  let refused = 0;
  page.on('response', (response) => {
    if (response.status() === 401) refused++;
  });
  await page.clock.install();
  await page.goto(`${server.url}/#one`);
  await page.getByText('This server asks for a signed link').waitFor();
  assert.is(await page.locator('#channel-strip').isVisible(), false);
  await page.clock.runFor(40_000);
  assert.is(refused, 1);
  await page.screenshot({ path: join(OUTPUT, 'refused.png') });

  const expiresAt = new Date(Date.now() - 1000);
  await page.goto(`${server.url}/?${signViewing(http.signingSecret, { expiresAt })}#one`);
  await page.getByText('This link is not valid here').waitFor();
});

test('the engine view connects again after an answer that is none, as of a proxy whose server restarts', async ({
  page,
}) => {
  await using server = await serve(new FakeEngine(systemClock, 20));
  let asked = 0;
  let isAway = true;
  await page.route('**/events', (route) => {
    asked++;
    return isAway ? route.fulfill({ status: 502 }) : route.continue();
  });
  await page.goto(`${server.url}/#/engine`);
  const live = page.locator('#engine-live');
  await live.getByText('Reconnecting…').waitFor();
  await until('another try', async () => (asked > 1 ? true : null));
  isAway = false;
  await page.locator('.lane').first().waitFor();
  assert.is(await live.textContent(), 'Live');

  await page.clock.install();
  isAway = true;
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await live.getByText('Reconnecting…').waitFor();
  await page.keyboard.press('g');
  const before = asked;
  await page.clock.runFor(10_000);
  assert.is(asked, before);
});

test('on a phone nothing is wider than the screen but the guide, which scrolls', async ({
  page,
}) => {
  await using server = await serve(new FakeEngine(systemClock, 1));
  await page.setViewportSize(PHONE);
  for (const [view, item] of VIEWS) {
    await page.goto(`${server.url}/#${view}`);
    await page.locator(item).first().waitFor();
    const width = await page.evaluate('document.documentElement.scrollWidth');
    assert.is(width, PHONE.width, `${view}`);
  }
});

test('axe finds nothing against its rules in any view, light or dark, on a desktop or a phone', async ({
  page,
}) => {
  const engine = new FakeEngine(systemClock, 20);
  await using server = await serve(engine);
  const channel = server.headend.channels.get('two');
  await channel.segment('720p', channel.status().onAir.segmentNumber, { sessionId: 'viewer' });
  const found = new Set<string>();
  for (const viewport of [{ width: 1280, height: 800 }, PHONE]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [view, item] of VIEWS) {
        await page.goto('about:blank');
        await page.goto(`${server.url}/#${view}`);
        await page.locator(item).first().waitFor();
        for (const problem of await axe(page)) found.add(`${view} ${colorScheme}: ${problem}`);
      }
    }
  }
  assert.equal([...found], []);
});

/** What axe-core finds against the rules of WCAG and of good practice, and where. */
async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`),
  );
}

test('the picture goes on in a corner while the engine is looked at', async ({ page }) => {
  const server = new ServerProcess();
  const url = await server.url();
  const [channel = ''] = await channelsOf(url);
  await tune(page, url, channel);
  await page.keyboard.press('e');
  await page.locator('.cell.made').first().waitFor();
  const before = Number(await page.evaluate('headendPlayer.video.currentTime'));
  await until('the picture to go on', async () => {
    const time = Number(await page.evaluate('headendPlayer.video.currentTime'));
    return time > before + 2 ? time : null;
  });
  await page.screenshot({ path: join(OUTPUT, 'engine.png') });
  await page.locator('#back').click();
  await page.locator('body[data-view="watch"]').waitFor();
  assert.is(await page.evaluate('headendPlayer.channel'), channel);
  await assertPauses(page);
});

/** By space, k and the button; going on shows what is on air. */
async function assertPauses(page: Page): Promise<void> {
  const becomes = (paused: boolean) =>
    until(`paused: ${paused}`, async () =>
      (await page.evaluate('headendPlayer.video.paused')) === paused ? true : null,
    );
  await page.locator('body').press(' ');
  await becomes(true);
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  assert.is(await page.locator('#live').textContent(), 'Paused');
  await page.screenshot({ path: join(OUTPUT, 'paused.png') });
  await page.locator('body').press('k');
  await becomes(false);
  const button = page.getByRole('button', { name: 'Pause', exact: true });
  await button.focus();
  // It is pressed by space, not pressed and undone at once.
  await page.keyboard.press(' ');
  await becomes(true);
  // Another button that has the focus is pressed, too.
  const isMuted = 'headendPlayer.video.muted';
  const muted = await page.evaluate(isMuted);
  await page.locator('#mute').press(' ');
  assert.is(await page.evaluate(isMuted), !muted);
  assert.is(await page.evaluate('headendPlayer.video.paused'), true);
  await page.getByRole('button', { name: 'Play', exact: true }).focus();
  // hls.js looks at its own latency only now and then while nothing plays.
  const behind = 'Date.now() - headendPlayer.hls.playingDate.getTime()';
  const behindMs = async () => Number(await page.evaluate(behind));
  const before = await behindMs();
  await until('a picture far behind', async () => (await behindMs()) > before + 10_000 || null);
  await page.keyboard.press(' ');
  await becomes(false);
  await until('what is on air', async () => (await behindMs()) < before + 4000 || null);
  assert.is(await page.locator('#live').textContent(), 'Live');
}

test.run();
