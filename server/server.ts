// The HTTP server of the command: Headend's routes and the watch page beside them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import compress from '@fastify/compress';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance } from 'fastify';
import { type Address, listenOn } from '../lib/http/listen.js';
import { maxConnections } from '../lib/http/server-options.js';
import {
  type Headend,
  headendPlugin,
  problemHandler,
  routeNotFound,
  serverOptions,
} from '../lib/index.js';

const PAGE = fileURLToPath(new URL('page/', import.meta.url));
const HLS_JS = createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js');
// Never another file under the same name.
const HLS_JS_NAME = `hls-${hashOf(HLS_JS)}.min.js`;

const IMMUTABLE = 'public, max-age=31536000, immutable';

// hls.js runs its demuxer in a worker made from a blob, feeds the video from one, and looks for the browser's
// text tracks with a data URL.
const POLICY =
  "default-src 'self'; media-src 'self' blob: data:; worker-src blob:; base-uri 'none'; form-action 'none'";

/** A server that can listen once and is closed with its Headend. */
export interface Server extends AsyncDisposable {
  /** Resolves with the address, as `http://localhost:8080`. */
  listen(address: Address): Promise<string>;
}

/** Builds the server. */
export async function createServer(headend: Headend): Promise<Server> {
  const app = fastify(serverOptions(headend));
  app.setErrorHandler(problemHandler(headend.logger));
  app.setNotFoundHandler(routeNotFound);
  const { basePath = '' } = headend.http;
  app.server.maxConnections = maxConnections(headend);
  await app.register(headendPlugin, { headend, prefix: basePath });
  await app.register(page, { basePath });
  if (basePath !== '') {
    // Relative, for proxies that put a path before this one.
    const folder = `${basePath.slice(basePath.lastIndexOf('/') + 1)}/`;
    app.get(basePath, (_request, reply) => reply.redirect(folder));
  }
  return {
    listen: (address) => listenOn(app, address),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** The files of the page, compressed. They are asked for anew each time, but for hls.js, whose name is made from it. */
async function page(app: FastifyInstance, { basePath }: { readonly basePath: string }) {
  await app.register(compress, { encodings: ['br', 'gzip'] });
  await app.register(fastifyStatic, {
    root: PAGE,
    prefix: `${basePath}/`,
    redirect: basePath !== '',
    cacheControl: false,
    setHeaders(reply, path) {
      const isNamedByContent = path === HLS_JS;
      reply.header('cache-control', isNamedByContent ? IMMUTABLE : 'no-cache');
      reply.header('content-security-policy', POLICY);
      reply.header('x-content-type-options', 'nosniff');
    },
  });
  app.get(`${basePath}/assets/hls.min.js`, (_request, reply) =>
    reply.header('cache-control', 'no-cache').redirect(HLS_JS_NAME),
  );
  app.get(`${basePath}/assets/${HLS_JS_NAME}`, (_request, reply) =>
    reply.sendFile('hls.min.js', dirname(HLS_JS)),
  );
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
}
