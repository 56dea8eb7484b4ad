// The description of all routes (OpenAPI 3.1).

import Type from 'typebox';
import { document, sendDocument } from '../bytes.js';
import type { RouteContext } from '../context.js';
import { baseUrl } from '../links.js';
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
        response: {
          200: document('OpenAPI 3.1', Type.Object({ openapi: Type.String() })),
          304: { description: 'The client has it', type: 'null' },
        },
      },
    },
    async (request, reply) => {
      const servers = [{ url: baseUrl(request, app.prefix, options) }];
      const text = JSON.stringify({ ...describe(), servers });
      return sendDocument(request, reply, { text, contentType: 'application/json' });
    },
  );
}
