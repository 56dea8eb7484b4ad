// deadline: 180 s
// `headend serve` as a person meets it: it starts, it says where, it plays what can be played, and Ctrl-C
// ends it within two seconds and leaves nothing behind.
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFixture } from '../fixtures/make.js';
import { checkChannel } from '../support/hls-checker.js';
import { channelsOf, ServerProcess, stopServers } from '../support/serve.js';

/** The requirement: from the signal to the end of the process. */
const STOP_MS = 2000;

const test = suite<{ folder: string }>('headend serve');

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-serve-'));
});

test.after.each(async ({ folder }) => {
  await stopServers();
  await rm(folder, { recursive: true, force: true });
});

async function assertStops(
  server: ServerProcess,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<void> {
  const { code, ms } = await server.stop(signal);
  assert.is(code, 0, server.text);
  assert.ok(ms < STOP_MS, `${signal}: ended after ${Math.round(ms)} ms`);
}

/** What the server left in the folder for temporary files; tsx, which runs it here, caches there. */
async function leftovers(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith('tsx-'));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends an idle server, which leaves no file behind`, async ({ folder }) => {
    const server = new ServerProcess({ env: { TMPDIR: folder } });
    const channels = await channelsOf(await server.url());
    assert.ok(channels.length >= 2, `${channels.length} demo channels`);
    await assertStops(server, signal);
    assert.equal(await leftovers(folder), []);
  });
}

test('SIGINT ends it while a batch is in flight, and no file is left', async ({ folder }) => {
  const server = new ServerProcess({ env: { TMPDIR: folder } });
  const url = await server.url();
  const [channel] = await channelsOf(url);
  // The first media playlist comes with the first segment: nine more of the batch are being made.
  const report = await checkChannel(`${url}/channels/${channel}/index.m3u8`, {
    segments: 1,
    variants: 'least',
  });
  assert.equal(report.problems, []);
  await assertStops(server);
  assert.equal(await leftovers(folder), []);
});

test('SIGINT ends it while a client waits for the first segment', async () => {
  const server = new ServerProcess();
  const url = await server.url();
  const [channel] = await channelsOf(url);
  const waiting = fetch(`${url}/channels/${channel}/index.m3u8`).then(
    (response) => response.status,
    () => 'cut off',
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  await assertStops(server);
  await waiting;
});

test('SIGINT ends it while a connection is kept alive', async () => {
  const server = new ServerProcess();
  const url = await server.url();
  const response = await fetch(`${url}/channels`, { headers: { connection: 'keep-alive' } });
  await response.arrayBuffer();
  await assertStops(server);
});

test('a port in use: a clear message and exit code 1', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const address = other.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  try {
    const server = new ServerProcess({ env: { PORT: port } });
    const { code } = await server.ended;
    assert.is(code, 1, server.text);
    assert.match(server.text, port);
    assert.match(server.text, /in use/i);
    assert.not.match(server.text, /^\s+at /m);
  } finally {
    other.close();
  }
});

test('a broken file among good ones: the good ones play, a warning names the bad one', async ({
  folder,
}) => {
  const a = await makeFixture({ programme: 1, frames: 75 });
  const c = await makeFixture({ programme: 3, frames: 100 });
  const news = join(folder, 'media/News');
  await mkdir(news, { recursive: true });
  await mkdir(join(folder, 'media/Papers'));
  await copyFile(a.path, join(news, '1 first.mp4'));
  await writeFile(join(news, '2 broken.mp4'), 'This is not a film.\n'.repeat(200));
  await copyFile(c.path, join(news, '3 last.mp4'));
  await writeFile(join(folder, 'media/Papers/notes.txt'), 'nothing to play');

  const server = new ServerProcess({ args: ['--media', join(folder, 'media')] });
  const url = await server.url();
  const channels = await channelsOf(url);
  assert.is(channels.length, 1, `channels: ${channels.join(' ')}`);
  const report = await checkChannel(`${url}/channels/${channels[0]}/index.m3u8`, {
    segments: 3,
    variants: 'least',
  });
  assert.equal(report.problems, []);
  const shown = new Set(
    report.video.flatMap(({ codes }) => codes.map((code) => code?.programme ?? null)),
  );
  assert.equal([...shown].sort(), [1, 3]);
  assert.match(server.text, '2 broken.mp4');
  await assertStops(server);
});

test('a media folder that does not exist: a clear message and exit code 1', async ({ folder }) => {
  const server = new ServerProcess({ args: ['--media', join(folder, 'nowhere')] });
  const { code } = await server.ended;
  assert.is(code, 1, server.text);
  assert.match(server.text, 'nowhere');
});

test.run();
