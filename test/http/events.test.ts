// Server-sent events: what clients are told, and what those cost who do not read.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FakeClock } from '../stream/fake-clock.js';
import { ask, assertProblem, startServer, withServer } from './support.js';

const test = suite('events');

interface Follower {
  /** Resolves when what has been received matches. */
  until(pattern: RegExp): Promise<string>;
  readonly text: string;
  close(): void;
}

async function follow(url: string, headers: Record<string, string> = {}): Promise<Follower> {
  const client = request(`${url}/events`, { headers });
  client.on('error', () => {});
  client.end();
  const [response] = await once(client, 'response');
  assert.is(response.statusCode, 200);
  assert.match(response.headers['content-type'], /^text\/event-stream/);
  let text = '';
  let wake = () => {};
  response.on('error', () => {});
  response.on('data', (data: Buffer) => {
    text += data.toString();
    wake();
  });
  return {
    get text() {
      return text;
    },
    async until(pattern) {
      while (!pattern.test(text)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return text;
    },
    close: () => client.destroy(),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the status comes at once and again, changes as they happen', async () => {
  await withServer({ statusMs: 500 }, async ({ url }) => {
    const follower = await follow(url);
    await follower.until(/^event: status\ndata: \{"at":"[^"]+","channels":\[\{"id":"news"/);
    await ask(url, '/channels/news/720p/index.m3u8?session=me');
    await follower.until(/event: channel\ndata: \{"channelId":"news","state":"starting"\}\n\n/);
    await follower.until(/event: session\ndata: .*"type":"opened","viewers":1,"sessionId":"me"/);
    await follower.until(/event: batch\ndata: .*"type":"started"/);
    await follower.until(/event: status[\s\S]*event: status[\s\S]*event: status/);
    follower.close();
  });
});

test('comments keep a connection alive on which nothing happens', async () => {
  const clock = new FakeClock(Date.parse('2025-06-01T00:00:00.000Z'));
  const { url, headend } = await startServer({ statusMs: 600_000 }, clock);
  const follower = await follow(url);
  await follower.until(/^event: status\ndata: .*\n\n$/);
  await clock.advance(14_000);
  await ask(url, '/health/live');
  assert.not.match(follower.text, /^:/m);
  for (const comments of [1, 2, 3]) {
    await clock.advance(15_000);
    await follower.until(new RegExp(`^event: status\\ndata: .*\\n\\n(?::\\n\\n){${comments}}$`));
  }
  follower.close();
  await headend.close();
});

test('C13: a producer that fails shows in the events, in the channel and in the metrics', async () => {
  await withServer({}, async ({ url, engine }) => {
    engine.fails = () => true;
    const follower = await follow(url);
    const waiting = ask(url, '/channels/news/720p/index.m3u8').catch(() => null);
    await follower.until(/event: fault\ndata: .*"code":"ENCODE_FAILED"/);
    await follower.until(/event: channel\ndata: \{"channelId":"news","state":"error"\}/);
    await follower.until(/event: batch\ndata: .*"type":"failed"/);
    const channel = (await ask(url, '/channels/news')).body.toString();
    assert.match(channel, /"state":"error"/);
    assert.match(channel, /"failures":1/);
    assert.match(channel, /"lastFault":\{"code":"ENCODE_FAILED"/);
    const metrics = (await ask(url, '/metrics')).body.toString();
    assert.match(metrics, /headend_faults_total\{code="ENCODE_FAILED",channel="news"\} 1\n/);
    assert.match(metrics, /headend_channels\{state="error"\} 1\n/);
    engine.fails = () => false;
    await waiting;
    const later = (await ask(url, '/channels/news')).body.toString();
    assert.match(later, /"failures":0/, 'progress is seen, too');
    follower.close();
  });
});

test('faults name files to programs on this machine alone', async () => {
  await withServer({}, async ({ url, headend }) => {
    const own = await follow(url);
    const page = await follow(url, { origin: 'https://example.org' });
    headend.emit('fault', {
      code: 'SOURCE_NOT_FOUND',
      channelId: 'news',
      stage: 'open',
      message: '/films/a.mp4: no such file',
      averror: -2,
      source: '/films/a.mp4',
      airsAt: new Date(0),
    });
    await own.until(/event: fault\ndata: .*"source":"\/films\/a\.mp4"/);
    await page.until(/event: fault\ndata: \{"code":"SOURCE_NOT_FOUND","channelId":"news"/);
    assert.not.match(page.text, /\/films/);
    own.close();
    page.close();
  });
});

test('no more than the bound follow, and a place becomes free', async () => {
  await withServer({ maxEventClients: 2 }, async ({ url }) => {
    const [first] = [await follow(url), await follow(url)];
    const refused = await ask(url, '/events');
    assertProblem(refused, 503, 'TOO_MANY_CLIENTS');
    assert.is(refused.headers['retry-after'], '2');
    first.close();
    let status = 503;
    while (status === 503) {
      const client = request(`${url}/events`).end();
      const [response] = await once(client, 'response');
      status = response.statusCode;
      client.destroy();
    }
    assert.is(status, 200);
  });
});

test('a client that does not read is dropped', async () => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => warnings.push(message);
  process.on('warning', onWarning);
  await withServer({}, async ({ url, headend }) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'readable');
    const clients = async () =>
      /headend_event_clients (\d+)/.exec((await ask(url, '/metrics')).body.toString())?.[1];
    assert.is(await clients(), '1');
    const fault = {
      code: 'DECODE_FAILED',
      channelId: 'news',
      stage: 'decode',
      message: 'x'.repeat(60_000),
      averror: 0,
      source: '',
      airsAt: null,
    } as const;
    // More than any socket buffers; each turn lets the socket take what it can.
    for (let sent = 0; (await clients()) === '1'; sent++) {
      assert.ok(sent < 2000, 'it is dropped long before');
      headend.emit('fault', fault);
      await turn();
    }
    assert.is(await clients(), '0');
    socket.destroy();
  });
  process.off('warning', onWarning);
  assert.equal(warnings, []);
});

test('the end of the server ends the events, and no timer is left', async () => {
  const { url, headend, timers } = await startServer();
  const follower = await follow(url);
  await headend.close();
  assert.is(timers.pending, 0);
  assert.is(headend.listenerCount('fault'), 0);
  follower.close();
});

test.run();
