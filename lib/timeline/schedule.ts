// Everything about schedules that the rest of Headend needs: the kinds that a person can write, and what
// they become.

import { ComputedSchedule } from './computed.js';
import { LoopSchedule } from './loop.js';
import { TimetableSchedule } from './timetable.js';

export type {
  Airing,
  AiringKind,
  ResolvedProgramme,
  ResolvedSchedule,
} from './airing.js';
export { agree, airings, entries } from './airing.js';
export { compute } from './computed.js';
export { LoopSchedule, loop, ResolvedLoop } from './loop.js';
export type { GeneratorSource, Programme } from './programme.js';
export { at } from './timetable.js';

/** Any schedule that a channel can air: made by `loop`, `at` or `compute`. */
export type Schedule = LoopSchedule | TimetableSchedule | ComputedSchedule;

/** Whether a value is a {@link Schedule}. */
export function isSchedule(value: unknown): value is Schedule {
  return (
    value instanceof LoopSchedule ||
    value instanceof TimetableSchedule ||
    value instanceof ComputedSchedule
  );
}
