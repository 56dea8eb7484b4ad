// Channels as data: the JSON form in which HTTP requests and configuration files describe a channel.

import Type, { type Static, type TSchema } from 'typebox';
import { type ChannelOptions, ChannelOptionsSchema } from './options.js';
import { type LoopSchedule, loop, PROGRAMMES_LIMIT } from './timeline/loop.js';
import {
  consistent,
  type Programme,
  ProgrammeSchema,
  programmeMembers,
} from './timeline/programme.js';
import type { Schedule } from './timeline/schedule.js';
import { at } from './timeline/timetable.js';
import { validate } from './validate.js';

const Instant = Type.String({
  format: 'date-time',
  description: 'ISO 8601 with Z or an offset.',
});

const KIND = 'How the schedule is written down.';

/** A `loop` as JSON. */
export const LoopDefinition = Type.Object(
  {
    type: Type.Literal('loop', { description: KIND }),
    programmes: Type.Array(ProgrammeSchema, {
      maxItems: PROGRAMMES_LIMIT,
      description: 'What airs, in this order.',
    }),
    anchor: Type.Optional({
      ...Instant,
      description: 'An instant at which the first programme starts. Default: the epoch.',
    }),
  },
  {
    additionalProperties: false,
    description: 'Airs the programmes one after the other, for ever.',
  },
);

/** An `at` as JSON, with the schedules that may fill its gaps. */
export function timetableDefinition<Filling extends TSchema>(filling: Filling) {
  return Type.Object(
    {
      type: Type.Literal('at', { description: KIND }),
      programmes: Type.Array(
        consistent(
          Type.Object(
            {
              ...programmeMembers,
              startsAt: Type.Optional({
                ...Instant,
                description:
                  'When it starts, as ISO 8601 with `Z` or an offset. Default: when the programme before it in the list ends; the first one of the list must say it.',
              }),
            },
            { additionalProperties: false },
          ),
        ),
        { maxItems: PROGRAMMES_LIMIT, description: 'What airs, and when.' },
      ),
      between: Type.With(Type.Optional(filling), {
        description:
          'What fills the time between the programmes. Each gap begins with the start of a programme of this loop, the one after the last that aired in the gap before. Its `anchor` means nothing here. Default: the slate.',
      }),
      lastFiller: Type.With(Type.Optional(Type.Enum(['cut', 'out'])), {
        description:
          'What happens to the last filler of a gap: `cut` when the gap is over, or left `out`, with the slate in its place, when it does not fit whole. Default `cut`.',
      }),
      over: Type.With(Type.Optional(filling), {
        description:
          'A schedule that the programmes interrupt. It runs underneath on its own clock: after an interruption it is where it would have been without. Not together with `between`.',
      }),
      outside: Type.With(Type.Optional(Type.Enum(['slate', 'error'])), {
        description:
          'What a request gets before the first and after the last programme, where neither `between` nor `over` fills that time: the `slate`, or an `error` (`SCHEDULE_NOT_STARTED`, `SCHEDULE_ENDED`). Default `slate`.',
      }),
    },
    {
      additionalProperties: false,
      description: 'Airs programmes at given instants, and between them fillers or the slate.',
    },
  );
}

const TimetableDefinition = timetableDefinition(LoopDefinition);

const {
  schedule: _schedule,
  frameRate: _rate,
  epoch: _epoch,
  ...data
} = ChannelOptionsSchema.properties;

/** The members of a channel's definition besides its schedule. */
export const channelMembers = {
  ...data,
  frameRate: Type.With(
    Type.Optional(
      Type.Union([
        Type.Number(),
        Type.String(),
        Type.Object(
          {
            num: Type.Integer({ description: 'Numerator.' }),
            den: Type.Integer({ description: 'Denominator.' }),
          },
          { additionalProperties: false },
        ),
      ]),
    ),
    {
      description:
        "Output frames per second, 1 to 60: a number (29.97 is read as 30000/1001), a string such as `'24000/1001'`, or an exact ratio. Every programme is converted to it. Default 30.",
    },
  ),
  epoch: Type.With(Type.Optional(Type.String({ format: 'date-time' })), {
    description:
      "The instant at which the channel's first segment begins and from which all are numbered; not in the future. Default 2025-01-01T00:00:00.000Z.",
  }),
};

/** Schema of {@link ChannelDefinition}: a TypeBox type, which is JSON Schema. */
export const ChannelDefinitionSchema = Type.Object(
  { ...channelMembers, schedule: Type.Union([LoopDefinition, TimetableDefinition]) },
  { additionalProperties: false },
);

/** A channel as JSON: the options of `channels.add`, with the schedule as `{ type: 'loop' | 'at', programmes, … }`. */
export type ChannelDefinition = Static<typeof ChannelDefinitionSchema>;

/** A schedule as JSON. */
export type ScheduleDefinition = ChannelDefinition['schedule'];

/**
 * The options of `channels.add` that a definition stands for.
 * @throws HeadendError `INVALID_OPTIONS` naming what is wrong, `SCHEDULE_EMPTY`
 */
export function channelFromDefinition(definition: unknown): ChannelOptions {
  const valid = validate('channel definition', ChannelDefinitionSchema, definition);
  return { ...valid, schedule: scheduleFromDefinition(valid.schedule) };
}

/** Everything that a definition may air: programmes, fillers, and what runs underneath. */
export function programmesOf({ schedule }: ChannelDefinition): readonly Programme[] {
  if (schedule.type === 'loop') return schedule.programmes;
  const { programmes, between, over } = schedule;
  return [...programmes, ...(between?.programmes ?? []), ...(over?.programmes ?? [])];
}

/**
 * The schedule that a definition stands for.
 * @throws HeadendError `INVALID_OPTIONS` naming what is wrong, `SCHEDULE_EMPTY`
 */
export function scheduleFromDefinition(schedule: ScheduleDefinition): Schedule {
  if (schedule.type === 'loop') return loopFrom(schedule);
  const { type: _, programmes, between, over, ...options } = schedule;
  return at(programmes, {
    ...options,
    ...(between && { between: loopFrom(between) }),
    ...(over && { over: loopFrom(over) }),
  });
}

function loopFrom({ programmes, anchor }: Static<typeof LoopDefinition>): LoopSchedule {
  return loop(programmes, anchor === undefined ? {} : { anchor });
}
