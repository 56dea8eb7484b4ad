// The shapes of requests and JSON answers over HTTP: checked, documented in OpenAPI, and the types of handlers.

import { STATUS_CODES } from 'node:http';
import Type, { type Static } from 'typebox';
import { ERROR_CODES } from '../errors.js';

/** Path parameters of a channel's routes. What they name is looked up; nothing else is derived from them. */
export const ChannelParams = Type.Object({ id: Type.String() });

/** Path parameters of a rendition's routes. */
export const RenditionParams = Type.Object({ id: Type.String(), rendition: Type.String() });

/** Path parameters of init and media segments. */
export const FileParams = Type.Object({
  id: Type.String(),
  rendition: Type.String(),
  file: Type.String(),
});

/** Query of playlists and segments, carried on to every URI: who watches, and what allows it. */
export const ViewerQuery = Type.Object({
  session: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Id of the viewer.' }),
  ),
  expires: Type.Optional(
    Type.String({ pattern: '^\\d{1,12}$', description: 'End of the signature, Unix seconds.' }),
  ),
  signature: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'See signed URLs.' }),
  ),
});

/** Values of {@link ViewerQuery}. */
export type ViewerQuery = Static<typeof ViewerQuery>;

/** Any error (RFC 9457). */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.Enum([...ERROR_CODES]),
});

const instant = Type.String({ format: 'date-time' });

const State = Type.Enum(['idle', 'starting', 'active', 'error']);

const OnAir = Type.Object({
  title: Type.String(),
  index: Type.Integer({ description: 'Position in the schedule.' }),
  startsAt: instant,
  endsAt: instant,
});

const Summary = {
  id: Type.String(),
  name: Type.String(),
  state: State,
  now: OnAir,
  next: OnAir,
};

/** A channel in a list. */
export const ChannelSummary = Type.Object(Summary);

/** Answer of `GET /channels`. */
export const ChannelList = Type.Object({ channels: Type.Array(ChannelSummary) });

/** Answer of `GET /channels/:id`. */
export const ChannelDetails = Type.Object({
  ...Summary,
  targetDuration: Type.Integer({ description: 'Seconds.' }),
  window: Type.Union([Type.Object({ from: Type.Integer(), to: Type.Integer() }), Type.Null()], {
    description: 'Media sequence numbers listed now; null while nobody watches.',
  }),
  rungs: Type.Array(
    Type.Object({
      id: Type.String(),
      width: Type.Integer(),
      height: Type.Integer(),
      bitrate: Type.Integer({ description: 'bit/s' }),
      inDemand: Type.Boolean({ description: 'Whether it is being encoded.' }),
    }),
  ),
});

/** Answer of `GET /health` and `GET /health/ready`. */
export const Health = Type.Object({
  status: Type.Enum(['ok', 'unready']),
  live: Type.Literal(true),
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: 'Why it is not ready.' }),
  failing: Type.Array(Type.String(), {
    description: 'Channels that are watched and cannot be made at the moment.',
  }),
  channels: Type.Integer(),
  storeBytes: Type.Integer({ description: 'Memory of finished segments.' }),
});

/** Answer of `GET /health/live`. */
export const Live = Type.Object({ status: Type.Literal('ok') });

/** Data of the `status` event of `GET /events`. */
export const StatusEvent = Type.Object({
  at: instant,
  channels: Type.Array(ChannelSummary),
  storeBytes: Type.Integer(),
});

/** Data of the `channel` event of `GET /events`. */
export const ChannelStateEvent = Type.Object({ channelId: Type.String(), state: State });

/** Data of the `fault` event of `GET /events`; message and source only for those who may make changes. */
export const FaultEvent = Type.Object({
  code: Type.Enum([...ERROR_CODES]),
  channelId: Type.String(),
  stage: Type.String(),
  airsAt: Type.Union([instant, Type.Null()]),
  message: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
});

/** The part of OpenAPI that describes an answer that is not JSON. */
export function body(mediaType: string, description: string) {
  return { description, content: { [mediaType]: { schema: Type.String() } } };
}

/** The part of OpenAPI that describes the errors of a route: the statuses that it can answer with. */
export function problems(...statuses: readonly number[]) {
  const always = [400, 401, 403, 429];
  return Object.fromEntries(
    [...always, ...statuses].map((status) => [
      status,
      {
        description: STATUS_CODES[status] ?? 'Error',
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  );
}
