// Adding, replacing and removing channels.

import { type ChannelDefinition, ChannelDefinitionSchema, programmesOf } from '../../definition.js';
import { HeadendError } from '../../errors.js';
import { details } from '../channel-view.js';
import type { RouteContext } from '../context.js';
import { baseUrl } from '../links.js';
import { ChannelDetails, ChannelParams, problems } from '../schemas.js';
import { requireAllowedSources } from '../source-policy.js';
import type { App } from '../validation.js';

// A definition of some ten thousand programmes.
const BODY_LIMIT = 2 * 1024 * 1024;

/** `POST /channels`, `PUT /channels/:id`, `DELETE /channels/:id` */
export function channelChangeRoutes(app: App, { headend, options }: RouteContext): void {
  const { adminToken, mediaRoots = adminToken === undefined ? undefined : [] } = options;

  const allowed = async (definition: ChannelDefinition) => {
    if (mediaRoots !== undefined) {
      const sources = programmesOf(definition).map(({ source }) => source);
      await requireAllowedSources(sources, mediaRoots);
    }
    return definition;
  };

  app.post(
    '/channels',
    {
      config: { headendAccess: 'admin' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Adds a channel',
        tags: ['changes'],
        body: ChannelDefinitionSchema,
        response: { 201: ChannelDetails, ...problems(409, 413, 415, 422, 503) },
      },
    },
    async (request, reply) => {
      const channel = await headend.saved.add(await allowed(request.body));
      return reply
        .code(201)
        .header('location', `${baseUrl(request, app.prefix, options)}/channels/${channel.id}`)
        .send(details(channel, true));
    },
  );

  app.put(
    '/channels/:id',
    {
      config: { headendAccess: 'admin' },
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Adds or replaces a channel',
        tags: ['changes'],
        params: ChannelParams,
        body: ChannelDefinitionSchema,
        response: {
          200: ChannelDetails,
          201: ChannelDetails,
          ...problems(409, 413, 415, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (request.body.id !== id) {
        throw new HeadendError('INVALID_REQUEST', 'http', 'body: id must be the one in the path');
      }
      const isNew = headend.channels.list().every((channel) => channel.id !== id);
      const channel = await headend.saved.put(await allowed(request.body));
      return reply.code(isNew ? 201 : 200).send(details(channel, true));
    },
  );

  app.delete(
    '/channels/:id',
    {
      config: { headendAccess: 'admin' },
      schema: {
        summary: 'Takes a channel off the air',
        tags: ['changes'],
        params: ChannelParams,
        response: { 204: { description: 'Gone', type: 'null' }, ...problems(404, 503) },
      },
    },
    async (request, reply) => {
      await headend.saved.remove(request.params.id);
      return reply.code(204).send();
    },
  );
}
