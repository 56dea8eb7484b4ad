// The player: plays one channel with hls.js or with what the browser brings, and says what it is waiting for.

/* global Hls */

import { element } from './dom.js';

const RETRY_MS = 2_000;

const video = element('video');
const screen = element('screen');
const playing = { id: '', hls: null, retry: 0 };

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
  play(`channels/${encodeURIComponent(id)}/index.m3u8`);
}

/** Says why there is nothing to see: `starting`, `retrying`, `failed`; or `playing`. */
export function show(name, text = '') {
  screen.dataset.state = name;
  element('notice').textContent = text;
}

function play(url) {
  clearTimeout(playing.retry);
  playing.hls?.destroy();
  playing.hls = null;
  element('picture').hidden = true;
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

function playWithHls(url) {
  // The server makes the first variant while the playlist is on its way: begin with that one.
  const hls = new Hls({
    autoStartLoad: false,
    capLevelToPlayerSize: true,
    testBandwidth: false,
    abrEwmaDefaultEstimate: 8e6,
    backBufferLength: 30,
  });
  playing.hls = hls;
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    hls.startLevel = hls.firstLevel;
    hls.startLoad();
    listRenditions(hls);
    start();
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, () => listRenditions(hls));
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    if (screen.dataset.state === 'retrying') show('starting', 'Back again…');
  });
  hls.on(Hls.Events.ERROR, (_event, error) => {
    if (!error.fatal) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else retry(url);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
}

function retry(url) {
  show('retrying', 'Connection lost, retrying…');
  clearTimeout(playing.retry);
  playing.retry = setTimeout(() => play(url), RETRY_MS);
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

export function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (screen.requestFullscreen) screen.requestFullscreen();
  else video.webkitEnterFullscreen?.();
}

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
  if (!playing.hls && playing.id) retry(video.currentSrc);
});
element('mute').addEventListener('click', toggleSound);
element('unmute').addEventListener('click', toggleSound);
element('fullscreen').addEventListener('click', toggleFullscreen);
element('rendition').addEventListener('change', (event) => {
  if (playing.hls) playing.hls.nextLevel = Number(event.target.value);
});
