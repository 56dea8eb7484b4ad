// The programs in examples/ that serve over HTTP, as people would run them: each airs a film, on the real engine, under the path /tv.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFixture } from '../fixtures/make.js';
import { ask, assertProblem, json, uris } from './support.js';

const test = suite('examples');

const root = fileURLToPath(new URL('../..', import.meta.url));
const film = await makeFixture({ programme: 7, frames: 250 });

async function start(file: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${file}`, film.path], {
    cwd: root,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const [, port] = /port: (\d+)/.exec(said) ?? [];
    if (port !== undefined) return { child, url: `http://localhost:${port}` };
  }
  throw new Error(`${file} ended early: ${said}`);
}

for (const file of ['plain-http.ts', 'express.ts', 'fastify.ts']) {
  test(file, async () => {
    const { child, url } = await start(file);
    const exited = once(child, 'exit');
    try {
      const own = (await ask(url, '/')).body.toString();
      const [path = ''] = /\/tv\/channels\/films\/index\.m3u8\S*/.exec(own) ?? [];
      const multivariant = await ask(url, path);
      assert.is(multivariant.status, 200, multivariant.body.toString());
      const [variant = ''] = uris(multivariant.body.toString());
      const media = await ask(url, `/tv/channels/films/${variant}`);
      const [segment = ''] = uris(media.body.toString());
      const bytes = await ask(url, `/tv/channels/films/360p/${segment}`);
      assert.is(bytes.status, 200);
      assert.match(bytes.body.subarray(0, 400).toString('latin1'), /moof/);
      const { servers, paths } = Object(json(await ask(url, '/tv/openapi.json')));
      assert.equal(servers, [{ url: `${url}/tv` }]);
      assert.ok('/channels/{id}' in paths);
      assertProblem(await ask(url, '/tv/nothing/here'), 404, 'ROUTE_NOT_FOUND');
      const wrong = await ask(url, '/tv/channels/films/index.m3u8', { method: 'POST' });
      assertProblem(wrong, 405, 'METHOD_NOT_ALLOWED');
    } finally {
      child.kill('SIGTERM');
    }
    assert.equal(await exited, [0, null]);
  });
}

test.run();
