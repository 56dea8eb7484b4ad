// The init and media segments of a rendition.

import { AUDIO_RENDITION } from '../../engine/engine.js';
import { HeadendError } from '../../errors.js';
import { sendBytes, sendProgress, takesProgress } from '../bytes.js';
import { clientSignal } from '../client.js';
import type { RouteContext } from '../context.js';
import { TS_TYPE } from '../media-types.js';
import { body, FileParams, problems, ViewerQuery } from '../schemas.js';
import type { App } from '../validation.js';

/** `GET /channels/:id/:rendition/:file` */
export function segmentRoutes(app: App, { headend, access }: RouteContext): void {
  const isPublic = !access.limitsViewing;
  app.get(
    '/channels/:id/:rendition/:file',
    {
      schema: {
        summary: 'An init or media segment that a playlist names',
        tags: ['watching'],
        params: FileParams,
        querystring: ViewerQuery,
        response: {
          200: body('video/mp4', 'CMAF; audio/mp4 for the audio'),
          206: body('video/mp4', 'The range asked for'),
          304: { description: 'The client has it', type: 'null' },
          ...problems(404, 416, 503),
        },
      },
    },
    async (request, reply) => {
      const { id, rendition, file } = request.params;
      const channel = headend.channels.get(id);
      const contentType = rendition === AUDIO_RENDITION ? 'audio/mp4' : 'video/mp4';
      const [, hash, sequence, edition, extension] =
        /^(?:init-([0-9a-f]{16})\.mp4|(\d{1,15})-([0-9a-f]{8})\.(m4s|ts))$/.exec(file) ?? [];
      if (hash !== undefined) {
        const { data } = channel.init(rendition, hash);
        return sendBytes(request, reply, { data, contentType, etag: `"${hash}"`, isPublic });
      }
      if (sequence !== undefined && edition === channel.editionOf(Number(sequence))) {
        const viewer = { sessionId: request.query.session, signal: clientSignal(reply) };
        if (extension === 'ts') {
          const { data, etag } = await channel.tsSegment(rendition, Number(sequence), viewer);
          return sendBytes(request, reply, { data, contentType: TS_TYPE, etag, isPublic });
        }
        if (takesProgress(request)) {
          const opened = await channel.openSegment(rendition, Number(sequence), viewer);
          const { etag } = opened;
          return opened.data === null
            ? sendProgress(reply, { parts: opened.fragments, contentType, etag, isPublic })
            : sendBytes(request, reply, { data: opened.data, contentType, etag, isPublic });
        }
        const segment = await channel.segment(rendition, Number(sequence), viewer);
        return sendBytes(request, reply, {
          data: segment.data,
          contentType,
          etag: segment.etag,
          isPublic,
        });
      }
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'http',
        'a rendition has the files that its playlist names now',
      );
    },
  );
}
