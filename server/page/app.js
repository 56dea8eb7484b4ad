// The page: knows the channels, which of them is tuned to, and which view is open.

import { channelInAddress, nameChannel, openView, viewInAddress, watch } from './address.js';
import { fetchJson, REFUSED_MS } from './api.js';
import { clockOf, element, instance, reconcile, setText, timeOf } from './dom.js';
import * as engine from './engine.js';
import * as guide from './guide.js';
import { typeNumber } from './number-keys.js';
import {
  tune as playChannel,
  refuse,
  show,
  showTrouble,
  toggleFullscreen,
  togglePause,
  toggleSound,
  tunedTo,
} from './player.js';

const REFRESH_MS = 10_000;
/** At least, also when every programme is shorter. */
const SOONEST_MS = 2_000;
const VIEWS = { guide, engine };

/**
 * The channels as the server lists them, the view that is open, when a server that refuses is asked again, and when it was
 * asked last.
 */
const state = { channels: [], view: 'watch', notBefore: 0, asked: 0 };

const channelById = (id) => state.channels.find((channel) => channel.id === id);

function tune(id) {
  const channel = channelById(id);
  if (!channel) return;
  if (tunedTo() !== id) playChannel(channel);
  for (const link of [element('to-watch'), element('back')]) link.href = `#${id}`;
  if (state.view === 'watch') document.title = `${channel.name} · Headend`;
  render();
}

// --- Views ------------------------------------------------------------------------------------------

function open(view) {
  if (view === state.view) return;
  VIEWS[state.view]?.close();
  state.view = view;
  document.body.dataset.view = view;
  element('channel-strip').hidden = view !== 'watch';
  for (const [name, { heading }] of Object.entries(VIEWS)) {
    element(name).hidden = name !== view;
    if (name === view) document.title = `${heading} · Headend`;
  }
  for (const link of document.querySelectorAll('.views a')) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  VIEWS[view]?.open(state.channels);
}

/** Does what the address says. */
function follow() {
  open(viewInAddress(Object.keys(VIEWS)));
  if (state.channels.length === 0) return;
  const id = channelInAddress();
  if (channelById(id)) tune(id);
  // Who only looks at a view is no viewer.
  else if (!channelById(tunedTo()) && (state.view === 'watch' || tunedTo())) {
    tune(state.channels[0].id);
  }
  if (state.view === 'watch' && id !== tunedTo()) nameChannel(tunedTo());
}

// --- The channels and what is on --------------------------------------------------------------------

async function refresh() {
  if (Date.now() < state.notBefore) return;
  state.asked = Date.now();
  try {
    ({ channels: state.channels } = await fetchJson('channels'));
  } catch ({ status }) {
    if (status === 401) {
      state.notBefore = Date.now() + REFUSED_MS;
      document.body.toggleAttribute('data-empty', state.channels.length === 0);
      refuse();
    } else if (state.channels.length === 0) show('retrying', 'Connection lost, retrying…');
    return;
  }
  document.body.toggleAttribute('data-empty', state.channels.length === 0);
  if (state.channels.length === 0) show('failed', 'No channel is on the air.');
  else if (!tunedTo()) show('idle');
  if (channelById(tunedTo())?.state === 'error') showTrouble();
  follow();
  render();
  VIEWS[state.view]?.update(state.channels);
}

function render() {
  const now = Date.now();
  reconcile(element('channels'), state.channels, {
    key: ({ id }) => id,
    make: ({ id }) => {
      const item = instance('channel-item');
      item.querySelector('button').addEventListener('click', () => watch(id));
      return item;
    },
    update: (item, channel) => {
      const on = onAir(channel, now);
      item.querySelector('button').setAttribute('aria-current', String(channel.id === tunedTo()));
      setText(item.querySelector('.number'), channel.number);
      setText(item.querySelector('.name'), channel.name);
      setText(item.querySelector('.now'), on.title);
      item.querySelector('progress').value = part(on, now);
    },
  });
  const channel = channelById(tunedTo());
  if (!channel) return;
  const on = onAir(channel, now);
  setText(element('channel'), channel.name);
  setText(element('title'), on.title);
  setText(element('starts'), timeOf(on.startsAt));
  setText(element('ends'), timeOf(on.endsAt));
  const next =
    on === channel.now
      ? `Next at ${timeOf(channel.next.startsAt)}: ${isolated(channel.next.title)}`
      : '';
  setText(element('next'), next);
  element('progress').value = part(on, now);
}

// As <bdi> does: a title's writing direction does not turn the words around it.
const isolated = (text) => `\u2068${text}\u2069`;

// Between two refreshes the next programme may have begun.
function onAir({ now, next }, instant) {
  return instant < Date.parse(now.endsAt) ? now : next;
}

function part({ startsAt, endsAt }, instant) {
  const start = Date.parse(startsAt);
  return Math.min(1, Math.max(0, (instant - start) / (Date.parse(endsAt) - start)));
}

/** Whether something is over that is shown: of the channel that is tuned to now, of the others now and next. */
function isBehind(instant) {
  return state.channels.some(({ id, now, next }) => {
    const { endsAt } = id === tunedTo() ? now : next;
    return Date.parse(endsAt) <= instant;
  });
}

function zap(step) {
  const index = state.channels.findIndex(({ id }) => id === tunedTo());
  const count = state.channels.length;
  if (count > 0) watch(state.channels[(index + step + count) % count].id);
}

const isArrow = (key) => /^Arrow(?:Up|Down|Left|Right)$/.test(key);

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target instanceof HTMLSelectElement || document.querySelector('dialog[open]')) return;
  // Space presses the button that has the focus, and scrolls the other views.
  const isFree = !event.target.closest('a, button');
  const watching = state.view === 'watch';
  if (watching && ['ArrowDown', 'ArrowRight'].includes(event.key)) zap(1);
  else if (watching && ['ArrowUp', 'ArrowLeft'].includes(event.key)) zap(-1);
  else if (state.view === 'guide' && event.target === document.body && isArrow(event.key))
    guide.enterGrid();
  else if (event.key === 'k' || (event.key === ' ' && watching && isFree)) togglePause();
  else if (event.key === 'm') toggleSound();
  else if (event.key === 'f') toggleFullscreen();
  else if (event.key === 'w') watch(tunedTo());
  else if (event.key === 'g') openView('guide');
  else if (event.key === 'e') openView('engine');
  else if (!typeNumber(event.key, state.channels)) return;
  event.preventDefault();
});

addEventListener('hashchange', follow);

setInterval(() => {
  setText(element('clock'), clockOf(Date.now()));
  render();
  const wait = isBehind(Date.now()) ? SOONEST_MS : REFRESH_MS;
  if (Date.now() - state.asked >= wait) refresh();
}, 1_000);
setText(element('clock'), clockOf(Date.now()));
document.querySelector('.views a').setAttribute('aria-current', 'page');
follow();
refresh();
