// The watch page: tunes to a channel, shows what is on, and tells the viewer what it is waiting for.

/* global Hls */

const REFRESH_MS = 10_000;
const RETRY_MS = 2_000;

const element = (id) => document.getElementById(id);
const video = element('video');
const screen = element('screen');
const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** What the page knows: the channels as the server lists them, and the one that is tuned to. */
const state = { channels: [], id: '', hls: null, retry: 0 };

/** For tests and for the curious. */
window.headendPlayer = {
  video,
  get hls() {
    return state.hls;
  },
  get channel() {
    return state.id;
  },
};

// --- The player -------------------------------------------------------------------------------------

function tune(id) {
  const channel = state.channels.find((item) => item.id === id);
  if (!channel) return;
  state.id = id;
  history.replaceState(null, '', `#${id}`);
  document.title = `${channel.name} · Headend`;
  show('starting', `${channel.name} is starting…`);
  render();
  play(`channels/${encodeURIComponent(id)}/index.m3u8`);
}

function play(url) {
  clearTimeout(state.retry);
  state.hls?.destroy();
  state.hls = null;
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
  state.hls = hls;
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
  clearTimeout(state.retry);
  state.retry = setTimeout(() => play(url), RETRY_MS);
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

function show(name, text = '') {
  screen.dataset.state = name;
  element('notice').textContent = text;
}

function renderSound() {
  const { muted } = video;
  element('mute').setAttribute('aria-pressed', String(muted));
  element('unmute').hidden = !muted || screen.dataset.state !== 'playing';
}

function toggleSound() {
  video.muted = !video.muted;
}

function toggleFullscreen() {
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
  if (!state.hls && state.id) retry(video.currentSrc);
});
element('mute').addEventListener('click', toggleSound);
element('unmute').addEventListener('click', toggleSound);
element('fullscreen').addEventListener('click', toggleFullscreen);
element('rendition').addEventListener('change', (event) => {
  if (state.hls) state.hls.nextLevel = Number(event.target.value);
});

// --- The channels and what is on --------------------------------------------------------------------

async function refresh() {
  try {
    const response = await fetch('channels', { signal: AbortSignal.timeout(8_000) });
    if (!response.ok) throw new Error(`${response.status}`);
    ({ channels: state.channels } = await response.json());
  } catch {
    if (state.channels.length === 0) show('retrying', 'Connection lost, retrying…');
    return;
  }
  listChannels();
  if (state.channels.length === 0) show('failed', 'No channel is on the air.');
  else if (!state.channels.some(({ id }) => id === state.id)) tune(wanted());
  render();
}

// An id needs no escapes, but people and other programs write them.
function idInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function wanted() {
  const id = idInAddress();
  return state.channels.some((channel) => channel.id === id) ? id : state.channels[0].id;
}

/** One button per channel; existing buttons stay, so that the focus does. */
function listChannels() {
  const list = element('channels');
  const ids = state.channels.map(({ id }) => id);
  if ([...list.children].map((item) => item.dataset.id).join('\n') === ids.join('\n')) return;
  const items = state.channels.map(({ id, name }, index) => {
    const item = element('channel-item').content.firstElementChild.cloneNode(true);
    item.dataset.id = id;
    item.querySelector('.number').textContent = `${index + 1}`;
    item.querySelector('.name').textContent = name;
    item.querySelector('button').addEventListener('click', () => tune(id));
    return item;
  });
  list.replaceChildren(...items);
}

function render() {
  const now = Date.now();
  for (const item of element('channels').children) {
    const channel = state.channels.find(({ id }) => id === item.dataset.id);
    if (!channel) continue;
    item.querySelector('button').setAttribute('aria-current', String(channel.id === state.id));
    const on = onAir(channel, now);
    item.querySelector('.now').textContent = on.title;
    item.querySelector('progress').value = part(on, now);
  }
  const channel = state.channels.find(({ id }) => id === state.id);
  if (!channel) return;
  const on = onAir(channel, now);
  setText('channel', channel.name);
  setText('title', on.title);
  setText('starts', timeFormat.format(new Date(on.startsAt)));
  setText('ends', timeFormat.format(new Date(on.endsAt)));
  setText(
    'next',
    on === channel.now
      ? `Next at ${timeFormat.format(new Date(channel.next.startsAt))}: ${channel.next.title}`
      : '',
  );
  element('progress').value = part(on, now);
}

// Between two refreshes the next programme may have begun.
function onAir({ now, next }, instant) {
  return instant < Date.parse(now.endsAt) ? now : next;
}

function part({ startsAt, endsAt }, instant) {
  const start = Date.parse(startsAt);
  return Math.min(1, Math.max(0, (instant - start) / (Date.parse(endsAt) - start)));
}

// Screen readers announce what changes; writing the same text again would be a change.
function setText(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

function zap(step) {
  const index = state.channels.findIndex(({ id }) => id === state.id);
  const count = state.channels.length;
  if (count > 0) tune(state.channels[(index + step + count) % count].id);
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement)
    return;
  const number = Number(event.key);
  if (event.key === 'ArrowDown' || event.key === 'ArrowRight') zap(1);
  else if (event.key === 'ArrowUp' || event.key === 'ArrowLeft') zap(-1);
  else if (event.key === 'm') toggleSound();
  else if (event.key === 'f') toggleFullscreen();
  else if (number >= 1 && number <= state.channels.length) tune(state.channels[number - 1].id);
  else return;
  event.preventDefault();
});

addEventListener('hashchange', () => {
  if (state.channels.length > 0 && wanted() !== state.id) tune(wanted());
});

setInterval(() => {
  setText('clock', clockFormat.format(new Date()));
  render();
}, 1_000);
setInterval(refresh, REFRESH_MS);
element('clock').textContent = clockFormat.format(new Date());
refresh();
