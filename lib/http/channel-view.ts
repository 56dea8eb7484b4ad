// A channel as HTTP answers describe it.

import type { Static } from 'typebox';
import type { Channel, OnAir } from '../channel.js';
import type { ChannelDetails, ChannelSummary } from './schemas.js';

/** A channel in a list. */
export function summary(channel: Channel): Static<typeof ChannelSummary> {
  const { now, next } = channel.nowNext();
  return {
    id: channel.id,
    name: channel.name,
    state: channel.state,
    now: programme(now),
    next: programme(next),
  };
}

/** Everything about a channel that viewers may know. */
export function details(channel: Channel): Static<typeof ChannelDetails> {
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

function programme({ title, index, startsAt, endsAt }: OnAir) {
  return { title, index, startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() };
}
