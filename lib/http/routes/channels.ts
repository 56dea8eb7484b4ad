// The channels and what is on.

import { details, summary } from '../channel-view.js';
import type { RouteContext } from '../context.js';
import { ChannelDetails, ChannelList, ChannelParams, problems } from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /channels`, `GET /channels/:id` */
export function channelRoutes(app: App, { headend, access }: RouteContext): void {
  app.get(
    '/channels',
    {
      schema: {
        summary: 'All channels, with what is on now and next',
        tags: ['channels'],
        response: { 200: ChannelList, ...problems() },
      },
    },
    async () => ({ channels: headend.channels.list().map(summary) }),
  );

  app.get(
    '/channels/:id',
    {
      schema: {
        summary: 'A channel',
        tags: ['channels'],
        params: ChannelParams,
        response: { 200: ChannelDetails, ...problems(404) },
      },
    },
    async (request) => details(headend.channels.get(request.params.id), access.isAdmin(request)),
  );
}
