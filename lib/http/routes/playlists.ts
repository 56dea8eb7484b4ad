// The multivariant and media playlists of a channel.

import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Channel } from '../../channel.js';
import { clientSignal, sessionQuery } from '../client.js';
import type { RouteContext } from '../context.js';
import { PLAYLIST_TYPE } from '../media-types.js';
import { ChannelParams, RenditionParams, SessionQuery } from '../schemas.js';

/** `GET /channels/:id/index.m3u8`, `GET /channels/:id/:rendition/index.m3u8` */
export function playlistRoutes(app: FastifyInstance, { headend }: RouteContext): void {
  app.get<{ Params: Static<typeof ChannelParams>; Querystring: Static<typeof SessionQuery> }>(
    '/channels/:id/index.m3u8',
    { schema: { params: ChannelParams, querystring: SessionQuery } },
    async (request, reply) => {
      const channel = headend.channels.get(request.params.id);
      const { session } = request.query;
      const text = await channel.multivariantPlaylist({
        query: sessionQuery(session),
        signal: clientSignal(reply),
      });
      const caching = session === undefined ? playlistCaching(channel) : 'no-store';
      return reply.header('cache-control', caching).type(PLAYLIST_TYPE).send(text);
    },
  );

  app.get<{ Params: Static<typeof RenditionParams>; Querystring: Static<typeof SessionQuery> }>(
    '/channels/:id/:rendition/index.m3u8',
    { schema: { params: RenditionParams, querystring: SessionQuery } },
    async (request, reply) => {
      const { id, rendition } = request.params;
      const channel = headend.channels.get(id);
      const text = await channel.mediaPlaylist(rendition, {
        query: sessionQuery(request.query.session),
        signal: clientSignal(reply),
      });
      return reply.header('cache-control', playlistCaching(channel)).type(PLAYLIST_TYPE).send(text);
    },
  );
}

function playlistCaching(channel: Channel): string {
  return `max-age=${Math.max(1, Math.floor(channel.targetDuration / 2))}`;
}
