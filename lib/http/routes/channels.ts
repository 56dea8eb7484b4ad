// The channels and what is on.

import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Channel } from '../../channel.js';
import type { RouteContext } from '../context.js';
import { ChannelDetails, ChannelList, ChannelParams } from '../schemas.js';

/** `GET /channels`, `GET /channels/:id` */
export function channelRoutes(app: FastifyInstance, { headend }: RouteContext): void {
  app.get('/channels', { schema: { response: { 200: ChannelList } } }, async () => ({
    channels: headend.channels.list().map(summary),
  }));

  app.get<{ Params: Static<typeof ChannelParams> }>(
    '/channels/:id',
    { schema: { params: ChannelParams, response: { 200: ChannelDetails } } },
    async (request) => details(headend.channels.get(request.params.id)),
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
