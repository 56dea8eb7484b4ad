// Sources behind servers: a certificate that nobody trusts is refused, a server that never answers does not hold up
// anything, one that breaks off ends in slate.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHeadend, HeadendError } from '../../lib/index.js';
import { makeFixture } from '../fixtures/make.js';
import { output } from '../support/process.js';

interface Context {
  folder: string;
  cert: string;
  key: string;
}

const test = suite<Context>('network sources');

test.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-network-'));
  context.cert = join(context.folder, 'cert.pem');
  context.key = join(context.folder, 'key.pem');
  await output('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', context.key, '-out', context.cert],
  ]);
});

test.after(async ({ folder }) => {
  await rm(folder, { recursive: true });
});

/** Serves a file with ranges, as any file server does. */
function fileListener(path: string): RequestListener {
  return async (request, response) => {
    const { size } = await stat(path);
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': size - from,
      'accept-ranges': 'bytes',
      ...(from > 0 && { 'content-range': `bytes ${from}-${size - 1}/${size}` }),
    });
    createReadStream(path, { start: from })
      .on('error', () => {})
      .pipe(response);
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function failure(promise: Promise<unknown>): Promise<HeadendError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HeadendError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('D7: https is trusted when its certificate is, else denied', async ({ cert, key }) => {
  const { path } = await makeFixture({ frames: 50 });
  const tls = { cert: await readFile(cert), key: await readFile(key) };
  const server = createHttpsServer(tls, fileListener(path));
  const url = `https://localhost:${await listening(server)}/a.mp4`;
  const redirector = createHttpServer((_request, response) => {
    response.writeHead(302, { location: url }).end();
  });
  const redirected = `http://127.0.0.1:${await listening(redirector)}/a.mp4`;
  try {
    await using trusting = await createHeadend({ caFile: cert });
    assert.equal((await trusting.probe(url)).duration, { num: 2, den: 1 });
    assert.equal((await trusting.probe(redirected)).duration, { num: 2, den: 1 });
    // By the system's authorities, which do not know the certificate.
    await using careful = await createHeadend();
    for (const source of [url, redirected]) {
      const error = await failure(careful.probe(source));
      assert.is(error.code, 'SOURCE_DENIED', error.message);
      assert.match(error.message, 'ertificate');
    }
    const other = url.replace('localhost', '127.0.0.1');
    assert.is((await failure(careful.probe(other))).code, 'SOURCE_DENIED');
  } finally {
    for (const one of [server, redirector]) {
      one.closeAllConnections();
      one.close();
    }
  }
});

test('D9: a probe and a measurement of a server that never answers end when they are told to', async () => {
  const asked: (() => void)[] = [];
  const server = createHttpServer(() => asked.shift()?.());
  const url = `http://127.0.0.1:${await listening(server)}/never.ts`;
  try {
    await using headend = await createHeadend();
    for (const look of ['probe', 'measureLoudness'] as const) {
      const stop = new AbortController();
      const arrived = new Promise<void>((resolve) => asked.push(resolve));
      const looking = headend[look](url, { signal: stop.signal }).catch((error: unknown) => error);
      await arrived;
      const reason = new Error('enough');
      stop.abort(reason);
      assert.is(await looking, reason);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('D7: a server answers with its error', async () => {
  const answers: Readonly<Record<string, number>> = { '/gone': 404, '/secret': 403, '/me': 401 };
  const server = createHttpServer((request, response) => {
    response.writeHead(answers[request.url ?? ''] ?? 500).end();
  });
  const base = `http://127.0.0.1:${await listening(server)}`;
  try {
    await using headend = await createHeadend();
    assert.is((await failure(headend.probe(`${base}/gone`))).code, 'SOURCE_NOT_FOUND');
    assert.is((await failure(headend.probe(`${base}/secret`))).code, 'SOURCE_DENIED');
    assert.is((await failure(headend.probe(`${base}/me`))).code, 'SOURCE_DENIED');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test.run();
