// The HTTP server of a Headend: Fastify with Headend's routes and nothing else.

import fastify, { type FastifyInstance } from 'fastify';
import type { Headend } from '../headend.js';
import { headendPlugin } from './plugin.js';
import { routeNotFound } from './problem.js';
import { maxConnections, serverOptions } from './server-options.js';

/** Builds the server; it listens when told to. */
export async function createHttpApp(headend: Headend): Promise<FastifyInstance> {
  const app = fastify(serverOptions(headend));
  app.server.maxConnections = maxConnections(headend);
  app.setNotFoundHandler(routeNotFound);
  await app.register(headendPlugin, { headend, prefix: headend.http.basePath ?? '' });
  await app.ready();
  return app;
}
