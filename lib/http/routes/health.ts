// Whether the server lives, and whether it can serve.

import type { Static } from 'typebox';
import type { RouteContext } from '../context.js';
import { Health, Live } from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /health`, `GET /health/live`, `GET /health/ready` */
export function healthRoutes(app: App, { headend, options }: RouteContext): void {
  app.get(
    '/health/live',
    {
      config: { headendAccess: 'open' },
      schema: { summary: 'Whether the process answers', tags: ['server'], response: { 200: Live } },
    },
    async () => ({ status: 'ok' }) as const,
  );

  for (const url of ['/health', '/health/ready']) {
    app.get(
      url,
      {
        config: { headendAccess: 'open' },
        schema: {
          summary: 'Whether the server can serve, and why not',
          tags: ['server'],
          response: { 200: Health, 503: Health },
        },
      },
      async (_request, reply) => {
        const channels = headend.channels.list();
        const failing = channels.filter(({ state }) => state === 'error').map(({ id }) => id);
        const reasons = [...(options.notReady?.() ?? [])];
        if (channels.length > 0 && failing.length === channels.length) {
          reasons.push('no channel can be made at the moment');
        }
        const ready = reasons.length === 0;
        const health: Static<typeof Health> = {
          status: ready ? 'ok' : 'unready',
          live: true,
          ready,
          reasons,
          failing,
          channels: channels.length,
          storeBytes: headend.storeBytes,
          disk: headend.status().disk,
        };
        return reply
          .code(ready ? 200 : 503)
          .header('cache-control', 'no-store')
          .send(health);
      },
    );
  }
}
