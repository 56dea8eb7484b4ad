// What nobody sends by accident: it is refused with a problem document, or does nothing.
import { once } from 'node:events';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Headend } from '../../lib/headend.js';
import { type Answer, type Ask, ask, assertProblem, json, startServer } from './support.js';

interface Context {
  headend: Headend;
  url: string;
  send(path: string, options?: Ask): Promise<Answer>;
}

const test = suite<Context>('hostile requests');

test.before.each(async (context) => {
  const { headend, url } = await startServer();
  Object.assign(context, { headend, url });
  context.send = (path, options) => ask(url, path, options);
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

const JSON_TYPE = { 'content-type': 'application/json' };

// Sends bytes as they are and resolves with all that comes back.
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
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
    ['GET /channels HTTP/1.1\r\n\r\n', 400],
  ] as const) {
    const answer = await raw(url, text);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), text.slice(0, 40));
  }
  assert.is((await send('/channels')).status, 200);
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
