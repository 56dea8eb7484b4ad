// Answers 405 with `Allow` where a path exists under other methods (RFC 9110 15.5.6).

import type { FastifyInstance, RouteOptions } from 'fastify';
import { HeadendError } from '../errors.js';

/** Follows which routes are added to `app` from now on; the function returned completes them. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const methods = new Map<string, Set<string>>();
  const follow = ({ url, method }: RouteOptions) => {
    const known = methods.get(url) ?? new Set();
    for (const each of [method].flat()) known.add(each);
    methods.set(url, known);
  };
  let complete = false;
  app.addHook('onRoute', (route) => {
    // Preflight requests of every path are answered by the CORS plugin.
    if (!complete && !route.url.includes('*')) follow(route);
  });
  return () => {
    complete = true;
    for (const [url, known] of methods) {
      const allow = [...known].sort().join(', ');
      app.route({
        method: app.supportedMethods.filter((name) => !known.has(name) && name !== 'OPTIONS'),
        url: url.slice(app.prefix.length),
        schema: { hide: true },
        config: { headendAccess: 'open' },
        exposeHeadRoute: false,
        onRequest: async (_request, reply) => {
          reply.header('allow', allow);
          throw new HeadendError('METHOD_NOT_ALLOWED', 'http', `this path knows ${allow}`);
        },
        handler: async () => undefined,
      });
    }
  };
}
