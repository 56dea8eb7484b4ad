// The init and media segments of a rendition.

import { AUDIO_RENDITION } from '../../engine/engine.js';
import { HeadendError } from '../../errors.js';
import { sendBytes } from '../bytes.js';
import { clientSignal } from '../client.js';
import type { RouteContext } from '../context.js';
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
      const [, hash, sequence, edition] =
        /^(?:init-([0-9a-f]{16})\.mp4|(\d{1,15})-([0-9a-f]{8})\.m4s)$/.exec(file) ?? [];
      if (hash !== undefined) {
        const { data } = channel.init(rendition, hash);
        return sendBytes(request, reply, { data, contentType, etag: `"${hash}"`, isPublic });
      }
      if (sequence !== undefined && edition === channel.editionOf(Number(sequence))) {
        const { data, etag } = await channel.segment(rendition, Number(sequence), {
          sessionId: request.query.session,
          signal: clientSignal(reply),
        });
        return sendBytes(request, reply, { data, contentType, etag, isPublic });
      }
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'http',
        'a rendition has the files that its playlist names now',
      );
    },
  );
}
