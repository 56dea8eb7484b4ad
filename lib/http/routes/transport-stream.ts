// MPEG-TS besides playlists: the endless stream of a channel for tuners and players that know no HLS.

import { Readable } from 'node:stream';
import type { Clock } from '../../clock.js';
import { rungOfProfile } from '../../iptv/hdhomerun.js';
import { UNBUFFERED } from '../bytes.js';
import { clientSignal } from '../client.js';
import type { RouteContext } from '../context.js';
import { TS_TYPE } from '../media-types.js';
import { body, ChannelParams, problems, StreamQuery } from '../schemas.js';
import type { App } from '../validation.js';

/** A client that does not take a segment within this time has stopped reading. */
const STALL_MS = 30_000;

/** `GET /channels/:id/stream.ts` */
export function transportStreamRoutes(app: App, { headend }: RouteContext): void {
  app.get(
    '/channels/:id/stream.ts',
    {
      schema: {
        summary: 'The endless MPEG-TS of a rung with its sound',
        tags: ['watching'],
        params: ChannelParams,
        querystring: StreamQuery,
        response: { 200: body(TS_TYPE, 'MPEG-TS without an end'), ...problems(404, 503) },
      },
    },
    async (request, reply) => {
      const channel = headend.channels.get(request.params.id);
      const { transcode = 'none', rendition = rungOfProfile(transcode, channel.rungs) } =
        request.query;
      const stream = channel.transportStream({
        ...(rendition === undefined ? {} : { rendition }),
        signal: clientSignal(reply),
      });
      reply.header('cache-control', 'no-store').headers(UNBUFFERED).type(TS_TYPE);
      // An empty stream, not nothing: that would be told as a length of 0.
      if (request.method === 'HEAD') return reply.send(Readable.from([]));
      const drop = () => reply.raw.destroy();
      // Reads a segment ahead at most: the next one is asked for when this one is on its way.
      const options = { objectMode: false, highWaterMark: 1 };
      return reply.send(Readable.from(unlessStalled(stream, headend.clock, drop), options));
    },
  );
}

// Hands the segments on, and drops the client when it takes too long to want the next.
async function* unlessStalled(
  stream: AsyncIterable<Uint8Array>,
  clock: Clock,
  drop: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const segment of stream) {
    const cancel = clock.setTimer(drop, STALL_MS);
    try {
      yield segment;
    } finally {
      cancel();
    }
  }
}
