// The HTTP server of the command: Headend's routes and the watch page beside them.

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import fastify from 'fastify';
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
  await app.register(fastifyStatic, {
    root: PAGE,
    prefix: `${basePath}/`,
    redirect: basePath !== '',
    setHeaders(reply) {
      reply.header('content-security-policy', POLICY);
      reply.header('x-content-type-options', 'nosniff');
    },
  });
  if (basePath !== '') {
    // Relative, for proxies that put a path before this one.
    const folder = `${basePath.slice(basePath.lastIndexOf('/') + 1)}/`;
    app.get(basePath, (_request, reply) => reply.redirect(folder));
  }
  app.get(`${basePath}/assets/hls.min.js`, (_request, reply) =>
    reply.sendFile('hls.min.js', dirname(HLS_JS)),
  );
  return {
    listen: (address) => listenOn(app, address),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
