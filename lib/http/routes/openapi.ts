// The description of all routes (OpenAPI 3.1).

import { sendDocument } from '../bytes.js';
import type { RouteContext } from '../context.js';
import { baseUrl } from '../links.js';
import { body } from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /openapi.json` */
export function openapiRoutes(app: App, { options }: RouteContext, describe: () => object): void {
  app.get(
    '/openapi.json',
    {
      config: { headendAccess: 'open' },
      schema: {
        summary: 'This description',
        tags: ['server'],
        response: { 200: body('application/json', 'OpenAPI 3.1') },
      },
    },
    async (request, reply) => {
      const servers = [{ url: baseUrl(request, app.prefix, options) }];
      const text = JSON.stringify({ ...describe(), servers });
      return sendDocument(request, reply, { text, contentType: 'application/json' });
    },
  );
}
