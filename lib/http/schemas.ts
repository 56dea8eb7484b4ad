// The shapes of requests and JSON answers over HTTP: checked, documented in OpenAPI, and the types of handlers.

import { STATUS_CODES } from 'node:http';
import Type, { type Static } from 'typebox';
import { ERROR_CODES } from '../errors.js';
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

const SessionId = Type.String({ pattern: SESSION_ID_PATTERN, description: 'Id of the viewer.' });

/** Query of playlists and segments, carried on to every URI: who watches, and what allows it. */
export const ViewerQuery = Type.Object({
  session: Type.Optional(SessionId),
  expires: Type.Optional(
    Type.String({ pattern: '^\\d{1,12}$', description: 'End of the signature, Unix seconds.' }),
  ),
  signature: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'See signed URLs.' }),
  ),
});

/** Query of the multivariant playlist. */
export const MultivariantQuery = Type.Object({
  ...ViewerQuery.properties,
  container: Type.Optional(Type.Enum([...CONTAINERS])),
});

/** Query of the endless transport stream. */
export const StreamQuery = Type.Object({
  ...ViewerQuery.properties,
  rendition: Type.Optional(Type.String()),
  transcode: Type.Optional(
    Type.String({ description: 'Profile of an HDHomeRun tuner, in the place of a rendition.' }),
  ),
});

/** Query of the guide of all channels. */
export const XmltvQuery = Type.Object({
  ...ViewerQuery.properties,
  days: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 14,
      description: 'How many days from now on. Default: 14.',
    }),
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

const State = Type.Enum(['idle', 'starting', 'active', 'stopping', 'error']);

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
  viewers: Type.Integer({ description: 'Sessions; all requests without one count as one.' }),
  now: OnAir,
  next: OnAir,
  number: Type.String({ description: 'On the remote control.' }),
  logo: Type.Union([Type.String(), Type.Null()], { description: 'A URL, or a path on this host.' }),
  group: Type.Union([Type.String(), Type.Null()], { description: 'Heading in lists.' }),
  language: Type.String({ description: 'BCP 47; und where it is not known.' }),
};

/** A channel in a list. */
export const ChannelSummary = Type.Object(Summary);

const onDevice = Type.Boolean({
  description:
    'Whether files are decoded and scaled on the device of the encoder, as far as it can.',
});

const Batch = Type.Object({
  batchNumber: Type.Integer({ description: 'Since the channel was started, from 0.' }),
  startSegment: Type.Integer({ description: 'Media sequence number.' }),
  endSegment: Type.Integer({ description: 'Media sequence number, inclusive.' }),
  offset: Type.Object(
    { num: Type.Integer(), den: Type.Integer() },
    { description: 'Where in its source the batch begins: seconds, as a ratio.' },
  ),
  generationStarted: instant,
  generationEnded: Type.Union([instant, Type.Null()]),
  isComplete: Type.Boolean(),
  source: Type.Optional(Type.String({ description: 'For admins.' })),
});

/** A batch as HTTP answers describe it. */
export const BatchView = Type.Union([Batch, Type.Null()], {
  description: 'The batch that is being made or was made last; null before the first.',
});

/** Body of `POST /channels/:id/position`. */
export const Position = Type.Object(
  {
    sessionId: SessionId,
    segmentNumber: Type.Integer({ minimum: 0, description: 'Media sequence number.' }),
    rendition: Type.String({ description: 'Id of a rung, or audio.' }),
    timestamp: Type.Optional(
      Type.Union([Type.Number(), Type.String({ maxLength: 64 })], {
        description: 'When the client says it was; the server goes by its own clock.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Answer of `POST /channels/:id/position`. */
export const PositionAnswer = Type.Object({
  acknowledged: Type.Literal(true),
  currentBatch: BatchView,
  segmentsRemaining: Type.Integer({ description: 'Of that batch, beyond the furthest viewer.' }),
});

/** Path parameters of a viewer's session. */
export const SessionParams = Type.Object({ id: Type.String(), sessionId: SessionId });

/** Answer of `GET /channels`. */
export const ChannelList = Type.Object({ channels: Type.Array(ChannelSummary) });

/** A fault: the last one of a channel, and the data of the `fault` event. Message and source for admins alone. */
export const FaultView = Type.Object({
  code: Type.Enum([...ERROR_CODES]),
  channelId: Type.String(),
  stage: Type.String(),
  airsAt: Type.Union([instant, Type.Null()]),
  message: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
});

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
  batch: BatchView,
  segmentsRemaining: Type.Integer({ description: 'Of the batch, beyond the furthest viewer.' }),
  production: Type.Union(
    [
      Type.Object({
        producer: Type.Enum(['none', 'parked', 'working']),
        encoder: Type.String({ description: 'Of the rungs; software after another one failed.' }),
        onDevice,
        runwaySeconds: Type.Number({ description: 'Made beyond what is on air now.' }),
        generationRatio: Type.Union([Type.Number(), Type.Null()], {
          description: 'Time to make / time to play; null before the first segment.',
        }),
        failures: Type.Integer({ description: 'Since the last success.' }),
        failure: Type.Union([Type.Enum(['source', 'encoder', 'engine', 'schedule']), Type.Null()], {
          description: 'What failed last; null after a success.',
        }),
        isSuspended: Type.Boolean({ description: 'Failed repeatedly; tried again after a pause.' }),
      }),
      Type.Null(),
    ],
    { description: 'Null while nobody watches.' },
  ),
  lastFault: Type.Union([FaultView, Type.Null()]),
  sessions: Type.Optional(
    Type.Array(
      Type.Object({
        sessionId: Type.String(),
        seenAt: instant,
        rendition: Type.Union([Type.String(), Type.Null()]),
        segmentNumber: Type.Union([Type.Integer(), Type.Null()]),
      }),
      { description: 'The viewers; for admins.' },
    ),
  ),
});

const maybeText = Type.Union([Type.String(), Type.Null()]);

/** Query of `GET /channels/:id/guide`. */
export const GuideQuery = Type.Object({
  from: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 64, description: 'Default: now.' }),
  ),
  to: Type.Optional(
    Type.String({
      format: 'date-time',
      maxLength: 64,
      description: 'At most 14 days after from. Default: a day after from.',
    }),
  ),
});

/** Answer of `GET /channels/:id/guide`. */
export const Guide = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Type.String({ description: 'The same in every guide that holds this airing.' }),
      kind: Type.Enum(['programme', 'filler', 'slate']),
      index: Type.Integer({ description: 'Position in its list; -1 for the slate.' }),
      title: Type.String(),
      startsAt: instant,
      endsAt: instant,
      slateFrom: Type.Union([instant, Type.Null()], {
        description: 'When the source ends before the programme does.',
      }),
      subtitle: maybeText,
      description: maybeText,
    }),
  ),
  until: Type.String({
    format: 'date-time',
    description:
      'How far the entries reach: before to when there are too many or no more are known.',
  }),
});

/** Which stretch of a log is wanted. */
export const HistoryRange = Type.Object({
  from: Type.Optional(
    Type.String({
      format: 'date-time',
      maxLength: 64,
      description: 'Only what ended then or later. Default: no bound.',
    }),
  ),
  to: Type.Optional(
    Type.String({
      format: 'date-time',
      maxLength: 64,
      description: 'Only what began before. Default: no bound.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'How many at most. Default 100.' }),
  ),
  first: Type.Optional(
    Type.Enum(['newest', 'oldest'], {
      description: 'Which come first, and which are left out beyond the limit. Default newest.',
    }),
  ),
});

/** Queries of the logs: of one channel, and of all or some. */
export const HistoryParams = {
  range: HistoryRange,
  all: Type.Object({
    ...HistoryRange.properties,
    channel: Type.Optional(Type.String({ description: 'Id of a channel. Default: all.' })),
  }),
};

/** Answer of `GET /channels/:id/as-run`. */
export const AsRun = Type.Object({
  entries: Type.Array(
    Type.Object({
      title: Type.String({ description: 'Empty for the slate.' }),
      startsAt: instant,
      endsAt: instant,
      source: Type.Optional(Type.String({ description: 'For admins.' })),
    }),
  ),
});

/** Answer of `GET /faults`. */
export const FaultHistory = Type.Object({
  faults: Type.Array(Type.Object({ at: instant, ...FaultView.properties })),
});

/** Answer of `GET /sessions`. */
export const SessionHistory = Type.Object({
  sessions: Type.Array(
    Type.Object({
      channelId: Type.String(),
      sessionId: Type.String(),
      openedAt: instant,
      seenAt: instant,
      closedAt: Type.Union([instant, Type.Null()], { description: 'Null while it is open.' }),
      reason: Type.Union([Type.Enum(['left', 'timeout', 'removed']), Type.Null()]),
      rendition: maybeText,
      segmentNumber: Type.Union([Type.Integer(), Type.Null()]),
    }),
  ),
});

const Disk = Type.Union(
  [
    Type.Object({
      state: Type.Enum(['writing', 'refusing', 'failing']),
      files: Type.Integer(),
      bytes: Type.Integer(),
      freeBytes: Type.Integer({ description: 'Free on the disk when it was last looked at.' }),
    }),
    Type.Null(),
  ],
  { description: 'Finished segments in files; null without `diskStore`.' },
);

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
  disk: Disk,
});

/** Answer of `GET /health/live`. */
export const Live = Type.Object({ status: Type.Literal('ok') });

const Range = Type.Object({ from: Type.Integer(), to: Type.Integer() });
const maybeNumber = Type.Union([Type.Number(), Type.Null()]);
const maybeSequence = Type.Union([Type.Integer(), Type.Null()]);

/** How the segments of a channel come about; part of the `status` event. */
export const ChannelProduction = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: State,
  onAir: Type.Object({ segmentNumber: Type.Integer(), startsAt: instant }),
  segmentDuration: Type.Number({ description: 'Seconds.' }),
  window: Type.Union([Range, Type.Null()], {
    description: 'Media sequence numbers listed now; null while nobody watches.',
  }),
  batch: BatchView,
  renditions: Type.Array(
    Type.Object({
      id: Type.String(),
      inDemand: Type.Boolean(),
      made: Type.Array(Range, { description: 'Finished segments that are held.' }),
      inWork: maybeSequence,
    }),
  ),
  positions: Type.Array(
    Type.Object({
      rendition: Type.Union([Type.String(), Type.Null()]),
      segmentNumber: maybeSequence,
    }),
    { description: 'Where the viewers are, one item for each.' },
  ),
  encoder: Type.Union([Type.String(), Type.Null()], {
    description: 'Of the rungs; null while nobody watches.',
  }),
  onDevice,
  runwaySeconds: maybeNumber,
  generationRatio: maybeNumber,
  lastFault: Type.Union([FaultView, Type.Null()]),
});

/** Data of the `status` event. */
export const StatusEvent = Type.Object({
  at: instant,
  channels: Type.Array(ChannelProduction),
  work: Type.Object({
    slots: Type.Integer({ description: 'Segments that may be in work at a time.' }),
    inWork: Type.Integer(),
    waiting: Type.Integer(),
    load: Type.Number({ description: 'Part of the slots that the watched channels need.' }),
  }),
  store: Type.Object({ bytes: Type.Integer(), maxBytes: Type.Integer(), disk: Disk }),
});

/** Data of the `channel` event of `GET /events`. */
export const ChannelStateEvent = Type.Object({ channelId: Type.String(), state: State });

/** Data of the `batch` event of `GET /events`. */
export const BatchEvent = Type.Object({
  channelId: Type.String(),
  type: Type.Enum(['started', 'completed', 'failed', 'abandoned']),
  batch: Batch,
});

/** Data of the `session` event of `GET /events`: a viewer came or went. */
export const SessionEvent = Type.Object({
  channelId: Type.String(),
  type: Type.Enum(['opened', 'closed']),
  viewers: Type.Integer(),
  sessionId: Type.Optional(Type.String({ description: 'For admins.' })),
});

/** Data of the `warning` event of `GET /events`: a channel takes nearly as long to make as to play, or the disk is nearly full. */
export const WarningEvent = Type.Union([
  Type.Object({
    channelId: Type.String(),
    type: Type.Literal('slow-generation'),
    ratio: Type.Number({ description: 'Time to make / time to play.' }),
  }),
  Type.Object({
    channelId: Type.Literal(''),
    type: Type.Literal('disk-low'),
    freeBytes: Type.Integer(),
  }),
]);

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
