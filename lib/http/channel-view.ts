// Channels and what happens to them as HTTP answers and events describe them. What names files or viewers is for admins.

import type { Static } from 'typebox';
import type { Channel } from '../channel.js';
import type { OnAir } from '../channel-types.js';
import type { BatchState } from '../session/batch-state.js';
import type { Fault } from '../stream/fault.js';
import type {
  BatchEvent,
  BatchView,
  ChannelDetails,
  ChannelProduction,
  ChannelSummary,
  FaultView,
} from './schemas.js';

/** A channel in a list. */
export function summary(channel: Channel): Static<typeof ChannelSummary> {
  const { now, next } = channel.nowNext();
  return {
    id: channel.id,
    name: channel.name,
    number: channel.number,
    logo: channel.logo,
    group: channel.group,
    language: channel.language,
    state: channel.state,
    viewers: channel.viewers,
    now: programme(now),
    next: programme(next),
  };
}

/** Everything about a channel. */
export function details(channel: Channel, isAdmin: boolean): Static<typeof ChannelDetails> {
  const { viewers, batch, segmentsRemaining, rungsInDemand, window, production, lastFault } =
    channel.status();
  return {
    ...summary(channel),
    targetDuration: channel.targetDuration,
    window,
    rungs: channel.rungs.map(({ id, width, height, bitrate }) => ({
      id,
      width,
      height,
      bitrate,
      inDemand: rungsInDemand.includes(id),
    })),
    batch: batchView(batch, isAdmin),
    segmentsRemaining,
    production: production && { ...production },
    lastFault: lastFault && faultView(lastFault, isAdmin),
    ...(isAdmin && {
      sessions: viewers.map((viewer) => ({ ...viewer, seenAt: viewer.seenAt.toISOString() })),
    }),
  };
}

/** A channel as the engine view shows it. */
export function production(channel: Channel, isAdmin: boolean): Static<typeof ChannelProduction> {
  const { onAir, batch, viewers, production, lastFault, window, segmentDuration, renditions } =
    channel.status();
  const { id, name, state } = channel;
  return {
    ...{ id, name, state, segmentDuration, window },
    onAir: { ...onAir, startsAt: onAir.startsAt.toISOString() },
    batch: batchView(batch, isAdmin),
    renditions: renditions.map(({ made, ...rendition }) => ({
      ...rendition,
      made: made.map((range) => ({ ...range })),
    })),
    positions: viewers.map(({ rendition, segmentNumber }) => ({ rendition, segmentNumber })),
    encoder: production?.encoder ?? null,
    onDevice: production?.onDevice ?? false,
    runwaySeconds: production?.runwaySeconds ?? null,
    generationRatio: production?.generationRatio ?? null,
    lastFault: lastFault && faultView(lastFault, isAdmin),
  };
}

/** A batch; its source is for admins. */
export function batchView(batch: BatchState | null, isAdmin: boolean): Static<typeof BatchView> {
  return batch && someBatchView(batch, isAdmin);
}

/** A batch that there is. */
export function someBatchView(
  { source, generationStarted, generationEnded, offset, ...batch }: BatchState,
  isAdmin: boolean,
): Static<typeof BatchEvent>['batch'] {
  return {
    ...batch,
    offset: { ...offset },
    generationStarted: new Date(generationStarted).toISOString(),
    generationEnded: generationEnded === null ? null : new Date(generationEnded).toISOString(),
    ...(isAdmin && { source }),
  };
}

/** A fault; its message and source are for admins. */
export function faultView(
  { code, channelId, stage, airsAt, message, source }: Fault,
  isAdmin: boolean,
): Static<typeof FaultView> {
  return {
    code,
    channelId,
    stage,
    airsAt: airsAt?.toISOString() ?? null,
    ...(isAdmin && { message, source }),
  };
}

function programme({ title, index, startsAt, endsAt }: OnAir) {
  return { title, index, startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString() };
}
