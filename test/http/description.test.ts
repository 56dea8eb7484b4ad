// The description of the routes: OpenAPI, metrics and docs/http.md say what the server does.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { channelFromDefinition } from '../../lib/definition.js';
import { HttpOptionsSchema } from '../../lib/http/options.js';
import { ask, json, startServer } from './support.js';

const test = suite('description');

const docs = await readFile(new URL('../../docs/http.md', import.meta.url), 'utf8');

test('OpenAPI describes every route, its answers and errors; docs/http.md names them all', async () => {
  const { url, headend } = await startServer();
  const answer = await ask(url, '/openapi.json');
  const again = await ask(url, '/openapi.json', {
    headers: { 'if-none-match': answer.headers.etag ?? '' },
  });
  await headend.close();
  assert.is(again.status, 304);
  const { openapi, paths } = Object(json(answer));
  assert.match(openapi, /^3\.1\./);
  const operations: string[] = [];
  for (const [path, item] of Object.entries(Object(paths))) {
    for (const [method, operation] of Object.entries(Object(item))) {
      const { summary, tags, responses } = Object(operation);
      const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
      operations.push(name);
      assert.ok(summary && tags?.length === 1, name);
      assert.ok(
        Object.keys(responses).some((status) => /^2/.test(status)),
        name,
      );
      assert.ok(docs.includes(`\`${name}\``), `docs/http.md: ${name}`);
      if (path.includes('{id}') && method !== 'put')
        assert.ok(responses['404'], `${name} may not find its channel`);
    }
  }
  for (const name of [
    'GET /channels',
    'POST /channels',
    'PUT /channels/:id',
    'DELETE /channels/:id/sessions/:sessionId',
    'POST /channels/:id/position',
    'GET /channels/:id/:rendition/:file',
    'GET /events',
    'GET /metrics',
  ]) {
    assert.ok(operations.includes(name), name);
  }
  const documented = [...docs.matchAll(/^### `([A-Z]+ \/\S*)`/gm)].map(([, name]) => name);
  for (const name of documented) assert.ok(operations.includes(name ?? ''), `${name} exists`);
});

test('the example definition of docs/http.md makes a channel', () => {
  const [, example = ''] = /^### `POST \/channels`[\s\S]*?```json\n([\s\S]*?)```/m.exec(docs) ?? [];
  const { id, schedule, frameRate } = channelFromDefinition(JSON.parse(example));
  assert.is(id, 'films');
  assert.is(Object(schedule).programmes?.length, 2);
  assert.equal(frameRate, '30000/1001');
});

test('metrics are documented, and count what was asked', async () => {
  const { url, headend } = await startServer();
  await ask(url, '/channels/news/720p/index.m3u8?session=me');
  await ask(url, '/channels/nope');
  await ask(url, '/no/such/route');
  const answer = await ask(url, '/metrics');
  await headend.close();
  assert.match(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  const text = answer.body.toString();
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) {
    assert.ok(docs.includes(`\`${name}\``), `docs/http.md: ${name}`);
  }
  assert.match(text, /headend_channel_viewers\{channel="news"\} 1\n/);
  assert.match(text, /headend_channels\{state="idle"\} 0\n/);
  const counted = (route: string, status: number) =>
    text.includes(
      `headend_http_requests_total{method="GET",route="${route}",status="${status}"} 1`,
    );
  assert.ok(counted('/channels/:id/:rendition/index.m3u8', 200));
  assert.ok(counted('/channels/:id', 404));
  assert.not.match(text, /no\/such\/route|nope/);
});

test('faults of channels that are gone leave the metrics', async () => {
  const { url, headend, engine } = await startServer();
  engine.fails = () => true;
  const counted = async () => {
    const text = (await ask(url, '/metrics')).body.toString();
    return [...text.matchAll(/^headend_faults_total\{.*channel="(\w+)"\}/gm)].map(([, id]) => id);
  };
  const news = headend.channels.get('news');
  const failed = once(headend, 'fault');
  const waiting = news.register();
  await failed;
  assert.equal(await counted(), ['news']);
  await headend.channels.remove('news');
  await waiting;
  assert.equal(await counted(), []);
  await headend.close();
});

test('every option is in docs/http.md', () => {
  for (const name of Object.keys(HttpOptionsSchema.properties)) {
    assert.ok(docs.includes(`\`${name}\``), name);
  }
});

test.run();
