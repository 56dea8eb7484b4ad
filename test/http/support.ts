// A Headend over the fake engine on a real socket, and the requests that tests send to it.
import { type IncomingHttpHeaders, request } from 'node:http';
import * as assert from 'uvu/assert';
import { type Clock, systemClock } from '../../lib/clock.js';
import { Headend } from '../../lib/headend.js';
import type { HttpOptions } from '../../lib/http/options.js';
import type { HeadendOptions } from '../../lib/options.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeEngine } from '../stream/fake-engine.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What a request may say besides its path. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  /** Address of this machine that the request comes from. */
  readonly from?: string;
}

/** Sends a request; the path goes out as it is: fetch would tidy it up. */
export function ask(base: string, path: string, options: Ask = {}): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const { method = 'GET', headers = {}, body, from } = options;
  return new Promise((resolve, reject) => {
    const client = request(
      { host: hostname, port, path, method, headers, ...(from && { localAddress: from }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0, headers: received } = response;
          resolve({ status: statusCode, headers: received, body: Buffer.concat(chunks) });
        });
      },
    );
    client.on('error', reject);
    client.end(body);
  });
}

/** The system's clock, which counts the timers that are open. */
export class CountingClock implements Clock {
  pending = 0;

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  setTimer(fire: () => void, ms: number): () => void {
    let open = true;
    const close = () => {
      if (open) this.pending--;
      open = false;
    };
    this.pending++;
    const cancel = systemClock.setTimer(() => {
      close();
      fire();
    }, ms);
    return () => {
      close();
      cancel();
    };
  }
}

/** A Headend with the channel `news`, over an engine without media. */
export interface TestServer {
  readonly headend: Headend;
  readonly engine: FakeEngine;
  readonly timers: { readonly pending: number };
  readonly url: string;
  send(path: string, options?: Ask): Promise<Answer>;
}

/**
 * @param timers Its clock.
 * @param options What is not about HTTP.
 */
export async function startServer(
  http: HttpOptions = {},
  timers: Clock & { readonly pending: number } = new CountingClock(),
  options: Omit<HeadendOptions, 'http'> = {},
): Promise<TestServer> {
  const engine = new FakeEngine(timers, 1);
  engine.segmentBytes = 1000;
  const headend = await Headend.create({ ...options, http }, { engine, clock: timers });
  await headend.channels.add({
    id: 'news',
    name: 'News',
    ladder: [{ height: 720, bitrate: 2_000_000 }],
    schedule: loop([
      { source: '/bulletin', title: 'Bulletin', duration: 60 },
      { source: '/weather', title: 'Weather', duration: 60 },
    ]),
  });
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  return { headend, engine, timers, url, send: (path, options) => ask(url, path, options) };
}

/** Runs with a server, and closes it. */
export async function withServer(
  http: HttpOptions,
  run: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await startServer(http);
  try {
    await run(server);
  } finally {
    await server.headend.close();
  }
}

export function json(answer: Answer): unknown {
  return JSON.parse(answer.body.toString());
}

/** The lines of a playlist that are URIs. */
export function uris(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

export function assertProblem(answer: Answer, status: number, code: string): void {
  assert.is(answer.status, status, answer.body.toString());
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
  const problem = json(answer);
  assert.ok(typeof problem === 'object' && problem !== null);
  assert.equal(Object.keys(problem).sort(), ['code', 'detail', 'status', 'title', 'type']);
  assert.is('code' in problem && problem.code, code);
  assert.is('status' in problem && problem.status, status);
}
