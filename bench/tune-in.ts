// Tunes a real player in to a channel that nobody watches, against one ffmpeg that makes HLS on disk when it is asked for.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Rung } from '../lib/engine/engine.js';
import { createHeadend, loop } from '../lib/index.js';
import { openBrowser } from '../test/support/browser.js';
import { words } from '../test/support/process.js';
import { type Bench, figure, ratio } from './harness/bench.js';
import { FILM, FPS, LADDER, prepareFilm, SEGMENT_SECONDS } from './harness/channel.js';

const HLS_JS = createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js');
/** In the film's middle: the file must be sought. */
const IN_POINT = 4 * SEGMENT_SECONDS;
const RUNG = requireRung(720);
const POLL_MS = 10;

function requireRung(height: number): Rung {
  const rung = LADDER.find((candidate) => candidate.height === height);
  if (rung === undefined) throw new RangeError(`the ladder has no rung of ${height} lines`);
  return rung;
}

/**
 * Runs in the page: milliseconds from asking for the multivariant playlist to what the player gets first. The player is set
 * as docs/hls.md recommends, for us and for the peer.
 */
const TUNE_IN = `async (url) => {
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true;
  const hls = new Hls({ autoStartLoad: false, testBandwidth: false, progressive: true });
  hls.config.fLoader = class extends hls.config.loader {
    load(context, config, callbacks) {
      super.load(context, { ...config, highWaterMark: 0 }, callbacks);
    }
  };
  const figures = {};
  await new Promise((resolve) => {
    hls.on(Hls.Events.MEDIA_ATTACHED, resolve);
    hls.attachMedia(video);
  });
  const asked = performance.now();
  const note = (name, at = performance.now()) => { figures[name] ??= at - asked; };
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    note('multivariantPlaylistMs');
    hls.startLevel = hls.firstLevel;
    hls.startLoad();
    video.play();
  });
  hls.on(Hls.Events.LEVEL_LOADED, () => note('mediaPlaylistMs'));
  const segment = new Promise((resolve) => hls.on(Hls.Events.FRAG_LOADED, (_, { frag }) => {
    if (frag.type !== 'main' || frag.sn === 'initSegment') return;
    note('firstMediaByteMs', frag.stats.loading.first);
    note('firstSegmentMs');
    resolve();
  }));
  const frame = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  const failure = new Promise((_, reject) => hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
    if (fatal) reject(new Error(details));
  }));
  hls.loadSource(url);
  await Promise.race([frame, failure]);
  note('firstFrameMs');
  await Promise.race([segment, failure]);
  hls.destroy();
  return figures;
}`;

async function tuneIn(browser: Browser, url: string): Promise<Record<string, number>> {
  const page = await browser.newPage();
  // Any document of the server's own origin will do; this one starts nothing.
  await page.goto(new URL('/nothing', url).href);
  await page.addScriptTag({ path: HLS_JS });
  return page.evaluate<Record<string, number>>(`(${TUNE_IN})(${JSON.stringify(url)})`);
}

/** The film is known to the library, as it is on a server that was started some time ago. */
async function ours(browser: Browser): Promise<Record<string, number>> {
  await using headend = await createHeadend({ hardware: 'software' });
  await headend.channels.add({
    ...{ id: 'bench', frameRate: FPS, segmentDuration: SEGMENT_SECONDS },
    ladder: [{ height: RUNG.height, bitrate: RUNG.bitrate }],
    epoch: new Date(Date.now() - (IN_POINT + 1) * 1000),
    schedule: loop([{ source: FILM }]),
  });
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  return await tuneIn(browser, `${url}/channels/bench/index.m3u8`);
}

/** ffmpeg is spawned by the first request, which waits for the playlist, as all do for files that are not there yet. */
async function peer(browser: Browser, pace: readonly string[]): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-bench-'));
  let child: ChildProcess | null = null;
  const server = createServer(async ({ url = '' }, response) => {
    if (!/\.(m3u8|mp4|m4s)$/.test(url)) {
      response.writeHead(404).end('nothing');
      return;
    }
    child ??= startFfmpeg(folder, pace);
    const path = join(folder, basename(url));
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    response.end(await readFile(path));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    return await tuneIn(browser, `http://127.0.0.1:${port}/index.m3u8`);
  } finally {
    await stop(child);
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  }
}

function startFfmpeg(folder: string, pace: readonly string[]): ChildProcess {
  return spawn(
    'ffmpeg',
    [
      ...['-nostdin', '-v', 'error', ...pace, '-ss', String(IN_POINT), '-i', FILM],
      ...words(`-vf scale=${RUNG.width}:${RUNG.height} -c:v libx264 -preset ${RUNG.preset}`),
      ...words(`-b:v ${RUNG.bitrate} -maxrate ${RUNG.maxrate} -bufsize ${RUNG.bufsize}`),
      ...words(`-g ${2 * FPS} -keyint_min ${2 * FPS} -sc_threshold 0 -c:a aac -b:a 128k`),
      ...words(`-f hls -hls_time ${SEGMENT_SECONDS} -hls_list_size 10 -hls_segment_type fmp4`),
      ...words('-master_pl_name index.m3u8 -hls_flags delete_segments+temp_file'),
      join(folder, 'media.m3u8'),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

async function stop(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

const STEPS = [
  ['multivariant playlist', 'multivariantPlaylistMs'],
  ['media playlist', 'mediaPlaylistMs'],
  ['first bytes of media', 'firstMediaByteMs'],
  ['first segment', 'firstSegmentMs'],
  ['first picture', 'firstFrameMs'],
] as const;

export const bench: Bench = {
  title: 'Tune-in',
  about:
    'Milliseconds from the request for the multivariant playlist of a channel that nobody watches to what hls.js in ' +
    'Chromium gets, in the middle of a 1080p film, one 720p rung, segments of 4 s. Against a server of files whose first ' +
    "request starts the system's ffmpeg, and where a request waits for its file: once as fast as it can, which is how it " +
    'starts earliest but is not live, and once with `-re`. Goal: the first picture in 0.35 of the time.',
  variants: ['headend', 'ffmpeg', 'ffmpeg -re'],
  async prepare() {
    await prepareFilm();
  },
  async trial(variant) {
    const browser = await openBrowser();
    try {
      if (variant === 'headend') return await ours(browser);
      return await peer(browser, variant === 'ffmpeg -re' ? ['-re'] : []);
    } finally {
      await browser.close();
    }
  },
  rows: (rounds) =>
    STEPS.map(([name, key]) => ({
      'ms until': name,
      ffmpeg: figure(rounds, 'ffmpeg', key),
      'ffmpeg -re': figure(rounds, 'ffmpeg -re', key),
      headend: figure(rounds, 'headend', key),
      ratio: ratio(rounds, 'headend', key, 'ffmpeg'),
    })),
};
