// Metrics for Prometheus.

import type { Metrics } from '../metrics.js';
import { body, problems } from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /metrics` */
export function metricsRoutes(app: App, metrics: Metrics): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Metrics in the text format of Prometheus',
        tags: ['server'],
        response: { 200: body('text/plain', 'Version 0.0.4'), ...problems() },
      },
    },
    async (_request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .type(metrics.contentType)
        .send(await metrics.text()),
  );
}
