// Whether the server lives.

import type { FastifyInstance } from 'fastify';
import type { RouteContext } from '../context.js';
import { Health } from '../schemas.js';

/** `GET /health` */
export function healthRoutes(app: FastifyInstance, { headend }: RouteContext): void {
  app.get('/health', { schema: { response: { 200: Health } } }, async () => ({
    status: 'ok',
    channels: headend.channels.list().length,
    storeBytes: headend.storeBytes,
  }));
}
