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
        summary: 'Status of all channels every few seconds, changes of state and faults at once',
        tags: ['server'],
        querystring: ViewerQuery,
        response: {
          200: body('text/event-stream', 'Events status, channel and fault'),
          ...problems(503),
        },
      },
    },
    async (request, reply) => {
      hub.join(reply, access.isAdmin(request));
    },
  );
}
