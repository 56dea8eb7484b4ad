// The player: plays one channel with hls.js or with what the browser brings, and says what it is waiting for.

/* global Hls */

import { addressOf, REFUSED } from './api.js';
import { element, setText } from './dom.js';

const RETRY_MS = 2_000;
/** Durations of the segment that is loaded. */
const SHORT_BUFFER_COUNT = 2;
/** Target durations. */
const MOST_LATENCY_COUNT = 7;
const TROUBLE = 'This channel is in trouble. Trying again…';

const video = element('video');
const screen = element('screen');
const playing = { id: '', url: '', hls: null, retry: 0 };

/** For tests and for the curious. */
window.headendPlayer = {
  video,
  get hls() {
    return playing.hls;
  },
  get channel() {
    return playing.id;
  },
};

/** Id of the channel that is tuned to, empty before the first. */
export const tunedTo = () => playing.id;

/** Plays a channel from what is on now. */
export function tune({ id, name }) {
  playing.id = id;
  show('starting', `${name} is starting…`);
  play(addressOf(`channels/${encodeURIComponent(id)}/index.m3u8`));
}

/** Says why there is nothing to see: `starting`, `retrying`, `failed`; or `playing`. */
export function show(name, text = '') {
  screen.dataset.state = name;
  element('notice').textContent = text;
  renderPause();
}

/** Says that a channel that does not play yet is in trouble. */
export function showTrouble() {
  if (screen.dataset.state === 'starting') show('retrying', TROUBLE);
}

/** Says that the server does not let this page watch, and asks for nothing any more; the next `tune` tries again. */
export function refuse() {
  stop();
  playing.id = '';
  show('failed', REFUSED);
}

function stop() {
  clearTimeout(playing.retry);
  leave();
  playing.hls?.destroy();
  Object.assign(playing, { url: '', hls: null });
  element('picture').hidden = true;
}

function play(url) {
  stop();
  playing.url = url;
  if (window.Hls?.isSupported()) {
    playWithHls(url);
  } else if (video.canPlayType('application/vnd.apple.mpegurl')) {
    video.src = url;
    start();
  } else {
    show(
      'failed',
      'This browser cannot play live video. Try a current Chrome, Firefox, Edge or Safari.',
    );
  }
}

/** Tells the server that this viewer has gone; it would find out by itself only after a while. */
function leave() {
  const [address = ''] = playing.hls?.levels[0]?.url ?? [];
  const [, channel, session] = /^(.*)\/[^/]+\/[^/?]+\?.*\bsession=([\w-]+)/.exec(address) ?? [];
  if (!session) return;
  fetch(addressOf(`${channel}/sessions/${session}`), { method: 'DELETE', keepalive: true }).catch(
    () => {},
  );
}

function playWithHls(url) {
  // The server makes the first variant while the playlist is on its way: begin with that one.
  const hls = new Hls({
    autoStartLoad: false,
    capLevelToPlayerSize: true,
    testBandwidth: false,
    abrEwmaDefaultEstimate: 8e6,
    backBufferLength: 30,
    progressive: true,
    // Without a limit hls.js stays as far behind as a pause or a sleep has put it.
    liveSyncDurationCount: 3,
    liveMaxLatencyDurationCount: MOST_LATENCY_COUNT,
  });
  hls.config.fLoader = loaderInPieces(hls);
  playing.hls = hls;
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    hls.startLevel = hls.firstLevel;
    hls.startLoad();
    listRenditions(hls);
    start();
  });
  hls.on(Hls.Events.BUFFER_APPENDED, beginWithFirstPicture);
  hls.on(Hls.Events.LEVEL_SWITCHED, () => listRenditions(hls));
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    if (screen.dataset.state === 'retrying') show('starting', 'Back again…');
  });
  hls.on(Hls.Events.ERROR, (_event, error) => {
    if (error.response?.code === 401) refuse();
    if (!error.fatal || playing.hls !== hls) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else retry(url, error.networkDetails);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
}

/**
 * hls.js counts from the first decoding time, which is a few frames before the first picture. It goes there itself, but
 * may first take the difference for a hole in what was loaded.
 */
function beginWithFirstPicture() {
  const { buffered, currentTime } = video;
  if (buffered.length === 0) return;
  playing.hls.off(Hls.Events.BUFFER_APPENDED, beginWithFirstPicture);
  if (currentTime < buffered.start(0)) video.currentTime = buffered.start(0);
}

/**
 * While little is buffered, what there is of a segment is shown before the rest of it is made: the server sends fragments
 * as they come. hls.js alone collects 128 KiB first, which for sound is more than a segment.
 */
function loaderInPieces(hls) {
  return class extends hls.config.loader {
    load(context, config, callbacks) {
      const { buffered, currentTime } = video;
      const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime;
      const isShort = end - currentTime < SHORT_BUFFER_COUNT * (context.frag?.duration ?? 0);
      const highWaterMark = isShort ? 0 : Number.POSITIVE_INFINITY;
      super.load(context, { ...config, highWaterMark }, callbacks);
    }
  };
}

/** Goes on with what is on now: a pause of live television ends there. */
function rejoin() {
  const { hls } = playing;
  limitLatency(MOST_LATENCY_COUNT);
  const limit = 2 * hls?.latestLevelDetails?.targetduration;
  // Not hls.latency, which is as old as the pause.
  if (hls?.liveSyncPosition - video.currentTime > limit) video.currentTime = hls.liveSyncPosition;
}

function limitLatency(count) {
  if (playing.hls) playing.hls.config.liveMaxLatencyDurationCount = count;
}

function retry(url, response) {
  clearTimeout(playing.retry);
  playing.retry = setTimeout(() => play(url), RETRY_MS);
  sayWhy(url, response);
}

/** What the server's error codes mean to a viewer. */
const REASONS = {
  CAPACITY_EXCEEDED: 'The server is busy with other channels. Waiting for a place…',
  CHANNEL_NOT_FOUND: 'This channel is no longer on the air.',
  SCHEDULE_NOT_STARTED: 'This channel has not begun yet. Waiting…',
  SCHEDULE_ENDED: 'This channel has ended.',
};

async function sayWhy(url, response) {
  let text = 'Connection lost, retrying…';
  if (response?.status) {
    const problem = await response.json?.().catch(() => null);
    text = REASONS[problem?.code] ?? TROUBLE;
  }
  if (url === playing.url) show('retrying', text);
}

async function start() {
  try {
    await video.play();
  } catch (error) {
    // Without a gesture browsers play only without sound. Any other refusal (AbortError: another
    // channel was chosen meanwhile) has nothing to do with it.
    if (error.name === 'NotAllowedError' && !video.muted) {
      video.muted = true;
      await video.play().catch(() => {});
    }
  }
}

function listRenditions(hls) {
  const select = element('rendition');
  const height = hls.levels[hls.currentLevel]?.height;
  const options = [new Option(height && hls.autoLevelEnabled ? `Auto (${height}p)` : 'Auto', '-1')];
  for (const [index, level] of hls.levels.entries())
    options.push(new Option(`${level.height}p`, `${index}`));
  select.replaceChildren(...options);
  select.value = hls.autoLevelEnabled ? '-1' : `${hls.loadLevel}`;
  element('picture').hidden = hls.levels.length < 2;
}

function renderSound() {
  const { muted } = video;
  element('mute').setAttribute('aria-pressed', String(muted));
  element('unmute').hidden = !muted || screen.dataset.state !== 'playing';
}

export function toggleSound() {
  video.muted = !video.muted;
}

/** Holds the picture; going on shows what is on air then. */
export function togglePause() {
  if (!video.paused) video.pause();
  else if (playing.url) start();
}

function renderPause() {
  const { paused } = video;
  screen.toggleAttribute('data-paused', paused && screen.dataset.state === 'playing');
  const isHeld = screen.hasAttribute('data-paused');
  setText(element('pause-label'), isHeld ? 'Play' : 'Pause');
  element('pause').title = `${isHeld ? 'Play' : 'Pause'} (space, k)`;
  setText(element('live'), isHeld ? 'Paused' : 'Live');
}

export function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (screen.requestFullscreen) screen.requestFullscreen();
  else video.webkitEnterFullscreen?.();
}

window.addEventListener('pagehide', leave);
video.addEventListener('play', rejoin);
// The picture of a pause stands still.
video.addEventListener('pause', () => {
  limitLatency(Number.POSITIVE_INFINITY);
  // A picture that was waited for is not any more; who goes on waits again.
  if (screen.dataset.state === 'starting' && video.readyState > 0) show('playing');
});
for (const event of ['play', 'pause']) video.addEventListener(event, renderPause);
video.addEventListener('playing', () => {
  show('playing');
  renderSound();
});
video.addEventListener('waiting', () => {
  if (screen.dataset.state === 'playing') show('starting', 'One moment…');
});
video.addEventListener('volumechange', renderSound);
video.addEventListener('error', () => {
  // hls.js reports and mends its own errors.
  if (!playing.hls && playing.id) retry(playing.url);
});
element('mute').addEventListener('click', toggleSound);
element('unmute').addEventListener('click', toggleSound);
element('pause').addEventListener('click', togglePause);
element('fullscreen').addEventListener('click', toggleFullscreen);
element('rendition').addEventListener('change', (event) => {
  if (playing.hls) playing.hls.nextLevel = Number(event.target.value);
});
