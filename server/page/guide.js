// The guide: a row per channel, its programmes laid out by time, and a line that is now.

import { watch } from './address.js';
import { fetchJson } from './api.js';
import { element, instance, reconcile, setText, timeOf } from './dom.js';

export const heading = 'Guide';

const MINUTE_MS = 60_000;
const HALF_HOUR_MS = 30 * MINUTE_MS;
/** What is shown at once, and how far Earlier and Later go. */
const SPAN_MS = 3 * 60 * MINUTE_MS;
const PIXELS_PER_MINUTE = 11;
/** Programmes in a row that are too narrow to read are shown as one. */
const READABLE_PX = 34;

const state = {
  channels: [],
  // What is known of channels: the programmes from `from` until `until`.
  rows: new Map(),
  // Ids of the channels whose rows are on the screen or near it, and of those that are being asked for.
  inView: new Set(),
  loading: new Set(),
  from: 0,
  following: true,
  timer: 0,
  focus: null,
};

const pixels = (ms) => (ms / MINUTE_MS) * PIXELS_PER_MINUTE;
const halfHour = (instant) => Math.floor(instant / HALF_HOUR_MS) * HALF_HOUR_MS;

export function open(channels) {
  state.channels = channels;
  state.following = true;
  state.timer = setInterval(drawLine, 1_000);
  go(Date.now());
}

export function close() {
  clearInterval(state.timer);
}

export function update(channels) {
  state.channels = channels;
  for (const id of state.rows.keys()) {
    if (!channels.some((channel) => channel.id === id)) state.rows.delete(id);
  }
  if (state.following && halfHour(Date.now()) !== state.from) go(Date.now());
  else draw();
}

function go(instant) {
  state.from = halfHour(instant);
  drawTimes();
  draw();
}

function draw() {
  drawRows();
  drawLine();
  keepOneTabStop();
  for (const channel of state.channels) {
    if (state.inView.has(channel.id) && !isKnown(channel)) load(channel);
  }
}

/** Whether a channel's programmes in the window are known, and agree with what the server says of now and next. */
function isKnown({ id, now, next }) {
  const row = state.rows.get(id);
  if (row?.from !== state.from) return false;
  const to = state.from + SPAN_MS;
  return [
    [now, to],
    [next, row.until],
  ].every(([{ title, startsAt, endsAt }, end]) => {
    if (Date.parse(endsAt) <= state.from || Date.parse(startsAt) >= end) return true;
    return row.programmes.some((known) => known.startsAt === startsAt && known.title === title);
  });
}

async function load({ id }) {
  const { from } = state;
  if (state.loading.has(id)) return;
  state.loading.add(id);
  const range = `from=${new Date(from).toISOString()}&to=${new Date(from + SPAN_MS).toISOString()}`;
  try {
    const { entries, until } = await fetchJson(`channels/${encodeURIComponent(id)}/guide?${range}`);
    state.rows.set(id, { from, until: Date.parse(until), programmes: entries });
  } catch {
    // What was known stays while the server is away; the next update asks again.
    return;
  } finally {
    state.loading.delete(id);
  }
  drawRows();
  drawLine();
  keepOneTabStop();
  // Meanwhile another time may have been gone to.
  if (from !== state.from) draw();
}

const watcher = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting) state.inView.add(target.dataset.key);
      else state.inView.delete(target.dataset.key);
    }
    draw();
  },
  { rootMargin: '200px' },
);

function drawTimes() {
  const times = [];
  for (let at = state.from; at < state.from + SPAN_MS; at += HALF_HOUR_MS) times.push(at);
  reconcile(element('guide-times'), times, {
    key: (at) => at,
    make: () => document.createElement('li'),
    update: (item, at) => {
      setText(item, timeOf(at));
      item.style.left = `${pixels(at - state.from)}px`;
    },
  });
  element('guide-scroll').style.setProperty('--span', `${pixels(SPAN_MS)}px`);
}

function drawLine() {
  const now = Date.now();
  const line = element('guide-line');
  line.hidden = now < state.from || now >= state.from + SPAN_MS;
  line.style.setProperty('--at', `${pixels(now - state.from)}px`);
  for (const button of document.querySelectorAll('.guide-programmes button')) {
    const on = Number(button.dataset.start) <= now && now < Number(button.dataset.end);
    button.classList.toggle('on-air', on);
  }
}

function drawRows() {
  reconcile(element('guide-rows'), state.channels, {
    key: ({ id }) => id,
    make: ({ id }) => {
      const row = instance('guide-row');
      row.querySelector('.guide-channel').addEventListener('click', () => watch(id));
      watcher.observe(row);
      return row;
    },
    update: (row, channel) => {
      const name = row.querySelector('.guide-channel');
      setText(name, channel.name);
      name.title = `Watch ${channel.name}`;
      reconcile(row.querySelector('ol'), blocks(channel), {
        key: ({ key }) => key,
        make: () => programmeItem(),
        update: drawBlock,
      });
    },
  });
}

/** The programmes of a channel as blocks in the window; short ones that follow each other are one block. */
function blocks({ id, name }) {
  const { programmes = [] } = state.rows.get(id) ?? {};
  const found = [];
  for (const programme of programmes) {
    const start = Math.max(Date.parse(programme.startsAt), state.from);
    const end = Math.min(Date.parse(programme.endsAt), state.from + SPAN_MS);
    if (end <= start) continue;
    const last = found.at(-1);
    const narrow = pixels(end - start) < READABLE_PX;
    if (narrow && last?.narrow && pixels(end - last.start) < 4 * READABLE_PX) {
      last.programmes.push(programme);
      last.end = end;
    } else {
      const channel = { id, name };
      found.push({ key: start, channel, start, end, narrow, programmes: [programme] });
    }
  }
  return found;
}

function programmeItem() {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.append(document.createElement('span'), document.createElement('small'));
  button.firstElementChild.dir = 'auto';
  button.addEventListener('click', () => showDetails(item.block));
  button.addEventListener('keydown', moveFocus);
  button.addEventListener('focus', () => {
    state.focus = button;
    keepOneTabStop();
  });
  item.append(button);
  return item;
}

function drawBlock(item, block) {
  item.block = block;
  const { start, end, programmes } = block;
  const [first] = programmes;
  const button = item.firstElementChild;
  const [title, time] = button.children;
  item.style.left = `${pixels(start - state.from)}px`;
  item.style.width = `${pixels(end - start)}px`;
  button.dataset.start = start;
  button.dataset.end = end;
  setText(title, programmes.length > 1 ? `${programmes.length} programmes` : titleOf(first));
  setText(time, timeOf(first.startsAt));
}

const titleOf = ({ title, kind }) => title || (kind === 'slate' ? 'Nothing scheduled' : 'Untitled');

function showDetails({ channel, programmes }) {
  const now = Date.now();
  const on = programmes.find(({ startsAt, endsAt }) => {
    return Date.parse(startsAt) <= now && now < Date.parse(endsAt);
  });
  const programme = on ?? programmes[0];
  const dialog = element('programme');
  setText(element('programme-channel'), channel.name);
  setText(element('programme-title'), titleOf(programme));
  const span = `${timeOf(programme.startsAt)}–${timeOf(programme.endsAt)}`;
  setText(element('programme-time'), on ? `${span}, on now` : span);
  const list = programmes.length > 1 ? programmes.map(titleOf).join(', ') : '';
  setText(element('programme-description'), programme.description ?? list);
  dialog.returnValue = '';
  dialog.onclose = () => {
    if (dialog.returnValue === 'watch') watch(channel.id);
  };
  dialog.showModal();
}

// --- By keyboard: one tab stop in the grid, arrow keys within it ----------------------------------------

function keepOneTabStop() {
  const buttons = [...document.querySelectorAll('.guide-programmes button')];
  const stop = buttons.includes(state.focus)
    ? state.focus
    : (buttons.find((button) => button.classList.contains('on-air')) ?? buttons[0]);
  for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
}

/** Goes to where the arrow keys move from. */
export function enterGrid() {
  document.querySelector('.guide-programmes [tabindex="0"]')?.focus();
}

function moveFocus(event) {
  const item = event.target.closest('li');
  const row = event.target.closest('.guide-row');
  const target = {
    ArrowLeft: () => item.previousElementSibling,
    ArrowRight: () => item.nextElementSibling,
    ArrowUp: () => itemAt(row.previousElementSibling, item.block.start),
    ArrowDown: () => itemAt(row.nextElementSibling, item.block.start),
  }[event.key];
  if (!target) return;
  event.preventDefault();
  target()?.querySelector('button').focus();
}

function itemAt(row, instant) {
  const items = [...(row?.querySelectorAll('li') ?? [])];
  return items.find(({ block }) => block.end > instant) ?? items.at(-1);
}

for (const [id, step] of [
  ['guide-earlier', -SPAN_MS / 2],
  ['guide-later', SPAN_MS / 2],
]) {
  element(id).addEventListener('click', () => {
    state.following = false;
    go(state.from + step);
  });
}
element('guide-now').addEventListener('click', () => {
  state.following = true;
  go(Date.now());
});
