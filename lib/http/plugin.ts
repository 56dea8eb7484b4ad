// The HTTP surface: a Fastify plugin that joins what all routes share with the groups of routes in routes/.

import compress from '@fastify/compress';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import type { Headend } from '../headend.js';
import type { RouteContext } from './context.js';
import { PLAYLIST_TYPE } from './media-types.js';
import { problemHandler } from './problem.js';
import { channelRoutes } from './routes/channels.js';
import { healthRoutes } from './routes/health.js';
import { playlistRoutes } from './routes/playlists.js';
import { segmentRoutes } from './routes/segments.js';
import { transportStreamRoutes } from './routes/transport-stream.js';

/** Options of {@link headendPlugin}. */
export interface HeadendPluginOptions {
  readonly headend: Headend;
}

/** Fastify plugin that serves the channels of a Headend; register it with a `prefix` to move the routes. */
export async function headendPlugin(
  app: FastifyInstance,
  { headend }: HeadendPluginOptions,
): Promise<void> {
  await app.register(cors, {
    methods: ['GET', 'HEAD'],
    allowedHeaders: ['Range', 'Authorization'],
    exposedHeaders: ['Content-Range', 'Accept-Ranges', 'ETag'],
    maxAge: 86_400,
  });
  await app.register(compress, {
    threshold: 256,
    encodings: ['gzip'],
    // Media segments are compressed already.
    customTypes: (contentType) =>
      contentType.startsWith(PLAYLIST_TYPE) || contentType.includes('json'),
  });
  app.setErrorHandler(problemHandler(headend.logger));
  const context: RouteContext = { headend };
  healthRoutes(app, context);
  channelRoutes(app, context);
  playlistRoutes(app, context);
  segmentRoutes(app, context);
  transportStreamRoutes(app, context);
}
