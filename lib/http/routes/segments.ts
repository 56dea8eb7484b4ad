// The init and media segments of a rendition.

import { AUDIO_RENDITION } from '../../engine/engine.js';
import { HeadendError } from '../../errors.js';
import { sendBytes, sendProgress, takesProgress } from '../bytes.js';
import { clientSignal } from '../client.js';
import type { RouteContext } from '../context.js';
import { TS_TYPE } from '../media-types.js';
import { body, FileParams, problems, ViewerQuery } from '../schemas.js';
import type { App } from '../validation.js';

const AUDIO_TYPE = 'audio/mp4';
const VIDEO_TYPE = 'video/mp4';

function files(description: string) {
  const types = [VIDEO_TYPE, AUDIO_TYPE, TS_TYPE].map((type) => body(type, description).content);
  return { description, content: Object.assign({}, ...types) };
}

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
          200: files('CMAF, the audio as audio/mp4, or MPEG-TS'),
          206: files('The range asked for'),
          304: { description: 'The client has it', type: 'null' },
          ...problems(404, 416, 503),
        },
      },
    },
    async (request, reply) => {
      const { id, rendition, file } = request.params;
      const channel = headend.channels.get(id);
      const contentType = rendition === AUDIO_RENDITION ? AUDIO_TYPE : VIDEO_TYPE;
      const [, hash, number, tag, extension] =
        /^(?:init-([0-9a-f]{16})\.mp4|(\d{1,15})-([0-9a-f]{8})\.(m4s|ts))$/.exec(file) ?? [];
      if (hash !== undefined) {
        const { data } = channel.init(rendition, hash);
        return sendBytes(request, reply, { data, contentType, etag: `"${hash}"`, isPublic });
      }
      if (number !== undefined) {
        const sequence = Number(number);
        const named = { tag, sessionId: request.query.session, signal: clientSignal(reply) };
        if (extension === 'ts') {
          const { data, etag } = await channel.tsSegment(rendition, sequence, named);
          return sendBytes(request, reply, { data, contentType: TS_TYPE, etag, isPublic });
        }
        if (takesProgress(request)) {
          const opened = await channel.openSegment(rendition, sequence, named);
          const { etag } = opened;
          return opened.data === null
            ? sendProgress(reply, { parts: opened.fragments, contentType, etag, isPublic })
            : sendBytes(request, reply, { data: opened.data, contentType, etag, isPublic });
        }
        const segment = await channel.segment(rendition, sequence, named);
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
