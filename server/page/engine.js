// The engine view: for every channel, what is made of which rendition and how far ahead of now, where its
// viewers are, and what went wrong. Told by the server as it happens (server-sent events).

import { addressOf, fetchJson, REFUSED, REFUSED_MS } from './api.js';
import { clockOf, element, instance, reconcile, setText } from './dom.js';

export const heading = 'Engine';

const SVG = 'http://www.w3.org/2000/svg';
const CELL = 34;
const ROW = 15;
const TOP = 20;
/** Segments that are shown before the one on air. */
const PAST = 5;
const FAULTS = 20;
const RECONNECT_MS = 3_000;

const STATES = {
  idle: 'Nobody watches',
  starting: 'Starting',
  active: 'On the air',
  stopping: 'Stopping',
  error: 'In trouble',
};

const still = matchMedia('(prefers-reduced-motion: reduce)');
const state = { source: null, retry: 0, frame: 0, status: null, skewMs: 0, faults: [] };

export function open() {
  setText(element('engine-live'), 'Connecting…');
  connect();
  drawFaults();
  if (!still.matches) state.frame = requestAnimationFrame(move);
}

function connect() {
  const source = new EventSource(addressOf('events'));
  state.source = source;
  source.addEventListener('open', () => setText(element('engine-live'), 'Live'));
  source.addEventListener('error', () => {
    setText(element('engine-live'), 'Reconnecting…');
    // After an answer that is no stream of events, as a proxy's 502, the browser does not try again.
    if (source.readyState === EventSource.CLOSED) reconnect(source);
  });
  source.addEventListener('status', ({ data }) => draw(JSON.parse(data)));
  source.addEventListener('fault', ({ data }) => noteFault(JSON.parse(data), faultText));
  source.addEventListener('warning', ({ data }) => noteFault(JSON.parse(data), warningText));
}

/** Connects again after a while, longer when the server refuses this page, which events do not tell. */
async function reconnect(source) {
  const { status } = await fetchJson('channels').catch((error) => error);
  if (state.source !== source) return;
  if (status === 401) setText(element('engine-live'), REFUSED);
  state.retry = setTimeout(connect, status === 401 ? REFUSED_MS : RECONNECT_MS);
}

export function close() {
  clearTimeout(state.retry);
  state.source.close();
  state.source = null;
  cancelAnimationFrame(state.frame);
}

export function update() {}

function draw(status) {
  state.status = status;
  state.skewMs = Date.parse(status.at) - Date.now();
  drawFigures(status);
  reconcile(element('lanes'), status.channels, {
    key: ({ id }) => id,
    make: () => instance('lane'),
    update: drawLane,
  });
  place();
}

// --- Figures over all channels -----------------------------------------------------------------------

function drawFigures({ channels, work, store }) {
  const viewers = channels.reduce((sum, { positions }) => sum + positions.length, 0);
  const watched = channels.filter((channel) => channel.state !== 'idle').length;
  const figures = [
    ['Viewers', `${viewers}`],
    ['Channels being made', `${watched} of ${channels.length}`],
    ['Segments at work', `${work.inWork} of ${work.slots}`],
    ['Waiting for a turn', `${work.waiting}`],
    ['Load', `${Math.round(100 * work.load)} %`],
    ['Segments in memory', megabytes(store.bytes, store.maxBytes)],
  ];
  reconcile(element('engine-figures'), figures, {
    key: ([name]) => name,
    make: () => {
      const item = document.createElement('div');
      item.append(document.createElement('dt'), document.createElement('dd'));
      return item;
    },
    update: (item, [name, value]) => {
      setText(item.children[0], name);
      setText(item.children[1], value);
    },
  });
}

const megabytes = (bytes, of) =>
  `${Math.round(bytes / 2 ** 20)} of ${Math.round(of / 2 ** 20)} MiB`;

// --- A channel's lane ---------------------------------------------------------------------------------

function drawLane(lane, channel) {
  lane.dataset.state = channel.state;
  setText(lane.querySelector('h2'), channel.name);
  setText(lane.querySelector('.state'), STATES[channel.state]);
  setText(lane.querySelector('.numbers'), numbers(channel));
  const trouble = lane.querySelector('.trouble');
  trouble.hidden = !channel.lastFault;
  setText(trouble, channel.lastFault ? faultText(channel.lastFault) : '');
  drawStrip(lane.querySelector('svg'), channel);
}

function numbers(channel) {
  const { positions, runwaySeconds, generationRatio, batch, encoder, onDevice } = channel;
  return [
    positions.length === 1 ? '1 viewer' : `${positions.length} viewers`,
    runwaySeconds === null ? '' : `${runwaySeconds.toFixed(0)} s ahead`,
    generationRatio === null ? '' : `${(1 / generationRatio).toFixed(1)}× real time`,
    batch ? `batch ${batch.batchNumber}` : '',
    encoder === null ? '' : `encoder ${encoder}`,
    onDevice ? 'decodes on the device' : '',
  ]
    .filter(Boolean)
    .join(' · ');
}

function drawStrip(svg, channel) {
  const { renditions, onAir, window: listed, batch, positions } = channel;
  const rows = renditions.map(({ id }) => id);
  const first = onAir.segmentNumber - PAST - 1;
  const count = Math.ceil((svg.clientWidth || 900) / CELL) + 2;
  svg.style.height = `${TOP + rows.length * ROW + 8}px`;
  svg.setAttribute('aria-label', describe(channel));

  const shapes = [];
  for (const [row, { id, made, inWork }] of renditions.entries()) {
    for (let n = first; n < first + count; n++) {
      const kind = has(made, n) ? 'made' : n === inWork ? 'making' : 'none';
      shapes.push({ key: `${id}/${n}`, n, row, kind });
    }
  }
  if (batch) shapes.push({ key: 'batch', batch });
  if (listed) shapes.push({ key: 'listed', listed, rows: rows.length });
  for (const { key, rendition, segmentNumber } of seats(positions, rows)) {
    shapes.push({ key, viewer: segmentNumber, row: rows.indexOf(rendition) });
  }
  reconcile(svg.querySelector('.track'), shapes, {
    key: ({ key }) => key,
    make: ({ viewer }) => document.createElementNS(SVG, viewer === undefined ? 'rect' : 'circle'),
    // Segment numbers are large, and SVG's coordinates have seven digits: count from the one on air.
    update: (node, shape) => drawShape(node, shape, onAir.segmentNumber),
  });
  reconcile(svg.querySelector('.labels'), renditions, {
    key: ({ id }) => id,
    make: () => document.createElementNS(SVG, 'text'),
    update: (label, { id, inDemand }) => {
      label.setAttribute('y', TOP + rows.indexOf(id) * ROW + 10);
      label.classList.toggle('in-demand', inDemand);
      setText(label, id);
    },
  });
  const line = svg.querySelector('.now');
  line.setAttribute('x1', PAST * CELL);
  line.setAttribute('x2', PAST * CELL);
}

/** Viewers who are at the same segment of the same rendition sit beside each other. */
function seats(positions, rows) {
  const taken = new Map();
  return positions
    .filter(({ rendition, segmentNumber }) => segmentNumber !== null && rows.includes(rendition))
    .map(({ rendition, segmentNumber }) => {
      const place = `${rendition}/${segmentNumber}`;
      const seat = taken.get(place) ?? 0;
      taken.set(place, seat + 1);
      const step = Math.min(seat, 3) / 4;
      return { key: `viewer/${place}/${seat}`, rendition, segmentNumber: segmentNumber + step };
    });
}

const has = (ranges, n) => ranges.some(({ from, to }) => from <= n && n <= to);

function drawShape(node, { n, row, kind, batch, listed, rows, viewer }, origin) {
  const rect = (x, y, width, height) => {
    for (const [name, value] of Object.entries({ x, y, width, height }))
      node.setAttribute(name, value);
  };
  if (viewer !== undefined) {
    node.setAttribute('class', 'viewer');
    node.setAttribute('cx', (viewer - origin) * CELL + 8);
    node.setAttribute('cy', TOP + row * ROW + 6);
    node.setAttribute('r', 4);
  } else if (batch) {
    const { startSegment, endSegment } = batch;
    node.setAttribute('class', batch.isComplete ? 'batch' : 'batch open');
    rect((startSegment - origin) * CELL, 9, (endSegment - startSegment + 1) * CELL - 3, 4);
  } else if (listed) {
    const width = (listed.to - listed.from + 1) * CELL - 1;
    node.setAttribute('class', 'listed');
    rect((listed.from - origin) * CELL - 1, TOP - 4, width, rows * ROW + 5);
  } else {
    node.setAttribute('class', `cell ${kind}`);
    rect((n - origin) * CELL, TOP + row * ROW, CELL - 3, ROW - 4);
  }
}

function describe({ name, positions, runwaySeconds, renditions }) {
  const making = renditions.filter(({ inDemand }) => inDemand).map(({ id }) => id);
  const ahead = runwaySeconds === null ? '' : `, ${runwaySeconds.toFixed(0)} seconds ahead of now`;
  return `${name}: ${positions.length} viewers, making ${making.join(', ') || 'nothing'}${ahead}`;
}

// --- Time goes on ----------------------------------------------------------------------------------------

function move() {
  place();
  state.frame = requestAnimationFrame(move);
}

/** Shifts every lane so that the instant now is under the line. */
function place() {
  const { status, skewMs } = state;
  if (!status) return;
  const now = Date.now() + skewMs;
  for (const { id, onAir, segmentDuration } of status.channels) {
    const track = document.querySelector(`.lane[data-key="${CSS.escape(id)}"] .track`);
    const since = (now - Date.parse(onAir.startsAt)) / 1000 / segmentDuration;
    track?.setAttribute('transform', `translate(${((PAST - since) * CELL).toFixed(2)} 0)`);
  }
}

// --- Faults and warnings ---------------------------------------------------------------------------------

function noteFault(fault, textOf) {
  const at = Date.now();
  const text = [`${clockOf(at)} ${fault.channelId}`.trimEnd(), textOf(fault)].join(': ');
  state.faults.unshift({ key: `${at}/${text}`, text });
  state.faults.length = Math.min(state.faults.length, FAULTS);
  drawFaults();
}

function drawFaults() {
  const none = [{ key: 'none', text: 'None since this view was opened.' }];
  reconcile(element('faults'), state.faults.length > 0 ? state.faults : none, {
    key: ({ key }) => key,
    make: () => document.createElement('li'),
    update: (item, { text }) => setText(item, text),
  });
}

// The message names files, and is told to admins alone.
const faultText = ({ code, stage, message }) =>
  message ? `${message} (${code})` : `${code}, ${stage}`;

function warningText({ type, ratio, freeBytes }) {
  if (type === 'slow-generation') return `takes ${ratio.toFixed(2)} s to make a second of itself`;
  if (type === 'disk-low') {
    return `the disk of the segments is nearly full, ${Math.round(freeBytes / 2 ** 20)} MiB are free`;
  }
  return type;
}
