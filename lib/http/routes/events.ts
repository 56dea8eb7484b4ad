// What happens, as it happens (server-sent events).

import type { RouteContext } from '../context.js';
import type { EventHub } from '../event-hub.js';
import { body, problems, ViewerQuery } from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /events` */
export function eventRoutes(app: App, { access }: RouteContext, hub: EventHub): void {
  app.get(
    '/events',
    {
      // HEAD would be answered with the events.
      exposeHeadRoute: false,
      sse: { kind: 'manual', heartbeat: false, serializer: String },
      schema: {
        summary: 'Status of all channels every second, and what happens at once',
        tags: ['server'],
        querystring: ViewerQuery,
        response: {
          200: body('text/event-stream', 'status, channel, fault, batch, session, warning'),
          ...problems(503),
        },
      },
    },
    async (request, reply) => {
      hub.join(reply, access.isAdmin(request));
    },
  );
}
