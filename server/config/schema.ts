// The shape of the configuration file, made from the schemas of the library's options.

import Type, { type Static } from 'typebox';
import { channelMembers, LoopDefinition, timetableDefinition } from '../../lib/definition.js';
import { HttpOptionsSchema } from '../../lib/http/options.js';
import { HeadendOptionsSchema } from '../../lib/options.js';

const RELATIVE = 'Relative paths count from the folder of the configuration file.';

/** @param what What lies there. */
function path(what: string) {
  return Type.String({ minLength: 1, description: `${what} ${RELATIVE}` });
}

/** A file that may be refused. */
function fileOrNone(what: string) {
  const description = `${what}; false for none. ${RELATIVE}`;
  return Type.Union([Type.Literal(false), Type.String({ minLength: 1 })], { description });
}

/** The files of a folder, one after the other, for ever. */
const FolderDefinition = Type.Object(
  {
    type: Type.Literal('folder', { description: 'How the schedule is written down.' }),
    path: path('The folder.'),
    order: Type.Optional(
      Type.Enum(['name', 'shuffle'], {
        description:
          'Natural order of the names, or an order that looks random and is the same every time. Default name.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Airs the files of a folder, without those below it; follows what comes and goes.',
  },
);

const Filling = Type.Union([LoopDefinition, FolderDefinition]);

const Channel = Type.Object(
  {
    ...channelMembers,
    schedule: Type.Union([LoopDefinition, timetableDefinition(Filling), FolderDefinition], {
      description: 'What airs.',
    }),
  },
  { additionalProperties: false },
);

const {
  adminToken: _admin,
  viewerToken: _viewer,
  signingSecret: _secret,
  notReady: _notReady,
  isPreparing: _isPreparing,
  ...http
} = HttpOptionsSchema.properties;
const {
  logger: _logger,
  http: _http,
  journal: _journal,
  probeCache: _probeCache,
  ...options
} = HeadendOptionsSchema.properties;

/** Schema of {@link Configuration}. */
export const ConfigurationSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'For editors; not read.' })),
    server: Type.Optional(
      Type.Object(
        {
          ...options,
          host: Type.Optional(
            Type.String({
              minLength: 1,
              description: 'Interface to listen on; `0.0.0.0` for all. Default `localhost`.',
            }),
          ),
          port: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 65_535,
              description: 'TCP port to listen on; 0 takes a free one. Default 8080.',
            }),
          ),
          state: Type.Optional(
            path(
              'Folder of the journal and of what is remembered about media files. Default: `headend` in `XDG_STATE_HOME` or `~/.local/state`.',
            ),
          ),
          journal: Type.Optional(
            fileOrNone(
              'Where sessions, the as-run log, faults and channels added over HTTP are written down. Default: `journal.sqlite` in the state directory',
            ),
          ),
          probeCache: Type.Optional(
            fileOrNone(
              'Where it is remembered what media files hold. Default: `probes.sqlite` in the state directory',
            ),
          ),
          http: Type.Optional(
            Type.Object(http, {
              additionalProperties: false,
              description: 'Tokens and secrets come from the environment.',
            }),
          ),
        },
        { additionalProperties: false, description: 'What takes effect at the start only.' },
      ),
    ),
    media: Type.Optional(
      Type.Object(
        {
          path: path('The folder.'),
          ladder: Type.With(channelMembers.ladder, {
            description:
              'The video encodes that viewers of these channels can choose from. Default: 1080p, 720p and 480p; on machines with fewer than 4 cores without 1080p.',
          }),
        },
        {
          additionalProperties: false,
          description: 'A channel for this folder and for every folder in it that holds media.',
        },
      ),
    ),
    channels: Type.Optional(
      Type.Array(Channel, {
        maxItems: 10_000,
        description: 'The channels; those of `media` come after them.',
      }),
    ),
  },
  { additionalProperties: false, title: 'Headend' },
);

/** What a configuration file says. */
export type Configuration = Static<typeof ConfigurationSchema>;

/** A channel of the file. */
export type ConfiguredChannel = Static<typeof Channel>;

/** A schedule of the file. */
export type ConfiguredSchedule = ConfiguredChannel['schedule'];

/** The JSON schema (draft 2020-12) of the file, for editors. */
export function jsonSchema(): string {
  const about = { $schema: 'https://json-schema.org/draft/2020-12/schema' };
  return JSON.stringify({ ...about, ...ConfigurationSchema }, null, 2);
}
