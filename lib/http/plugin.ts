// The HTTP surface: a Fastify plugin that joins what all routes share with the groups of routes in routes/.

import compress from '@fastify/compress';
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import { fastifySSE } from '@fastify/sse';
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HeadendError } from '../errors.js';
import type { Headend } from '../headend.js';
import { Access } from './access.js';
import type { RouteContext } from './context.js';
import { announceTuner } from './discovery.js';
import { EventHub } from './event-hub.js';
import { isCompressible } from './media-types.js';
import { refuseOtherMethods } from './methods.js';
import { Metrics } from './metrics.js';
import { HTTP_DEFAULTS, type HttpOptions } from './options.js';
import { problemHandler, routeNotFound } from './problem.js';
import { channelChangeRoutes } from './routes/channel-changes.js';
import { channelRoutes } from './routes/channels.js';
import { eventRoutes } from './routes/events.js';
import { guideRoutes } from './routes/guide.js';
import { healthRoutes } from './routes/health.js';
import { historyRoutes } from './routes/history.js';
import { metricsRoutes } from './routes/metrics.js';
import { openapiRoutes } from './routes/openapi.js';
import { playlistRoutes } from './routes/playlists.js';
import { segmentRoutes } from './routes/segments.js';
import { sessionRoutes } from './routes/sessions.js';
import { transportStreamRoutes } from './routes/transport-stream.js';
import { tunerRoutes } from './routes/tuner.js';
import { security, securitySchemes } from './security.js';
import { type App, type TypeBoxProvider, validatorCompiler } from './validation.js';

/** Options of {@link headendPlugin}. */
export interface HeadendPluginOptions {
  /** Whose channels are served; it stays the caller's to close. */
  readonly headend: Headend;
}

/** Fastify plugin that serves the channels of a Headend; register it with a `prefix` to move the routes. */
export async function headendPlugin(
  instance: FastifyInstance,
  { headend }: HeadendPluginOptions,
): Promise<void> {
  const app: App = instance.withTypeProvider<TypeBoxProvider>();
  const { clock, http: options } = headend;
  const access = new Access(options, () => clock.now());
  app.setValidatorCompiler(validatorCompiler);
  // Bodies are JSON: what a web page may send across origins without asking first is none.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(problemHandler(headend.logger));
  // Without a prefix the paths that are none belong to the server.
  if (app.prefix !== '') app.setNotFoundHandler(routeNotFound);
  await shareAmongRoutes(app, options);
  const completeMethods = refuseOtherMethods(app);
  guard(app, access);

  const context: RouteContext = { headend, options, access, clock };
  const hub = new EventHub({
    headend,
    clock,
    maxClients: options.maxEventClients ?? HTTP_DEFAULTS.maxEventClients,
    statusMs: options.statusMs ?? HTTP_DEFAULTS.statusMs,
  });
  const metrics = new Metrics(headend, () => hub.size);
  app.addHook('onResponse', async (request, reply) => metrics.count(request, reply));
  app.addHook('preClose', async () => {
    hub.close();
    metrics.close();
  });

  healthRoutes(app, context);
  metricsRoutes(app, metrics);
  eventRoutes(app, context, hub);
  openapiRoutes(app, context, () => app.swagger());
  channelRoutes(app, context);
  channelChangeRoutes(app, context);
  playlistRoutes(app, context);
  segmentRoutes(app, context);
  transportStreamRoutes(app, context);
  sessionRoutes(app, context);
  guideRoutes(app, context);
  historyRoutes(app, context);
  await tunerRoutes(app, context);
  if (options.ssdp) announceTuner(app, context);
  completeMethods();
}

async function shareAmongRoutes(app: App, options: HttpOptions): Promise<void> {
  await app.register(cors, {
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Range', 'Authorization', 'Content-Type'],
    exposedHeaders: ['Content-Range', 'Accept-Ranges', 'ETag', 'Retry-After'],
    maxAge: 86_400,
    // Who asks OPTIONS without being a browser gets the same answer.
    strictPreflight: false,
  });
  await app.register(compress, {
    threshold: 256,
    encodings: ['gzip'],
    customTypes: isCompressible,
  });
  if (options.rateLimit !== false) {
    const { max, windowMs } = { ...HTTP_DEFAULTS.rateLimit, ...options.rateLimit };
    await app.register(rateLimit, {
      max,
      timeWindow: windowMs,
      allowList: ['127.0.0.1', '::1'],
      addHeadersOnExceeding: {
        'x-ratelimit-limit': false,
        'x-ratelimit-remaining': false,
        'x-ratelimit-reset': false,
      },
      errorResponseBuilder: (_request, { after }) =>
        new HeadendError('RATE_LIMITED', 'http', `too many requests; again in ${after}`, {
          retryable: true,
        }),
    });
  }
  await app.register(fastifySSE);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Headend', description: 'Live TV channels over HLS.', version: '1' },
      components: { securitySchemes: securitySchemes(options) },
    },
    // Paths are relative to the server's URL, which has the prefix.
    transform: ({ schema, url, route }) => ({
      schema: { ...schema, security: security(options, route.config?.headendAccess ?? 'viewer') },
      url: url.slice(app.prefix.length),
    }),
  });
}

// Before the body is read, and after the rate limit, which runs at `onRequest`.
function guard(app: App, access: Access): void {
  app.addHook('preParsing', async (request) => {
    // Node takes the first one, a proxy before it may have taken another (RFC 9112 3.2).
    const named = request.raw.headersDistinct.host?.length ?? 0;
    if (named > 1 || (named === 0 && request.raw.httpVersion === '1.1')) {
      throw new HeadendError('INVALID_REQUEST', 'http', 'the request must name one Host');
    }
    access.check(request);
    if (hasBodyReadBefore(request)) {
      throw new HeadendError(
        'INVALID_REQUEST',
        'http',
        'the body was read before Headend got the request: mount the handler before body parsers',
      );
    }
  });
}

function hasBodyReadBefore({ raw, headers }: FastifyRequest): boolean {
  return raw.readableEnded && Number(headers['content-length'] ?? 1) > 0 && raw.method !== 'GET';
}
