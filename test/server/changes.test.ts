// deadline: 300 s
// What changes while `headend serve` runs: the configuration file, the files of folders, channels over HTTP. What was
// added over HTTP is there after a restart, as is the log of what aired.

import { copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFixture } from '../fixtures/make.js';
import { listenSilently } from '../lifecycle/silent-server.js';
import { channelsOf, ServerProcess, stopServers, until } from '../support/serve.js';

interface Context {
  folder: string;
  film: string;
}

const test = suite<Context>('changes of a running server');

test.before(async (context) => {
  const fixture = { width: 320, height: 180, frames: 100 };
  context.film = (await makeFixture(fixture)).path;
});

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-changes-'));
});

test.after.each(async ({ folder }) => {
  await stopServers();
  await rm(folder, { recursive: true, force: true });
});

const LADDER = [{ height: 180, bitrate: 200_000 }];

const channel = (id: string, source: string, more: object = {}) => ({
  id,
  ladder: LADDER,
  schedule: { type: 'loop', programmes: [{ source, duration: 4, title: id }] },
  ...more,
});

/** Replaces the file at once, as editors do. */
async function save(file: string, content: object | string): Promise<void> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

async function json(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(url, init);
  assert.ok(response.ok, `${url}: ${response.status} ${await response.clone().text()}`);
  return Object(await response.json());
}

const airs = (url: string, ...ids: readonly string[]) =>
  until(`the channels ${ids.join(' ')}`, async () =>
    (await channelsOf(url)).sort().join() === [...ids].sort().join() ? true : null,
  );

test('channels of the file come, change and go; a broken file changes nothing', async ({
  folder,
  film,
}) => {
  const file = join(folder, 'headend.json');
  await copyFile(film, join(folder, 'film.mp4'));
  await save(file, { channels: [channel('a', 'film.mp4'), channel('b', 'film.mp4')] });
  const server = new ServerProcess({ args: ['--config', file] });
  const url = await server.url();
  assert.equal(await channelsOf(url), ['a', 'b']);
  const playlist = await fetch(`${url}/channels/a/180p/index.m3u8?session=anna`);
  assert.is(playlist.status, 200);

  await save(file, '{ "channels": [ { "id": ');
  await until('the complaint', async () => (/Nothing is changed/.test(server.text) ? true : null));
  assert.match(server.text, file);
  assert.equal(await channelsOf(url), ['a', 'b']);

  const schedule = channel('a', 'film.mp4').schedule;
  const longer = { ...schedule, programmes: [{ ...schedule.programmes[0], duration: 3 }] };
  await save(file, {
    channels: [channel('a', 'film.mp4', { schedule: longer }), channel('c', 'film.mp4')],
  });
  await airs(url, 'a', 'c');
  await until('the new schedule', async () =>
    /a has a new schedule from/.test(server.text) ? true : null,
  );
  const { viewers, state } = await json(`${url}/channels/a`);
  assert.is(viewers, 1, 'the viewer stays');
  assert.is(state, 'active');

  await save(file, {
    channels: [channel('a', 'film.mp4', { schedule: longer, name: 'Anew' })],
  });
  await airs(url, 'a');
  const named = (name: string) =>
    until(`the name ${name}`, async () =>
      (await json(`${url}/channels/a`)).name === name ? true : null,
    );
  await named('Anew');

  // Nothing tells of changes where the file really lies.
  const source = join(folder, 'film.mp4');
  const renamed = (name: string) => ({ channels: [channel('a', source, { name })] });
  await mkdir(join(folder, 'elsewhere'));
  const real = join(folder, 'elsewhere/headend.json');
  await save(real, renamed('Linked'));
  await symlink(real, `${file}.new`);
  await rename(`${file}.new`, file);
  await named('Linked');
  await save(real, renamed('Hung up'));
  server.kill('SIGHUP');
  await named('Hung up');
  assert.is((await server.stop('SIGTERM')).code, 0, server.text);
});

test('files that appear and disappear change the channel of their folder', async ({
  folder,
  film,
}) => {
  await mkdir(join(folder, 'News'));
  await copyFile(film, join(folder, 'News/1.mp4'));
  const server = new ServerProcess({ args: ['--media', folder] });
  const url = await server.url();
  assert.equal(await channelsOf(url), ['news']);
  const titles = async () => {
    const to = new Date(Date.now() + 300_000).toISOString();
    const { entries } = await json(`${url}/channels/news/guide?to=${to}`);
    return new Set((entries as { title: string }[]).map(({ title }) => title)).size;
  };
  assert.is(await titles(), 1);
  await copyFile(film, join(folder, 'News/2.mp4'));
  await mkdir(join(folder, 'Films'));
  await copyFile(film, join(folder, 'Films/1.mp4'));
  await until('the second file', async () => ((await titles()) === 2 ? true : null));
  await airs(url, 'news', 'films');
  const viewer = await fetch(`${url}/channels/films/480p/index.m3u8?session=anna`);
  assert.is(viewer.status, 200);
  await rename(join(folder, 'Films'), join(folder, '..', `${basename(folder)}-away`));
  await until('the warning', async () =>
    /Films has nothing left to play/.test(server.text) ? true : null,
  );
  await rename(join(folder, '..', `${basename(folder)}-away`), join(folder, 'Films'));
  await copyFile(film, join(folder, 'Films/2.mp4'));
  await until('the schedule of what came back', async () =>
    /Films has a new schedule/.test(server.text) ? true : null,
  );
  const { viewers } = await json(`${url}/channels/films`);
  assert.is(viewers, 1, 'the viewer stays');
  assert.is((await server.stop()).code, 0, server.text);
});

test('what was added over HTTP is there after a kill, and what aired can be read', async ({
  folder,
  film,
}) => {
  const file = join(folder, 'headend.json');
  await save(file, { server: { state: 'state' }, channels: [channel('fixed', film)] });
  const start = () => new ServerProcess({ args: ['--config', file] });
  const headers = { 'content-type': 'application/json' };
  const shown = { number: '7.1', logo: '/kept.png', group: 'Films', language: 'de' };
  const post = (url: string, id: string) =>
    json(`${url}/channels`, {
      ...{ method: 'POST', headers },
      body: JSON.stringify(channel(id, film, shown)),
    });

  const first = start();
  const before = await first.url();
  await post(before, 'kept');
  await post(before, 'deleted');
  assert.is((await fetch(`${before}/channels/deleted`, { method: 'DELETE' })).status, 204);
  assert.is((await fetch(`${before}/channels/kept/180p/index.m3u8?session=anna`)).status, 200);
  const logged = await until('the as-run log', async () => {
    const { entries } = await json(`${before}/channels/kept/as-run`);
    return (entries as { title: string; source: string }[])[0] ?? null;
  });
  assert.is(logged.title, 'kept');
  assert.is(logged.source, film);
  await first.stop('SIGKILL');

  const second = start();
  const after = await second.url();
  assert.equal(await channelsOf(after), ['fixed', 'kept']);
  const { number, logo, group, language } = await json(`${after}/channels/kept`);
  assert.equal({ number, logo, group, language }, shown);
  const { sessions } = await json(`${after}/sessions?channel=kept`);
  assert.equal(
    (sessions as { sessionId: string }[]).map(({ sessionId }) => sessionId),
    ['anna'],
  );
  assert.equal((await json(`${after}/faults?limit=5`)).faults, []);
  assert.is((await fetch(`${after}/faults?limit=0`)).status, 400);
  assert.is((await second.stop('SIGTERM')).code, 0, second.text);
});

test('it listens at once, and says that it is not ready while channels are prepared', async ({
  folder,
  film,
}) => {
  const file = join(folder, 'headend.json');
  const silent = await listenSilently(film);
  const programmes = [{ source: silent.url }];
  await save(file, { channels: [{ id: 'a', schedule: { type: 'loop', programmes } }] });
  const server = new ServerProcess({ args: ['--config', file, '--no-journal'] });
  const url = await server.listening();
  assert.is((await fetch(`${url}/health/live`)).status, 200);
  const unready = await fetch(`${url}/health/ready`);
  assert.is(unready.status, 503);
  assert.equal(Object(await unready.json()).reasons, ['the channels are being prepared']);
  await silent.close();
  await server.url();
  assert.is((await fetch(`${url}/health/ready`)).status, 200);
  assert.match(server.text, /No channel for a/);
  assert.is((await fetch(`${url}/channels/a/as-run`)).status, 404);
  assert.is((await fetch(`${url}/sessions`)).status, 404);
  assert.is((await server.stop()).code, 0, server.text);
});

test.run();
