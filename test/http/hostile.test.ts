// What nobody sends by accident: it is refused with a problem document, or does nothing.
import { once } from 'node:events';
import { connect } from 'node:net';
import fastify from 'fastify';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Headend } from '../../lib/headend.js';
import { headendPlugin } from '../../lib/http/plugin.js';
import { serverOptions } from '../../lib/http/server-options.js';
import { type Answer, type Ask, assertProblem, json, startServer } from './support.js';

interface Context {
  headend: Headend;
  url: string;
  send(path: string, options?: Ask): Promise<Answer>;
}

const test = suite<Context>('hostile requests');

test.before.each(async (context) => {
  Object.assign(context, await startServer());
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

const JSON_TYPE = { 'content-type': 'application/json' };

// Sends bytes as they are, and some more from time to time, and resolves with all that comes back.
async function raw(url: string, text: string, drip = ''): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  socket.on('error', () => {});
  socket.write(text);
  const timer = setInterval(() => drip !== '' && socket.writable && socket.write(drip), 10);
  await once(socket, 'close');
  clearInterval(timer);
  return received;
}

test('paths that climb, hide or break off lead nowhere', async ({ send }) => {
  for (const path of [
    '/channels/..%2f..%2f..%2fetc%2fpasswd',
    '/channels/%2e%2e/%2e%2e/etc/passwd',
    '/channels/news/720p/..%5c..%5cetc%5cpasswd',
    '/channels/news%00/index.m3u8',
    '/channels/news/720p%00/index.m3u8',
    '/channels/news%2findex.m3u8',
    '/channels//index.m3u8',
    '/./channels/../../../etc/passwd',
    '/channels/constructor',
    '/channels/__proto__',
    '/channels/news/toString/index.m3u8',
    `/channels/${'x'.repeat(5000)}`,
    `/channels/news/${'x'.repeat(5000)}/index.m3u8`,
    `/channels/${'%2e'.repeat(1000)}/index.m3u8`,
  ]) {
    const answer = await send(path);
    assert.ok([400, 404].includes(answer.status), `${answer.status} ${path.slice(0, 60)}`);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.not.match(answer.body.toString(), /root:|node_modules|\/work|at .*\.js/);
  }
  assertProblem(await send('/channels/%zz'), 400, 'INVALID_REQUEST');
});

test('queries that come twice, nested or poisoned', async ({ send }) => {
  for (const query of [
    'session=a&session=b',
    'session[]=a',
    'session[__proto__]=a',
    '__proto__=a',
    'constructor.prototype.x=1',
  ]) {
    const answer = await send(`/channels/news/index.m3u8?${query}`);
    if (query === 'session=a&session=b') assertProblem(answer, 400, 'INVALID_REQUEST');
    else assert.is(answer.status, 200, query);
    assert.not.match(answer.body.toString(), /proto|\[\]/);
  }
  assert.is(Reflect.get({}, 'x'), undefined);
});

test('numbers and instants that are absurd', async ({ send, headend }) => {
  await headend.channels.get('news').register('me');
  const position = (segmentNumber: string) =>
    send('/channels/news/position', {
      ...{ method: 'POST', headers: JSON_TYPE },
      body: `{"sessionId":"me","rendition":"720p","segmentNumber":${segmentNumber}}`,
    });
  for (const number of ['-1', '1.5', '"1"', 'null', '1e400', 'NaN', '[1]']) {
    assertProblem(await position(number), 400, 'INVALID_REQUEST');
  }
  for (const number of ['0', '-0', '9007199254740993', '1e308']) {
    const answer = await position(number);
    assert.is(answer.status, 200, `${number}: ${answer.body}`);
  }
  const positions = headend.channels
    .get('news')
    .status()
    .viewers.map((v) => v.segmentNumber);
  assert.ok(positions.every((number) => number !== null && Number.isSafeInteger(number)));
  for (const instant of ['9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z']) {
    const path = `/channels/news/guide?from=${instant}&to=${instant}`;
    assert.is((await send(path)).status, 200, instant);
  }
});

test('bodies that poison, lie or do not end', async ({ send, headend }) => {
  const post = (body: string, headers: Record<string, string> = JSON_TYPE) =>
    send('/channels', { method: 'POST', headers, body });
  for (const body of [
    '{"__proto__":{"isAdmin":true}}',
    '{"constructor":{"prototype":{"isAdmin":true}}}',
    '{"id":"x","schedule":{"type":"loop","programmes":[{"__proto__":{"source":"/x"}}]}}',
    '{"id":',
    '[]',
    'null',
    '""',
    '',
    '{"id":"x"}',
    '{"id":["x"],"schedule":{"type":"loop","programmes":[]}}',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    `${'{"id":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    `{"id":"x","schedule":${'{"type":"at","between":'.repeat(10_000)}1${'}'.repeat(10_001)}`,
  ]) {
    assertProblem(await post(body), 400, 'INVALID_REQUEST');
  }
  assertProblem(
    await post('id=x', { 'content-type': 'text/plain' }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  );
  assertProblem(await post('{}', {}), 415, 'UNSUPPORTED_MEDIA_TYPE');
  assertProblem(await post(`"${'x'.repeat(3_000_000)}"`), 413, 'BODY_TOO_LARGE');
  assert.is(Reflect.get({}, 'isAdmin'), undefined);
  assert.is(headend.channels.list().length, 1);
});

test('methods that the path does not have, and headers that would change the method', async ({
  send,
}) => {
  for (const [path, method, allow] of [
    ['/channels/news/index.m3u8', 'POST', 'GET, HEAD'],
    ['/channels/news/720p/index.m3u8', 'DELETE', 'GET, HEAD'],
    ['/channels/news/720p/1-00000000.m4s', 'PUT', 'GET, HEAD'],
    ['/channels', 'DELETE', 'GET, HEAD, POST'],
    ['/channels/news', 'PATCH', 'DELETE, GET, HEAD, PUT'],
    ['/health', 'PUT', 'GET, HEAD'],
    ['/lineup.post', 'GET', 'POST'],
    ['/events', 'HEAD', 'GET'],
  ] as const) {
    const answer = await send(path, { method });
    assert.is(answer.headers.allow, allow, `${method} ${path}`);
    assert.is(answer.status, 405);
    if (method !== 'HEAD') assertProblem(answer, 405, 'METHOD_NOT_ALLOWED');
  }
  for (const method of ['PROPFIND', 'TRACE', 'M-SEARCH', 'QUERY']) {
    const answer = await send('/channels', { method });
    assert.ok([400, 404, 405, 501].includes(answer.status), `${answer.status} ${method}`);
  }
  const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
  assert.is((await send('/channels/news?_method=DELETE', { headers })).status, 200);
  assert.is((await send('/channels/news')).status, 200);
});

test('what is no HTTP request, or one with huge headers, is answered and cut off', async ({
  url,
  send,
}) => {
  for (const [text, status] of [
    ['GARBAGE\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['GET /channels HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['GET /lineup.m3u HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n', 400],
  ] as const) {
    const answer = await raw(url, text);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), text.slice(0, 40));
    assert.match(answer, /content-type: application\/problem\+json/i);
  }
  assert.is((await send('/channels')).status, 200);
});

test('who sends headers or a body too slowly is told so and cut off', async ({ headend }) => {
  const options = serverOptions(headend);
  const patient = fastify(options).server;
  assert.is(patient.headersTimeout, 10_000);
  assert.is(patient.requestTimeout, 30_000);
  assert.is(patient.timeout, 60_000);
  assert.is(options.http?.connectionsCheckingInterval, 2000);
  // The same server, in a hurry.
  const hurry = { headersTimeout: 100, connectionsCheckingInterval: 20 };
  const app = fastify({ ...options, requestTimeout: 200, http: { ...options.http, ...hurry } });
  await app.register(headendPlugin, { headend });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  for (const [begin, drip] of [
    ['GET /channels HTTP/1.1\r\nHost: a\r\n', 'X: y\r\n'],
    [
      'POST /channels HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n',
      ' ',
    ],
  ] as const) {
    const answer = await raw(url, begin, drip);
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(answer, /"code":"INVALID_REQUEST"\}$/);
  }
  await app.close();
});

test('a connection beyond maxConnections is turned away until another one ends', async () => {
  const { headend, url } = await startServer({ maxConnections: 2 });
  const { hostname, port } = new URL(url);
  // An open connection that has had its answer, or null.
  const connected = async () => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [data] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return Buffer.isBuffer(data) ? { socket, text: data.toString() } : null;
  };
  const first = await connected();
  const second = await connected();
  assert.match(first?.text ?? '', /^HTTP\/1\.1 200 /);
  assert.match(second?.text ?? '', /^HTTP\/1\.1 200 /);
  assert.is(await connected(), null);
  first?.socket.destroy();
  let third = null;
  while (third === null) third = await connected();
  assert.match(third.text, /^HTTP\/1\.1 200 /);
  second?.socket.destroy();
  third.socket.destroy();
  await headend.close();
});

test('OPTIONS without a browser behind it is answered like a preflight', async ({ send }) => {
  for (const path of ['/channels', '/channels/news/index.m3u8', '/nothing', '*']) {
    const { status, body } = await send(path, { method: 'OPTIONS' });
    assert.is(status, 204, path);
    assert.is(body.length, 0);
  }
});

test('the host that a request names goes nowhere unless it can be one', async ({ send }) => {
  const servers = async (host: string) => {
    const answer = await send('/openapi.json', { headers: { host } });
    return answer.status === 200 ? JSON.stringify(json(answer)) : String(answer.status);
  };
  assert.match(
    await servers('tv.example.org:8080'),
    /"servers":\[\{"url":"http:\/\/tv\.example\.org:8080"/,
  );
  assert.match(await servers('[2001:db8::1]:80'), /"url":"http:\/\/\[2001:db8::1\]:80"/);
  for (const host of ['a"b', 'a/b', 'evil.example/#', 'a b', 'user@evil.example', '<script>']) {
    assert.is(await servers(host), '400', host);
  }
  const untrusted = await send('/openapi.json', {
    headers: {
      host: 'tv.example.org',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/evil',
      'x-forwarded-for': '203.0.113.7',
    },
  });
  assert.match(untrusted.body.toString(), /"url":"http:\/\/tv\.example\.org"/);
});

test('nothing of the file system is in what clients read', async ({ send, headend }) => {
  const paths = ['/channels', '/channels/news', '/metrics', '/openapi.json', '/health'];
  for (const path of [...paths, '/channels/news/index.m3u8', '/channels/news/720p/index.m3u8']) {
    const { body, status } = await send(path);
    assert.is(status, 200, path);
    assert.not.match(body.toString(), /\/bulletin|\/weather/, path);
  }
  assert.is(headend.channels.list().length, 1);
});

test.run();
