// Watches the watch page in the system's Chromium and notes how playback goes. Runs headless and without
// the browser's own traffic.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { until } from './serve.js';

/** What was seen of the player while watching. */
export interface Watched {
  /** Every 250 ms: milliseconds since the start, and the video's currentTime in seconds. */
  readonly samples: readonly { readonly at: number; readonly time: number }[];
  /** `waiting` events since playback began. */
  readonly waits: number;
  /** What hls.js complained about since the page was opened, fatal or not. */
  readonly errors: readonly string[];
  /** Pictures 320x180 as luma, one about every second. */
  readonly pictures: readonly Uint8Array[];
  readonly width: number;
  readonly height: number;
  /** Seconds behind the end of the playlist, in the end. */
  readonly latency: number;
  /** Pictures that were decoded too late to be shown, since the page was opened. */
  readonly dropped: number;
}

const WATCHER = new URL('./page-watcher.js', import.meta.url);

/** Starts Chromium: CHROME_PATH, else Debian's. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROME_PATH ?? '/usr/bin/chromium';
  if (!existsSync(executablePath))
    throw new Error(`no Chromium at ${executablePath}; set CHROME_PATH`);
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update'],
      ...['--autoplay-policy=no-user-gesture-required', '--mute-audio'],
    ],
  });
}

/** Opens the page at a channel and waits until it plays. */
export async function tune(page: Page, url: string, channel: string): Promise<void> {
  await page.goto(`${url}/#${channel}`);
  await untilTrue(page, `window.headendPlayer?.channel === '${channel}' && !!headendPlayer.hls`);
  await page.evaluate(await readFile(WATCHER, 'utf8'));
  await page.evaluate('headendWatcher.listen()');
  await untilPlays(page, channel);
}

/** Waits until the page shows moving pictures of the channel. */
export async function untilPlays(page: Page, channel: string): Promise<void> {
  await untilTrue(page, `headendWatcher.plays('${channel}')`);
}

/** Playwright's own waiting evaluates strings in the page, which the page's content policy forbids. */
async function untilTrue(page: Page, expression: string): Promise<void> {
  await until(expression, async () => ((await page.evaluate(expression)) === true ? true : null));
}

/** Watches for so many seconds. */
export async function watch(page: Page, seconds: number): Promise<Watched> {
  const watched = await page.evaluate<
    Omit<Watched, 'pictures'> & { readonly pictures: readonly string[] }
  >(`headendWatcher.watch(${seconds})`);
  return { ...watched, pictures: watched.pictures.map((text) => Buffer.from(text, 'base64')) };
}

/** The longest time in milliseconds during which currentTime did not advance. */
export function longestStall({ samples }: Watched): number {
  let longest = 0;
  let moved = 0;
  for (const [index, sample] of samples.entries()) {
    if (index === 0 || sample.time > (samples[index - 1]?.time ?? 0)) moved = sample.at;
    longest = Math.max(longest, sample.at - moved);
  }
  return longest;
}
