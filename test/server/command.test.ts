// deadline: 180 s
// The `headend` command: exit codes, `check`, the end as the first process of a container, with viewers connected.
import { access, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import { SegmentFiles } from '../../lib/store/segment-files.js';
import { makeFixture } from '../fixtures/make.js';
import { run } from '../support/process.js';
import { channelsOf, ServerProcess, stopServers } from '../support/serve.js';

const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url));

const test = suite<{ folder: string; film: string }>('the command');

test.before(async (context) => {
  context.film = (await makeFixture({ width: 320, height: 180, frames: 100 })).path;
});

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-command-'));
});

test.after.each(async ({ folder }) => {
  await stopServers();
  await rm(folder, { recursive: true, force: true });
});

function headend(...args: readonly string[]) {
  return headendWith({}, ...args);
}

async function headendWith(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
) {
  const env = { ...process.env, ...environment };
  const { code, stdout, stderr } = await run(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    env,
  });
  return { code, text: `${stdout}${stderr}` };
}

test('a wrong command line or configuration is exit code 2', async ({ folder }) => {
  const file = join(folder, 'headend.json');
  await writeFile(file, '{ "server": { "port": "x" } }');
  for (const args of [
    ['serve', '--port', 'x'],
    ['serve', '--media', folder, '--config', file],
    ['serve', '--config', file],
    ['check'],
    ['check', '--config', file],
  ]) {
    const { code, text } = await headend(...args);
    assert.is(code, 2, `${args.join(' ')}: ${text}`);
  }
  assert.match((await headend('serve', '--config', file)).text, /server\.port.*got 'x'/);
});

test('settings that only createHeadend refuses are exit code 2, without the secrets', async ({
  folder,
}) => {
  const file = join(folder, 'headend.json');
  await writeFile(file, '{ "server": { "batchSegments": 4, "batchThreshold": 9 } }');
  const secrets = {
    HEADEND_ADMIN_TOKEN: 'hunter2-admin-hunter2',
    HEADEND_SIGNING_SECRET: 'hunter2 signs the URLs of everybody',
  };
  const env = { XDG_STATE_HOME: folder, ...secrets };
  for (const command of ['serve', 'check']) {
    const { code, text } = await headendWith(env, command, '--config', file);
    assert.is(code, 2, text);
    assert.match(text, 'batchThreshold must be less than batchSegments (4), got 9');
    assert.not.match(text, 'hunter2');
  }
  const short = await headendWith({ ...env, HEADEND_ADMIN_TOKEN: 'hunter2secret' }, 'serve');
  assert.is(short.code, 2, short.text);
  assert.match(short.text, 'HEADEND_ADMIN_TOKEN must not have fewer than 16 characters');
  assert.not.match(short.text, 'hunter2');
});

test('the command line wins over the environment, and of equals none', async ({ folder, film }) => {
  const media = join(folder, 'News');
  await mkdir(media);
  await copyFile(film, join(media, '1.mp4'));
  const file = join(folder, 'headend.json');
  await writeFile(file, '{ "channels": [] }');
  const under = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    headendWith(env, 'check', ...args);
  const both = { HEADEND_CONFIG: file, HEADEND_MEDIA: media };
  assert.is((await under(both)).code, 2);
  assert.match((await under(both, '--media', media)).text, '1 channels checked');
  assert.match((await under(both, '--config', file)).text, '0 channels checked');
});

test('a variable that is set to nothing is not set', async ({ folder }) => {
  const empty = { HEADEND_CONFIG: '', HEADEND_MEDIA: '', HOST: '', PORT: '' };
  const file = join(folder, 'headend.json');
  await writeFile(file, '{ "server": { "host": "127.0.0.1", "port": 0 }, "channels": [] }');
  const { code, text } = await headendWith(empty, 'check', '--config', file);
  assert.match(text, '0 channels checked');
  assert.is(code, 1);
  const server = new ServerProcess({ env: empty, args: ['--config', file] });
  assert.match(await server.url(), /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.is((await server.stop()).code, 0);
});

test('what stops a command is one line', async ({ folder, film }) => {
  const cache = join(folder, 'nowhere', 'probes.sqlite');
  const probe = await headend('probe', '--cache', cache, film);
  assert.match(probe.text, /^error: .*probeCache must be a file.*nowhere.*\n$/);
  assert.is(probe.code, 1);
  const serve = await headendWith({ XDG_STATE_HOME: folder }, 'serve', '--probe-cache', cache);
  assert.match(serve.text, /^\{.*probeCache must be a file.*nowhere.*\n$/);
  assert.is(serve.code, 1);
});

test('help and schema are exit code 0', async () => {
  const help = await headend('--help');
  assert.is(help.code, 0);
  assert.match(help.text, /serve[\s\S]*check[\s\S]*Exit codes/);
  const schema = await headend('config-schema');
  assert.is(schema.code, 0);
  assert.ok(JSON.parse(schema.text).properties.channels);
});

test('check says what would be slate, and why', async ({ folder, film }) => {
  const media = join(folder, 'News');
  await mkdir(media);
  await copyFile(film, join(media, '1.mp4'));
  const good = await headend('check', '--media', media);
  assert.is(good.code, 0, good.text);
  assert.match(good.text, '1 channels checked, 0 problems');

  await writeFile(join(media, 'broken.mp4'), 'This is not a film.\n'.repeat(200));
  const file = join(folder, 'headend.json');
  const programmes = [
    { source: 'News/1.mp4', duration: 60 },
    { source: 'missing.mp4', duration: 60 },
  ];
  const channels = [
    { id: 'short', schedule: { type: 'loop', programmes } },
    { id: 'news', schedule: { type: 'folder', path: 'News' } },
    { id: 'none', schedule: { type: 'folder', path: 'nowhere' } },
  ];
  await writeFile(file, JSON.stringify({ channels }));
  const { code, text } = await headend('check', '--config', file);
  assert.is(code, 1, text);
  for (const expected of [
    /short: SOURCE_ENDED.*1\.mp4/,
    /short: SOURCE_NOT_FOUND.*missing\.mp4/,
    /Left out .*broken\.mp4/,
    /No channel for none: SOURCE_NOT_FOUND.*nowhere/,
  ]) {
    assert.match(text, expected);
  }
});

test('check leaves the folder of segments alone, which a running server has', async ({
  folder,
  film,
}) => {
  const media = join(folder, 'News');
  await mkdir(media);
  await copyFile(film, join(media, '1.mp4'));
  const directory = join(folder, 'segments');
  const file = join(folder, 'headend.json');
  await writeFile(
    file,
    JSON.stringify({ server: { diskStore: { directory } }, media: { path: media } }),
  );
  const parts = { clock: systemClock, onFault: () => {}, onLow: () => {} };
  const server = await SegmentFiles.open({ directory }, parts);
  const segment = join(directory, 'headend.news.720p.1.1.m4s');
  await writeFile(segment, '');
  const beside = await headend('check', '--config', file);
  await server.close();
  assert.is(beside.code, 0, beside.text);
  await writeFile(segment, '');
  assert.is((await headend('check', '--config', file)).code, 0);
  await access(segment);
});

test('a state directory that was named and cannot be used is an error, the default a warning', async ({
  folder,
}) => {
  await writeFile(join(folder, 'file'), '');
  const named = await headend('serve', '--state', join(folder, 'file'));
  assert.is(named.code, 1, named.text);
  const server = new ServerProcess({ env: { XDG_STATE_HOME: join(folder, 'file') } });
  await server.url();
  assert.match(server.text, /Nothing is kept between two runs/);
  assert.is((await server.stop()).code, 0);
});

test('SIGTERM ends it within five seconds while viewers hold connections open', async () => {
  const server = new ServerProcess();
  const url = await server.url();
  const [channel] = await channelsOf(url);
  const stream = await fetch(`${url}/channels/${channel}/stream.ts`);
  const events = await fetch(`${url}/events`);
  await stream.body?.getReader().read();
  await events.body?.getReader().read();
  const { code, ms } = await server.stop('SIGTERM');
  assert.is(code, 0, server.text);
  assert.ok(ms < 5000, `${ms} ms`);
});

/** Waits until a process has a listener for SIGHUP, the first of all signals. */
async function listens(pid: number): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const caught = BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(status)?.[1]}`);
    if (caught & 1n) return;
  }
}

test('while it is being loaded SIGHUP is ignored and SIGTERM ends it', async () => {
  const server = new ServerProcess();
  await listens(server.pid);
  assert.is(server.text, '');
  server.kill('SIGHUP');
  await server.url();
  const other = new ServerProcess();
  await listens(other.pid);
  other.kill('SIGTERM');
  assert.is((await other.ended).code, 0);
  assert.not.match(other.text, /Headend is on the air/);
});

const unshare = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const isPermitted =
  (await run('unshare', [...unshare, 'true']).catch(() => ({ code: 1 }))).code === 0;

(isPermitted ? test : test.skip)(
  'as the first process of a container SIGTERM ends it',
  async () => {
    const server = new ServerProcess({
      command: ['unshare', ...unshare, process.execPath, '--import', 'tsx', MAIN],
    });
    await server.url();
    const { stdout } = await run('pgrep', ['-P', String(server.pid)]);
    const first = Number(stdout.toString().trim());
    const { stdout: status } = await run('cat', [`/proc/${first}/status`]);
    assert.match(status.toString(), /NSpid:\s+\d+\s+1\n/);
    process.kill(first, 'SIGTERM');
    assert.is((await server.ended).code, 0, server.text);
    assert.match(server.text, /going off the air/);
  },
);

test.run();
