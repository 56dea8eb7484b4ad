// The HTTP server of a Headend: Fastify with Headend's routes and nothing else.

import fastify, { type FastifyInstance } from 'fastify';
import type { Headend } from '../headend.js';
import { headendPlugin } from './plugin.js';
import { problemHandler, routeNotFound } from './problem.js';

/** Builds the server; it listens when told to. */
export async function createHttpApp(headend: Headend): Promise<FastifyInstance> {
  const app = fastify({
    // A close does not wait for clients that hold a connection open.
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    frameworkErrors: problemHandler(headend.logger),
  });
  app.setNotFoundHandler(routeNotFound);
  await app.register(headendPlugin, { headend });
  await app.ready();
  return app;
}
