// The multivariant and media playlists of a channel.

import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Channel } from '../../channel.js';
import { CONTAINERS, mediaPlaylistName } from '../../hls/container.js';
import { clientSignal, sessionQuery } from '../client.js';
import type { RouteContext } from '../context.js';
import { PLAYLIST_TYPE } from '../media-types.js';
import { ChannelParams, MultivariantQuery, RenditionParams, SessionQuery } from '../schemas.js';

/** `GET /channels/:id/index.m3u8`, and of a rendition `index.m3u8` (CMAF) and `ts.m3u8` (MPEG-TS) */
export function playlistRoutes(app: FastifyInstance, { headend }: RouteContext): void {
  app.get<{ Params: Static<typeof ChannelParams>; Querystring: Static<typeof MultivariantQuery> }>(
    '/channels/:id/index.m3u8',
    { schema: { params: ChannelParams, querystring: MultivariantQuery } },
    async (request, reply) => {
      const channel = headend.channels.get(request.params.id);
      const { session, container } = request.query;
      const text = await channel.multivariantPlaylist({
        ...(container === undefined ? {} : { container }),
        query: sessionQuery(session),
        signal: clientSignal(reply),
      });
      const caching = session === undefined ? playlistCaching(channel) : 'no-store';
      return reply.header('cache-control', caching).type(PLAYLIST_TYPE).send(text);
    },
  );

  for (const container of CONTAINERS) {
    app.get<{ Params: Static<typeof RenditionParams>; Querystring: Static<typeof SessionQuery> }>(
      `/channels/:id/:rendition/${mediaPlaylistName(container)}`,
      { schema: { params: RenditionParams, querystring: SessionQuery } },
      async (request, reply) => {
        const { id, rendition } = request.params;
        const channel = headend.channels.get(id);
        const text = await channel.mediaPlaylist(rendition, {
          container,
          query: sessionQuery(request.query.session),
          signal: clientSignal(reply),
        });
        return reply
          .header('cache-control', playlistCaching(channel))
          .type(PLAYLIST_TYPE)
          .send(text);
      },
    );
  }
}

function playlistCaching(channel: Channel): string {
  return `max-age=${Math.max(1, Math.floor(channel.targetDuration / 2))}`;
}
