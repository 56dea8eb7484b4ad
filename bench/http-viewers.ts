// Viewers that poll playlists over real connections: how long answers take, what the server's process costs.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type Bench, type Figures, figure } from './harness/bench.js';
import type { Usage } from './harness/viewer-server.js';

const SERVER = fileURLToPath(new URL('./harness/viewer-server.ts', import.meta.url));
const VIEWERS: Readonly<Record<string, number>> = { '100': 100, '1,000': 1000 };
const SECONDS = 30;
const POLL_MS = 4000;

async function measure(server: ChildProcess, viewers: number): Promise<Figures> {
  const [url] = await once(server, 'message');
  await fetchText(new Agent(), `${url}/channels/bench/index.m3u8`);
  const until = performance.now() + POLL_MS + SECONDS * 1000;
  const times: number[] = [];
  let failures = 0;
  const watch = async (viewer: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await sleep((viewer * POLL_MS) / viewers);
    const multivariant = await fetchText(agent, `${url}/channels/bench/index.m3u8`);
    const variant = multivariant.split('\n').find((line) => line !== '' && !line.startsWith('#'));
    while (performance.now() < until) {
      const begin = performance.now();
      try {
        await fetchText(agent, `${url}/channels/bench/${variant}`);
        times.push(performance.now() - begin);
      } catch {
        failures++;
      }
      await sleep(Math.max(0, POLL_MS - (performance.now() - begin)));
    }
    agent.destroy();
  };
  const before = await usageOf(server);
  const begin = performance.now();
  await Promise.all(Array.from({ length: viewers }, (_, viewer) => watch(viewer)));
  const elapsed = (performance.now() - begin) / 1000;
  const after = await usageOf(server);
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(part * (times.length - 1))] ?? Number.NaN;
  return {
    ...{ p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), longestMs: at(1), failures },
    answersPerSecond: times.length / elapsed,
    cpuPercent: (100 * (after.cpuSeconds - before.cpuSeconds)) / elapsed,
    rssBeforeMib: before.rssBytes / 2 ** 20,
    rssAfterMib: after.rssBytes / 2 ** 20,
  };
}

async function usageOf(server: ChildProcess): Promise<Usage> {
  server.send('usage');
  const [usage] = await once(server, 'message');
  return usage;
}

function fetchText(agent: Agent, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { 'accept-encoding': 'identity' } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${response.statusCode}`)),
      );
    }).on('error', reject);
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const COLUMNS = {
  'answers/s': 'answersPerSecond',
  failed: 'failures',
  'p50, ms': 'p50Ms',
  'p95, ms': 'p95Ms',
  'p99, ms': 'p99Ms',
  'longest, ms': 'longestMs',
  'CPU, % of a core': 'cpuPercent',
  'memory before, MiB': 'rssBeforeMib',
  'after, MiB': 'rssAfterMib',
} as const;

export const bench: Bench = {
  title: 'Viewers over HTTP',
  about:
    'Each viewer opens the multivariant playlist once and then its media playlist every ' +
    `${POLL_MS / 1000} s for ${SECONDS} s, spread evenly, on a connection of its own. The server is a process of its ` +
    "own and airs a generated channel on the real engine; the encoder's part is in its processor time.",
  variants: Object.keys(VIEWERS),
  async trial(variant) {
    const server = fork(SERVER);
    try {
      return await measure(server, VIEWERS[variant] ?? Number.NaN);
    } finally {
      server.disconnect();
    }
  },
  rows: (rounds) =>
    Object.keys(VIEWERS).map((viewers) => ({
      viewers,
      ...Object.fromEntries(
        Object.entries(COLUMNS).map(([column, name]) => [column, figure(rounds, viewers, name)]),
      ),
    })),
};
