// The multivariant and media playlists of a channel.

import type { Channel } from '../../channel.js';
import { CONTAINERS, mediaPlaylistName } from '../../hls/container.js';
import { newSessionId } from '../../session/session-id.js';
import { sendDocument } from '../bytes.js';
import { clientSignal, viewerQuery } from '../client.js';
import type { RouteContext } from '../context.js';
import { PLAYLIST_TYPE } from '../media-types.js';
import {
  body,
  ChannelParams,
  MultivariantQuery,
  problems,
  RenditionParams,
  ViewerQuery,
} from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /channels/:id/index.m3u8`, and of a rendition `index.m3u8` (CMAF) and `ts.m3u8` (MPEG-TS) */
export function playlistRoutes(app: App, { headend, access }: RouteContext): void {
  const caching = (channel: Channel) => {
    const seconds = Math.max(1, Math.floor(channel.targetDuration / 2));
    return `${access.limitsViewing ? 'private, ' : ''}max-age=${seconds}`;
  };

  app.get(
    '/channels/:id/index.m3u8',
    {
      schema: {
        summary: 'The multivariant playlist; issues a session to a viewer who has none',
        tags: ['watching'],
        params: ChannelParams,
        querystring: MultivariantQuery,
        response: { 200: body(PLAYLIST_TYPE, 'RFC 8216 4.3.4'), ...problems(404, 503) },
      },
    },
    async (request, reply) => {
      const channel = headend.channels.get(request.params.id);
      const { session = newSessionId(), container } = request.query;
      const text = await channel.multivariantPlaylist({
        ...(container === undefined ? {} : { container }),
        sessionId: session,
        query: viewerQuery({ ...request.query, session }),
        signal: clientSignal(reply),
      });
      return reply.header('cache-control', 'no-store').type(PLAYLIST_TYPE).send(text);
    },
  );

  for (const container of CONTAINERS) {
    app.get(
      `/channels/:id/:rendition/${mediaPlaylistName(container)}`,
      {
        schema: {
          summary: `The media playlist of a rendition, ${container}`,
          tags: ['watching'],
          params: RenditionParams,
          querystring: ViewerQuery,
          response: {
            200: body(PLAYLIST_TYPE, 'RFC 8216 4.3.3'),
            304: { description: 'The client has it', type: 'null' },
            ...problems(404, 503),
          },
        },
      },
      async (request, reply) => {
        const { id, rendition } = request.params;
        const channel = headend.channels.get(id);
        const text = await channel.mediaPlaylist(rendition, {
          container,
          sessionId: request.query.session,
          query: viewerQuery(request.query),
          signal: clientSignal(reply),
        });
        const document = { text, contentType: PLAYLIST_TYPE, caching: caching(channel) };
        return sendDocument(request, reply, document);
      },
    );
  }
}
