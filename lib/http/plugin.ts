// The HTTP surface: a Fastify plugin with the routes of the channels, their playlists and segments.

import compress from '@fastify/compress';
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Static } from 'typebox';
import type { Channel } from '../channel.js';
import { AUDIO_RENDITION } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { Headend } from '../headend.js';
import { sendBytes } from './bytes.js';
import { problemHandler } from './problem.js';
import {
  ChannelDetails,
  ChannelList,
  ChannelParams,
  FileParams,
  Health,
  RenditionParams,
  SessionQuery,
} from './schemas.js';

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/** Options of {@link headendPlugin}. */
export interface HeadendPluginOptions {
  readonly headend: Headend;
}

/** Fastify plugin that serves the channels of a Headend; register it with a `prefix` to move the routes. */
export async function headendPlugin(
  app: FastifyInstance,
  { headend }: HeadendPluginOptions,
): Promise<void> {
  await app.register(cors, {
    methods: ['GET', 'HEAD'],
    allowedHeaders: ['Range', 'Authorization'],
    exposedHeaders: ['Content-Range', 'Accept-Ranges', 'ETag'],
    maxAge: 86_400,
  });
  await app.register(compress, {
    threshold: 256,
    encodings: ['gzip'],
    // Media segments are compressed already.
    customTypes: (contentType) =>
      contentType.startsWith(PLAYLIST_TYPE) || contentType.includes('json'),
  });
  app.setErrorHandler(problemHandler(headend.logger));

  app.get('/health', { schema: { response: { 200: Health } } }, async () => ({
    status: 'ok',
    channels: headend.channels.list().length,
    storeBytes: headend.storeBytes,
  }));

  app.get('/channels', { schema: { response: { 200: ChannelList } } }, async () => ({
    channels: headend.channels.list().map(summary),
  }));

  app.get<{ Params: Static<typeof ChannelParams> }>(
    '/channels/:id',
    { schema: { params: ChannelParams, response: { 200: ChannelDetails } } },
    async (request) => details(headend.channels.get(request.params.id)),
  );

  app.get<{ Params: Static<typeof ChannelParams>; Querystring: Static<typeof SessionQuery> }>(
    '/channels/:id/index.m3u8',
    { schema: { params: ChannelParams, querystring: SessionQuery } },
    async (request, reply) => {
      const channel = headend.channels.get(request.params.id);
      const { session } = request.query;
      const text = await channel.multivariantPlaylist({
        sessionId: session,
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
        sessionId: request.query.session,
        query: sessionQuery(request.query.session),
        signal: clientSignal(reply),
      });
      return reply.header('cache-control', playlistCaching(channel)).type(PLAYLIST_TYPE).send(text);
    },
  );

  app.get<{ Params: Static<typeof FileParams>; Querystring: Static<typeof SessionQuery> }>(
    '/channels/:id/:rendition/:file',
    { schema: { params: FileParams, querystring: SessionQuery } },
    async (request, reply) => {
      const { id, rendition, file } = request.params;
      const channel = headend.channels.get(id);
      const contentType = rendition === AUDIO_RENDITION ? 'audio/mp4' : 'video/mp4';
      const [, hash, sequence, edition] =
        /^(?:init-([0-9a-f]{16})\.mp4|(\d{1,15})-([0-9a-f]{8})\.m4s)$/.exec(file) ?? [];
      if (hash !== undefined) {
        const { data } = channel.init(rendition, hash);
        return sendBytes(request, reply, { data, contentType, etag: `"${hash}"` });
      }
      if (sequence !== undefined && edition === channel.editionOf(Number(sequence))) {
        const segment = await channel.segment(rendition, Number(sequence), {
          sessionId: request.query.session,
          signal: clientSignal(reply),
        });
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

function summary(channel: Channel): Static<typeof ChannelList>['channels'][number] {
  const { now, next } = channel.nowNext();
  const programme = ({ title, index, startsAt, endsAt }: typeof now) => ({
    title,
    index,
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
  });
  return {
    id: channel.id,
    name: channel.name,
    state: channel.state,
    now: programme(now),
    next: programme(next),
  };
}

function details(channel: Channel): Static<typeof ChannelDetails> {
  const inDemand = channel.rungsInDemand;
  return {
    ...summary(channel),
    targetDuration: channel.targetDuration,
    window: channel.window,
    rungs: channel.rungs.map(({ id, width, height, bitrate }) => ({
      id,
      width,
      height,
      bitrate,
      inDemand: inDemand.includes(id),
    })),
  };
}

function sessionQuery(session: string | undefined): string {
  return session === undefined ? '' : `?session=${session}`;
}

function playlistCaching(channel: Channel): string {
  return `max-age=${Math.max(1, Math.floor(channel.targetDuration / 2))}`;
}

// Aborts when the connection is gone, so that nothing waits for a client that has left.
function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
