// Channels as data: the JSON form in which HTTP requests and configuration files describe a channel.

import Type, { type Static } from 'typebox';
import { type ChannelOptions, ChannelOptionsSchema } from './options.js';
import { loop, PROGRAMMES_LIMIT } from './timeline/loop.js';
import { type Programme, ProgrammeSchema } from './timeline/programme.js';
import type { Schedule } from './timeline/schedule.js';
import { validate } from './validate.js';

const { id, name, ladder, segmentDuration, audioBitrate } = ChannelOptionsSchema.properties;

const LoopDefinition = Type.Object(
  {
    type: Type.Literal('loop'),
    programmes: Type.Array(ProgrammeSchema, { maxItems: PROGRAMMES_LIMIT }),
    anchor: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'An instant at which the first programme starts. Default: the epoch.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Airs the programmes one after the other, for ever.',
  },
);

/** Schema of {@link ChannelDefinition}. */
export const ChannelDefinitionSchema = Type.Object(
  {
    id,
    name,
    schedule: LoopDefinition,
    ladder,
    frameRate: Type.Optional(
      Type.Union([
        Type.Number(),
        Type.String(),
        Type.Object({ num: Type.Integer(), den: Type.Integer() }, { additionalProperties: false }),
      ]),
    ),
    segmentDuration,
    audioBitrate,
    epoch: Type.Optional(Type.String({ format: 'date-time' })),
  },
  { additionalProperties: false },
);

/** A channel as JSON: the options of `channels.add` with the schedule as `{ type: 'loop', programmes, anchor }`. */
export type ChannelDefinition = Static<typeof ChannelDefinitionSchema>;

/**
 * The options of `channels.add` that a definition stands for.
 * @throws HeadendError `INVALID_OPTIONS` naming what is wrong, `SCHEDULE_EMPTY`
 */
export function channelFromDefinition(definition: unknown): ChannelOptions {
  const valid = validate('channel definition', ChannelDefinitionSchema, definition);
  return { ...valid, schedule: scheduleOf(valid.schedule) };
}

/** The programmes that a definition airs, in order. */
export function programmesOf({ schedule }: ChannelDefinition): readonly Programme[] {
  return schedule.programmes;
}

function scheduleOf({ programmes, anchor }: ChannelDefinition['schedule']): Schedule {
  return loop(programmes, anchor === undefined ? {} : { anchor });
}
