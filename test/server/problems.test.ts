// What the sample server answers where neither Headend nor the page has anything: problem documents too.
import { request } from 'node:http';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Headend } from '../../lib/headend.js';
import { createServer } from '../../server/server.js';
import { FakeClock } from '../stream/fake-clock.js';
import { FakeEngine } from '../stream/fake-engine.js';

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

/** The path goes out as it is: fetch would tidy it up. */
function ask(url: string, path: string, method: string): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, type: response.headers['content-type'], text });
    })
      .on('error', reject)
      .end();
  });
}

test('unknown routes, wrong methods and malformed addresses are problem documents', async () => {
  const clock = new FakeClock(Date.parse('2025-06-01T00:00:00.000Z'));
  const headend = await Headend.create({}, { engine: new FakeEngine(clock), clock });
  const server = await createServer(headend);
  try {
    const url = await server.listen({ port: 0, host: 'localhost' });
    assert.match(url, /^http:\/\/localhost:\d+$/);
    const cases = [
      ['GET', '/nothing', 404, 'ROUTE_NOT_FOUND'],
      ['GET', '/assets/nothing.js', 404, 'ROUTE_NOT_FOUND'],
      ['POST', '/', 404, 'ROUTE_NOT_FOUND'],
      ['DELETE', '/channels', 405, 'METHOD_NOT_ALLOWED'],
      ['GET', '/%ff', 400, 'INVALID_REQUEST'],
      ['GET', '/channels/%ff/index.m3u8', 400, 'INVALID_REQUEST'],
      ['GET', '/channels/nope', 404, 'CHANNEL_NOT_FOUND'],
    ] as const;
    for (const [method, path, status, code] of cases) {
      const answer = await ask(url, path, method);
      assert.is(answer.status, status, `${method} ${path}: ${answer.text}`);
      assert.match(answer.type ?? '', /^application\/problem\+json/, `${method} ${path}`);
      assert.match(answer.text, `"code":"${code}"`);
    }
    const page = await ask(url, '/', 'GET');
    assert.match(page.type ?? '', /^text\/html/);
  } finally {
    await server[Symbol.asyncDispose]();
    await headend.close();
  }
});

test.run();
