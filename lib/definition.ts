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

/** A `loop` as JSON. */
export const LoopDefinition = Type.Object(
  {
    type: Type.Literal('loop'),
    programmes: Type.Array(ProgrammeSchema, { maxItems: PROGRAMMES_LIMIT }),
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
      type: Type.Literal('at'),
      programmes: Type.Array(
        consistent(
          Type.Object(
            { ...programmeMembers, startsAt: Type.Optional(Instant) },
            { additionalProperties: false },
          ),
        ),
        { maxItems: PROGRAMMES_LIMIT },
      ),
      between: Type.Optional(filling),
      lastFiller: Type.Optional(Type.Enum(['cut', 'out'])),
      over: Type.Optional(filling),
      outside: Type.Optional(Type.Enum(['slate', 'error'])),
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
  frameRate: Type.Optional(
    Type.Union([
      Type.Number(),
      Type.String(),
      Type.Object({ num: Type.Integer(), den: Type.Integer() }, { additionalProperties: false }),
    ]),
  ),
  epoch: Type.Optional(Type.String({ format: 'date-time' })),
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
