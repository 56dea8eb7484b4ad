// The init and media segments of a rendition.

import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { AUDIO_RENDITION } from '../../engine/engine.js';
import { HeadendError } from '../../errors.js';
import { sendBytes, sendProgress, takesProgress } from '../bytes.js';
import { clientSignal } from '../client.js';
import type { RouteContext } from '../context.js';
import { TS_TYPE } from '../media-types.js';
import { FileParams, SessionQuery } from '../schemas.js';

/** `GET /channels/:id/:rendition/:file` */
export function segmentRoutes(app: FastifyInstance, { headend }: RouteContext): void {
  app.get<{ Params: Static<typeof FileParams>; Querystring: Static<typeof SessionQuery> }>(
    '/channels/:id/:rendition/:file',
    { schema: { params: FileParams, querystring: SessionQuery } },
    async (request, reply) => {
      const { id, rendition, file } = request.params;
      const channel = headend.channels.get(id);
      const contentType = rendition === AUDIO_RENDITION ? 'audio/mp4' : 'video/mp4';
      const [, hash, sequence, edition, extension] =
        /^(?:init-([0-9a-f]{16})\.mp4|(\d{1,15})-([0-9a-f]{8})\.(m4s|ts))$/.exec(file) ?? [];
      if (hash !== undefined) {
        const { data } = channel.init(rendition, hash);
        return sendBytes(request, reply, { data, contentType, etag: `"${hash}"` });
      }
      if (sequence !== undefined && edition === channel.editionOf(Number(sequence))) {
        const viewer = { sessionId: request.query.session, signal: clientSignal(reply) };
        if (extension === 'ts') {
          const { data, etag } = await channel.tsSegment(rendition, Number(sequence), viewer);
          return sendBytes(request, reply, { data, contentType: TS_TYPE, etag });
        }
        if (takesProgress(request)) {
          const opened = await channel.openSegment(rendition, Number(sequence), viewer);
          const { etag } = opened;
          return opened.data === null
            ? sendProgress(reply, { parts: opened.fragments, contentType, etag })
            : sendBytes(request, reply, { data: opened.data, contentType, etag });
        }
        const segment = await channel.segment(rendition, Number(sequence), viewer);
        return sendBytes(request, reply, { data: segment.data, contentType, etag: segment.etag });
      }
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'http',
        'a rendition has the files that its playlist names now',
      );
    },
  );
}
