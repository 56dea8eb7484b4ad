// The description of the routes: OpenAPI, metrics and docs/http.md say what the server does.

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Schema from 'typebox/schema';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import { channelFromDefinition } from '../../lib/definition.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { HttpOptionsSchema } from '../../lib/http/options.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeEngine } from '../stream/fake-engine.js';
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

const SECRETS = {
  adminToken: 'admin-token-0123456789',
  viewerToken: 'viewer-token-0123456789',
  signingSecret: 'a secret that nobody knows, 0123456789',
};

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<Record<string, { readonly content?: unknown }>>;
}

async function description(url: string) {
  const { paths, components } = Object(json(await ask(url, '/openapi.json')));
  const operations: Operation[] = Object.entries(Object(paths)).flatMap(([path, item]) =>
    Object.entries(Object(item)).map(([method, operation]) => ({
      ...Object(operation),
      method: method.toUpperCase(),
      path,
    })),
  );
  return { operations, schemes: Object.keys(components.securitySchemes ?? {}) };
}

test('OpenAPI says what a request must bring, and without it there is no answer', async () => {
  const { url, headend } = await startServer(SECRETS);
  const { operations, schemes } = await description(url);
  assert.equal(schemes.sort(), ['admin', 'expires', 'signature', 'viewer']);
  for (const { method, path, security } of operations) {
    const name = `${method} ${path}`;
    const { status } = await ask(url, path.replace('{id}', 'news').replaceAll(/[{}]/g, ''), {
      method,
    });
    assert.is(status === 401, security.length > 0, `${name}: ${status}`);
  }
  const of = (name: string) =>
    operations.find(({ method, path }) => `${method} ${path}` === name)?.security;
  const watching = [{ viewer: [] }, { signature: [], expires: [] }, { admin: [] }];
  assert.equal(of('GET /channels/{id}/index.m3u8'), watching);
  assert.equal(of('POST /channels'), [{ admin: [] }]);
  await headend.close();

  const open = await startServer();
  const free = await description(open.url);
  assert.equal(free.schemes, []);
  for (const { path, security } of free.operations) assert.equal(security, [], path);
  await open.headend.close();
});

test('JSON answers are as OpenAPI publishes them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-description-'));
  const journal = await openJournal({ file: join(folder, 'journal.sqlite') });
  const parts = { engine: new FakeEngine(systemClock, 1), clock: systemClock, journal };
  const headend = await Headend.create({}, parts);
  const schedule = { type: 'loop', programmes: [{ source: '/a.mp4', title: 'A', duration: 60 }] };
  const definition = (id: string, more: object = {}) => JSON.stringify({ id, schedule, ...more });
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  const { operations } = await description(url);
  const headers = { 'content-type': 'application/json' };
  const checked = new Set<string>();
  const check = async (
    name: string,
    status: number,
    { values = {}, body, query = '' }: { values?: object; body?: string; query?: string } = {},
  ) => {
    const operation = operations.find(({ method, path }) => `${method} ${path}` === name);
    assert.ok(operation, name);
    const { method } = operation;
    const params = Object.entries({ id: 'news', rendition: '720p', ...values });
    const path = params.reduce(
      (text, [param, value]) => text.replace(`{${param}}`, value),
      operation.path,
    );
    const options = body === undefined ? { method } : { method, body, headers };
    const answer = await ask(url, `${path}${query}`, options);
    const text = answer.body.toString();
    assert.is(answer.status, status, `${name}: ${text}`);
    const type = answer.headers['content-type']?.split(';')[0] ?? '';
    const { schema } = Object(Object(operation.responses[status]?.content)[type]);
    assert.ok(schema, `${name} ${status} ${type}`);
    const [isValid, errors] = Schema.Errors(schema, JSON.parse(text));
    assert.ok(isValid, `${name} ${status}: ${JSON.stringify(errors)}`);
    checked.add(`${name} ${type}`);
  };

  const full = { number: '7', logo: '/news.png', group: 'News', language: 'de' };
  await check('POST /channels', 201, { body: definition('news', full) });
  await check('POST /channels', 409, { body: definition('news') });
  await check('POST /channels', 400, { body: '{}' });
  await check('PUT /channels/{id}', 201, { values: { id: 'films' }, body: definition('films') });
  await check('PUT /channels/{id}', 200, { values: { id: 'films' }, body: definition('films') });
  await check('GET /channels/{id}', 200);
  await ask(url, '/channels/news/1080p/index.m3u8?session=me');
  const position = { sessionId: 'me', segmentNumber: 1, rendition: '1080p' };
  const reported = JSON.stringify(position);
  await check('POST /channels/{id}/position', 200, { body: reported });
  await check('POST /channels/{id}/position', 404, {
    body: JSON.stringify({ ...position, sessionId: 'nobody' }),
  });
  await headend.reportFault(
    new HeadendError('DECODE_FAILED', 'decode', 'x', { channelId: 'news' }),
  );
  await journal.flush();
  for (const name of [
    'GET /health',
    'GET /health/live',
    'GET /health/ready',
    'GET /openapi.json',
    'GET /channels',
    'GET /channels/{id}',
    'GET /channels/{id}/guide',
    'GET /channels/{id}/as-run',
    'GET /faults',
    'GET /sessions',
    'GET /discover.json',
    'GET /lineup.json',
    'GET /lineup_status.json',
  ]) {
    await check(name, 200);
  }
  const nowhere = { values: { id: 'nowhere' } };
  await check('GET /channels/{id}', 404, nowhere);
  await check('GET /channels/{id}/index.m3u8', 404, nowhere);
  await check('GET /channels/{id}/{rendition}/{file}', 404, { values: { file: '1.ts' } });
  await check('GET /channels/{id}/guide', 400, { query: '?from=x' });
  await headend.close();
  await rm(folder, { recursive: true, force: true });
  for (const { method, path, responses } of operations) {
    const isJson = Object.values(responses).some(
      ({ content }) => 'application/json' in Object(content ?? {}),
    );
    if (isJson) assert.ok(checked.has(`${method} ${path} application/json`), `${method} ${path}`);
  }
});

test('a segment has the media types that OpenAPI names', async () => {
  const { url, headend } = await startServer();
  const { operations } = await description(url);
  const { responses } = operations.find(({ path }) => path.endsWith('{file}')) ?? {};
  const types = ['video/mp4', 'audio/mp4', 'video/mp2t'];
  for (const status of [200, 206]) {
    assert.equal(Object.keys(Object(responses?.[status]?.content)), types);
  }
  await headend.close();
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

test('with 201 channels and more the metrics stay bounded', async () => {
  const { url, headend } = await startServer();
  const ids = Array.from({ length: 202 }, (_, index) => `c${index}`);
  // With the channel news there are 203.
  for (const id of ids) {
    const schedule = loop([{ source: '/film', duration: 60 }]);
    await headend.channels.add({ id, schedule });
  }
  const fault = { stage: 'decode', message: '', averror: 0, source: '', airsAt: null } as const;
  for (const channelId of ids) {
    headend.emit('fault', { ...fault, code: 'DECODE_FAILED', channelId });
  }
  const text = (await ask(url, '/metrics')).body.toString();
  await headend.close();
  const labels = (metric: string) =>
    [...text.matchAll(new RegExp(`^${metric}\\{.*channel="(\\w+)"\\}`, 'gm'))].map(([, id]) => id);
  const labelled = ['news', ...ids.slice(0, 199)];
  for (const metric of ['viewers', 'rungs', 'runway_seconds', 'generation_ratio']) {
    assert.equal(labels(`headend_channel_${metric}`), labelled, metric);
  }
  assert.equal(labels('headend_faults_total'), [...ids.slice(0, 199), '_others']);
  assert.match(text, /headend_faults_total\{code="DECODE_FAILED",channel="_others"\} 3\n/);
  assert.match(text, /headend_channels\{state="idle"\} 203\n/);
});

test('every option is in docs/http.md', () => {
  for (const name of Object.keys(HttpOptionsSchema.properties)) {
    assert.ok(docs.includes(`\`${name}\``), name);
  }
});

test.run();
