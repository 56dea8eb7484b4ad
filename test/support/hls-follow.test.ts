// The follower is checked: a well-behaved live playlist gives no problem, and each way to break a promise
// between two polls is named.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { followChannel } from './hls-follow.js';

interface Playlist {
  readonly first: number;
  readonly target: number;
  readonly extinf: number;
  readonly type: string;
}

const GOOD: Playlist = {
  first: 7,
  target: 2,
  extinf: 2,
  type: 'application/vnd.apple.mpegurl',
};

const MULTIVARIANT = [
  '#EXTM3U',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",DEFAULT=YES,URI="audio.m3u8"',
  '#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,AUDIO="a"',
  'video.m3u8',
].join('\n');

function textOf({ first, target, extinf }: Playlist): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:6', `#EXT-X-TARGETDURATION:${target}`];
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${first}`, '#EXT-X-MAP:URI="init.mp4"');
  for (let sequence = first; sequence < first + 4; sequence += 1) {
    lines.push(`#EXTINF:${extinf.toFixed(3)},`, `${sequence}.m4s`);
  }
  return lines.join('\n');
}

/** Serves a channel whose playlists are, poll after poll, the given ones; the last one stays. */
async function serve(polls: readonly Playlist[]): Promise<Server> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname;
    const turn = asked.get(path) ?? 0;
    asked.set(path, turn + 1);
    const playlist = polls[Math.min(turn, polls.length - 1)] ?? GOOD;
    const list = path.endsWith('.m3u8');
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('content-type', list ? playlist.type : 'video/mp4');
    if (path === '/index.m3u8') response.end(MULTIVARIANT);
    else response.end(list ? textOf(playlist) : 'media');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return server;
}

/** What is said about the video rendition; the audio is served as video here. */
async function problemsOf(...polls: readonly Playlist[]): Promise<string[]> {
  const server = await serve(polls);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/index.m3u8`;
  const { problems } = await followChannel(url, { segments: 6, timeoutMs: 5000 });
  server.close();
  server.closeAllConnections();
  return problems.filter((problem) => !/audio/.test(problem));
}

const named = (problems: readonly string[], expected: RegExp) =>
  assert.ok(
    problems.some((problem) => expected.test(problem)),
    `${expected}: ${problems.join('\n')}`,
  );

test('a window that slides is right', async () => {
  assert.equal(await problemsOf(GOOD, { ...GOOD, first: 8 }, { ...GOOD, first: 9 }), []);
});

test('a duration that changes is named', async () => {
  named(await problemsOf(GOOD, { ...GOOD, first: 9, extinf: 1.9 }), /segment 9 changed/);
});

test('a target duration that changes is named', async () => {
  named(await problemsOf(GOOD, { ...GOOD, first: 9, target: 3 }), /TARGETDURATION changed/);
});

test('a media sequence that goes back is named', async () => {
  named(
    await problemsOf({ ...GOOD, first: 8 }, GOOD, { ...GOOD, first: 10 }),
    /went back from 8 to 7/,
  );
});

test('a hole between two windows is named', async () => {
  named(await problemsOf(GOOD, { ...GOOD, first: 12 }), /segment 11 was never listed/);
});

test('a wrong content type is named', async () => {
  named(
    await problemsOf({ ...GOOD, first: 1, type: 'text/plain' }, { ...GOOD, first: 3 }),
    /served as/,
  );
});

test.run();
