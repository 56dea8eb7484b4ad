// Viewers that poll playlists over real connections: how long answers take, what the server's process costs.
// Each viewer opens the multivariant playlist once and then its media playlist every `pollMs`, spread evenly, on a
// connection of its own. The server is a process of its own and airs a generated channel on the real engine.
//
//   tsx bench/http-viewers.ts [viewers = 1000] [seconds = 30] [pollMs = 4000]

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createHeadend, loop } from '../lib/index.js';

interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

async function serve(): Promise<void> {
  await using headend = await createHeadend();
  await headend.channels.add({
    id: 'bench',
    ladder: [{ height: 180, bitrate: 200_000, preset: 'ultrafast' }],
    frameRate: 10,
    schedule: loop([{ source: { video: 'null', audio: 'anull' }, duration: 3600 }]),
  });
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const usage: Usage = { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
    process.send?.(usage);
  });
  process.send?.(url);
  await once(process, 'disconnect');
}

async function measure(viewers: number, seconds: number, pollMs: number): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ['serve']);
  const [url] = await once(server, 'message');
  const until = performance.now() + pollMs + seconds * 1000;
  await fetchText(new Agent(), `${url}/channels/bench/index.m3u8`);
  const times: number[] = [];
  let failures = 0;
  const watch = async (viewer: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await sleep((viewer * pollMs) / viewers);
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
      await sleep(Math.max(0, pollMs - (performance.now() - begin)));
    }
    agent.destroy();
  };
  const before = await usageOf(server);
  const begin = performance.now();
  await Promise.all(Array.from({ length: viewers }, (_, viewer) => watch(viewer)));
  const elapsed = (performance.now() - begin) / 1000;
  const after = await usageOf(server);
  server.disconnect();
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.floor(part * (times.length - 1))] ?? NaN).toFixed(1);
  console.log(`${viewers} viewers, a media playlist every ${pollMs} ms, ${elapsed.toFixed(0)} s`);
  console.log(
    `answers     ${times.length} (${(times.length / elapsed).toFixed(0)}/s), ${failures} failed`,
  );
  console.log(`latency ms  p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${at(1)}`);
  const cpu = (100 * (after.cpuSeconds - before.cpuSeconds)) / elapsed;
  console.log(`server      ${cpu.toFixed(1)} % of a core (the encoder's part is in it)`);
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
  console.log(`memory      ${mib(before.rssBytes)} MiB before, ${mib(after.rssBytes)} MiB after`);
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

const [first, seconds = '30', pollMs = '4000'] = process.argv.slice(2);
if (first === 'serve') await serve();
else await measure(Number(first ?? 1000), Number(seconds), Number(pollMs));
