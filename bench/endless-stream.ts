// A tuner's client joins a channel that somebody watches, against a server that starts one ffmpeg for each client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHeadend, loop } from '../lib/index.js';
import { output, words } from '../test/support/process.js';
import { type Bench, figure, ratio } from './harness/bench.js';
import { FILM, FPS, LADDER, prepareFilm, SEGMENT_SECONDS } from './harness/channel.js';

/** In the film's middle: the file must be sought. */
const IN_POINT = 4 * SEGMENT_SECONDS;
const RUNGS = LADDER.filter(({ height }) => height === 720);

/** Milliseconds until the answer's first bytes, and until ffmpeg as a client, its start included, has a picture. */
async function join(url: string): Promise<Record<string, number>> {
  const firstByteMs = await timed(async () => {
    const request = get(url);
    const [response] = await once(request, 'response');
    await once(response, 'data');
    response.destroy();
  });
  const firstPictureMs = await timed(() =>
    output('ffmpeg', [...words('-nostdin -v error -i'), url, ...words('-frames:v 1 -f null -')]),
  );
  return { firstByteMs, firstPictureMs };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** A viewer has begun to play the channel; it is joined when the batch that he caused is made. */
async function ours(): Promise<Record<string, number>> {
  await using headend = await createHeadend({ hardware: 'software' });
  await headend.channels.add({
    ...{ id: 'bench', frameRate: FPS, segmentDuration: SEGMENT_SECONDS },
    ladder: RUNGS.map(({ height, bitrate }) => ({ height, bitrate })),
    epoch: new Date(Date.now() - (IN_POINT + 1) * 1000),
    schedule: loop([{ source: FILM }]),
  });
  const url = `${await headend.listen({ port: 0, host: '127.0.0.1' })}/channels/bench`;
  const made = new Promise<void>((resolve) => {
    headend.on('batch', ({ type }) => type === 'completed' && resolve());
  });
  await (await fetch(`${url}/720p/index.m3u8`)).text();
  await made;
  return await join(`${url}/stream.ts`);
}

async function peer(): Promise<Record<string, number>> {
  const server = createServer((_, response) => {
    const child = spawn('ffmpeg', COMMAND, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.pipe(response);
    response.on('close', () => child.kill('SIGKILL'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await join(`http://127.0.0.1:${(server.address() as AddressInfo).port}/stream.ts`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const COMMAND = [
  ...['-nostdin', '-v', 'error', '-ss', String(IN_POINT), '-i', FILM],
  ...RUNGS.flatMap(({ width, height, preset, bitrate, maxrate, bufsize }) => [
    ...words(`-vf scale=${width}:${height} -c:v libx264 -preset ${preset}`),
    ...words(`-b:v ${bitrate} -maxrate ${maxrate} -bufsize ${bufsize}`),
  ]),
  ...words(`-g ${2 * FPS} -keyint_min ${2 * FPS} -sc_threshold 0 -c:a aac -b:a 128k`),
  ...words('-f mpegts pipe:1'),
];

const STEPS = [
  ['first bytes', 'firstByteMs'],
  ["ffmpeg's first picture", 'firstPictureMs'],
] as const;

export const bench: Bench = {
  title: 'Joining the endless stream',
  about:
    'Milliseconds from the request for `stream.ts` of a channel that somebody watches to its first bytes and to the first ' +
    'picture that an ffmpeg as client decodes (its own start included), one 720p rung, in the middle of a 1080p film. ' +
    "Against a server that starts the system's ffmpeg for each client, as fast as it can. Goal: within a second.",
  variants: ['headend', 'ffmpeg'],
  prepare: prepareFilm,
  trial: (variant) => (variant === 'headend' ? ours() : peer()),
  rows: (rounds) =>
    STEPS.map(([name, key]) => ({
      'ms until': name,
      ffmpeg: figure(rounds, 'ffmpeg', key),
      headend: figure(rounds, 'headend', key),
      ratio: ratio(rounds, 'headend', key, 'ffmpeg'),
    })),
};
