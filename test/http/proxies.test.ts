// deadline: 60 s
// The reverse proxies of docs/operations.md, with the texts that stand there: nginx and Caddy, where they are installed or
// set-up could fetch them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Headend } from '../../lib/headend.js';
import { segmentName, segmentTag } from '../../lib/hls/container.js';
import { loop } from '../../lib/timeline/schedule.js';
import { proxyPaths } from '../../scripts/setup/tools.mjs';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { FakeEngine, initHash, nameOf } from '../stream/fake-engine.js';
import { run } from '../support/process.js';
import { ask, uris } from './support.js';

const START = Date.parse('2025-01-01T00:00:00.000Z') + 4_001_000;
/** Time that a segment takes; its first half is out after half of it. */
const WORK_MS = 1000;
const BYTES = 1000;
const CLIENTS = 1000;

process.env.PATH = [process.env.PATH, ...proxyPaths].join(delimiter);

const DOCUMENT = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');

/** The texts of the document in a language. */
function texts(language: string): string[] {
  const blocks = DOCUMENT.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'));
  return [...blocks].map(([, text = '']) => text);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A program that is told where Headend listens, and where to listen itself: at the root and under /tv. */
interface Proxy {
  readonly name: string;
  readonly version: readonly [string, ...string[]];
  start(ports: Ports, folder: string): Promise<ChildProcess>;
}

interface Ports {
  readonly headend: number;
  readonly root: number;
  readonly tv: number;
}

const nginx: Proxy = {
  name: 'nginx',
  version: ['nginx', '-v'],
  async start({ headend, root, tv }, folder) {
    const [atRoot = '', underPath = ''] = texts('nginx').map((text) =>
      text.replaceAll('127.0.0.1:8080', `127.0.0.1:${headend}`),
    );
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    const configuration = `
      daemon off;
      master_process off;
      pid ${folder}/pid;
      error_log ${folder}/error.log;
      events { worker_connections ${4 * CLIENTS}; }
      http {
        access_log off;
        ${temporary.join('\n')}
        ${atRoot.replace('listen 80', `listen 127.0.0.1:${root}`)}
        ${underPath.replace('listen 80', `listen 127.0.0.1:${tv}`)}
      }`;
    const file = join(folder, 'nginx.conf');
    await writeFile(file, configuration);
    return spawn('nginx', ['-p', folder, '-e', `${folder}/error.log`, '-c', file]);
  },
};

const caddy: Proxy = {
  name: 'Caddy',
  version: ['caddy', 'version'],
  async start({ headend, root, tv }, folder) {
    const [sites = ''] = texts('caddyfile');
    const file = join(folder, 'Caddyfile');
    const own = sites
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${headend}`)
      .replace('tv.example.org', `http://127.0.0.1:${root}`)
      .replace('www.example.org', `http://127.0.0.1:${tv}`);
    await writeFile(file, `{\n\tadmin off\n}\n${own}`);
    const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    return spawn('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], { env });
  },
};

/** An answer that is looked at while it comes. */
async function open(
  url: string,
  agent?: Agent,
): Promise<{ text: string; response: IncomingMessage }> {
  const request = get(url, { headers: { 'accept-encoding': 'gzip' }, ...(agent && { agent }) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const answer = { text: '', response };
  response.on('data', (data: Buffer) => {
    answer.text += data.toString('latin1');
  });
  response.on('error', () => {});
  return answer;
}

/** Lets real sockets do what they can without the clock moving. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await settle();
}

for (const proxy of [nginx, caddy]) {
  const [program, ...args] = proxy.version;
  const installed = (await run(program, args).catch(() => ({ code: 1 }))).code === 0;
  const test = suite<{
    clock: FakeClock;
    headend: Headend;
    child: ChildProcess;
    folder: string;
    root: string;
    tv: string;
    segment: string;
  }>(`${proxy.name}, ${installed ? 'as docs/operations.md says' : 'which is not installed'}`);
  const check = installed ? test : test.skip;

  if (installed) {
    test.before(async (context) => {
      const folder = await mkdtemp(join(tmpdir(), 'headend-proxy-'));
      const clock = new FakeClock(START);
      const engine = new FakeEngine(clock, WORK_MS);
      engine.fragments = true;
      engine.segmentBytes = BYTES;
      const http = { trustProxy: ['127.0.0.1'] };
      const headend = await Headend.create({ http }, { engine, clock });
      const channel = await headend.channels.add({
        id: 'news',
        schedule: loop([{ source: '/a.mp4', duration: 10 }]),
        ladder: [{ height: 720, bitrate: 2_000_000 }],
      });
      const url = new URL(await headend.listen({ port: 0, host: '127.0.0.1' }));
      const ports = { headend: Number(url.port), root: await freePort(), tv: await freePort() };
      const tag = segmentTag(channel.edition, initHash('720p'));
      Object.assign(context, {
        folder,
        clock,
        headend,
        child: await proxy.start(ports, folder),
        root: `http://127.0.0.1:${ports.root}`,
        tv: `http://127.0.0.1:${ports.tv}`,
        segment: `/channels/news/720p/${segmentName(1000, tag, 'fmp4')}`,
      });
      const ready = async (base: string) => (await ask(base, '/health/live')).status > 0;
      for (const base of [context.root, context.tv]) {
        while (!(await ready(base).catch(() => false))) {
          assert.is(context.child.exitCode, null, `${proxy.name} does not run`);
          await settle();
        }
      }
    });

    test.after(async ({ child, headend, folder }) => {
      child.kill();
      await headend.close();
      await rm(folder, { recursive: true, force: true });
    });
  }

  check('a segment in progress and events arrive as they are made', async (context) => {
    const { clock, root, segment } = context;
    const events = await open(`${root}/events`);
    await untilTrue(() => events.text.includes('event: status'));

    const opening = open(root + segment);
    let opened = false;
    void opening.then(() => {
      opened = true;
    });
    while (!opened) {
      await clock.advance(10);
      await settle();
    }
    const answer = await opening;
    await untilTrue(() => answer.text.includes(nameOf('720p', 1000)));
    assert.ok(clock.now() < START + WORK_MS, 'before the segment is finished');
    assert.not.ok(answer.response.complete);
    await clock.advance(WORK_MS);
    await untilTrue(() => answer.response.complete);
    assert.is(answer.text.length, BYTES);
    await untilTrue(() => events.text.includes('event: batch'));
    events.response.destroy();
  });

  check('a range of a segment, and its entity tag', async ({ root, segment }) => {
    const part = await ask(root, segment, { headers: { range: 'bytes=10-19' } });
    assert.is(part.status, 206);
    assert.is(part.headers['content-range'], `bytes 10-19/${BYTES}`);
    assert.is(part.body.length, 10);
    const headers = { 'if-none-match': part.headers.etag ?? '' };
    assert.is((await ask(root, segment, { headers })).status, 304);
  });

  check('absolute URLs name the proxy, its port and its path', async ({ root, tv, segment }) => {
    for (const base of [root, `${tv}/tv`]) {
      const { pathname } = new URL(base);
      const at = pathname === '/' ? '' : pathname;
      const { body } = await ask(base, `${at}/lineup.m3u`);
      assert.match(body.toString(), `\n${base}/channels/news/`);
      const playlist = `${at}/channels/news/index.m3u8`;
      const { status, body: text } = await ask(base, playlist);
      assert.is(status, 200);
      const [variant = ''] = uris(text.toString());
      const media = await ask(base, new URL(variant, `${base}/channels/news/index.m3u8`).pathname);
      assert.is(media.status, 200);
      assert.is((await ask(base, at + segment)).status, 200);
    }
  });

  check('a client of the proxy is no admin', async ({ root }) => {
    const { status } = await ask(root, '/channels/news', { method: 'DELETE' });
    assert.is(status, 403);
  });

  check(`${CLIENTS} clients that ask at the same time`, async ({ root }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    for (let round = 0; round < 2; round++) {
      const answers = await Promise.all(
        Array.from({ length: CLIENTS }, (_, client) =>
          open(`${root}/channels/news/720p/index.m3u8?session=client-${client}`, agent),
        ),
      );
      for (const answer of answers) {
        assert.is(answer.response.statusCode, 200);
        await untilTrue(() => answer.response.complete);
      }
    }
    agent.destroy();
  });

  test.run();
}
