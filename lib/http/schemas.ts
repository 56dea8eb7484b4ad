// The shapes of requests and JSON answers over HTTP.

import Type from 'typebox';
import { CONTAINERS } from '../hls/container.js';
import { SESSION_ID_PATTERN } from '../session/session-id.js';

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

/** Query of playlists and segments: a viewer's session id is carried through all URIs. */
export const SessionQuery = Type.Object({
  session: Type.Optional(Type.String({ pattern: SESSION_ID_PATTERN })),
});

/** Query of the multivariant playlist. */
export const MultivariantQuery = Type.Object({
  ...SessionQuery.properties,
  container: Type.Optional(Type.Enum([...CONTAINERS])),
});

/** Query of the endless transport stream. */
export const StreamQuery = Type.Object({
  ...SessionQuery.properties,
  rendition: Type.Optional(Type.String()),
});

const State = Type.Enum(['idle', 'starting', 'active', 'stopping', 'error']);

const OnAir = Type.Object({
  title: Type.String(),
  index: Type.Integer(),
  startsAt: Type.String({ format: 'date-time' }),
  endsAt: Type.String({ format: 'date-time' }),
});

const Summary = {
  id: Type.String(),
  name: Type.String(),
  state: State,
  now: OnAir,
  next: OnAir,
};

/** Answer of `GET /channels`. */
export const ChannelList = Type.Object({ channels: Type.Array(Type.Object(Summary)) });

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
      bitrate: Type.Integer(),
      inDemand: Type.Boolean(),
    }),
  ),
});

/** Answer of `GET /health`. */
export const Health = Type.Object({
  status: Type.Literal('ok'),
  channels: Type.Integer(),
  storeBytes: Type.Integer({ description: 'Memory of finished segments.' }),
});
