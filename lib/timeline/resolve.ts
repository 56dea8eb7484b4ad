// Turns a schedule as a person wrote it into one that airs: measures the programmes whose length only the
// file knows (a few at a time), and leaves out those that cannot be measured.

import type { Clock } from '../clock.js';
import type { ProbeResult, Rational, Size } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { ResolvedProgramme, ResolvedSchedule } from './airing.js';
import { ComputedSchedule } from './computed.js';
import { ComputedAirings } from './computed-airings.js';
import type { Grid } from './grid.js';
import { LoopSchedule, ResolvedLoop } from './loop.js';
import { measure, needsProbe } from './measure.js';
import { problemOf, type ScheduleProblem } from './problem.js';
import type { Programme } from './programme.js';
import type { Schedule } from './schedule.js';
import {
  type AtOptions,
  type Filling,
  ResolvedTimetable,
  type Slot,
  type TimetableItem,
  type TimetableSchedule,
} from './timetable.js';

/** How many sources are probed at the same time. */
const PROBE_CONCURRENCY = 4;

/** Looks at a source; rejects with a typed error when it cannot be read. */
export type Probe = (url: string, signal?: AbortSignal) => Promise<ProbeResult>;

/** Says by how much the sound of sources is to be made louder or softer. */
export type Gains = (
  sources: Iterable<string>,
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, number>>;

/** What a schedule is resolved with. */
export interface ResolveContext {
  readonly grid: Grid;
  readonly probe: Probe;
  /** Gains in dB of the sound of sources, by source; those that are not in it have none. Default: no source has any. */
  readonly gains?: Gains;
  readonly clock: Clock;
  /** Which files to look at: those whose length must be measured, or every one. Default `needed`. */
  readonly check?: 'needed' | 'all' | undefined;
  /** Told of what goes wrong later, with a schedule that is computed while it airs. */
  readonly onProblem?: (problem: ScheduleProblem) => void;
  /** The first frame of which a computed schedule decides. Default: the one on air. */
  readonly fromFrame?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A schedule that can air, and what of it cannot. */
export interface Resolution {
  readonly schedule: ResolvedSchedule;
  readonly problems: readonly ScheduleProblem[];
  /** How large the pictures of its programmes are shown; null where that is not known. */
  readonly pictureSizes: readonly (Size | null)[];
}

/**
 * Resolves a schedule on a channel's grid. A programme that cannot be measured is left out and reported; one
 * with an explicit length that cannot be read airs as the slate.
 * @throws HeadendError when nothing is left: the first programme's own error (`SOURCE_NOT_FOUND`,
 * `SOURCE_DENIED`, `SOURCE_INVALID`, `SOURCE_TIMEOUT`, `INVALID_OPTIONS`); for a computed schedule
 * `SCHEDULE_EMPTY` or `SCHEDULE_FAILED`. The signal's reason.
 */
export async function resolveSchedule(
  schedule: Schedule,
  context: ResolveContext,
): Promise<Resolution> {
  if (schedule instanceof ComputedSchedule) {
    const computed = await ComputedAirings.start(schedule, context);
    return { schedule: computed, problems: [], pictureSizes: [null] };
  }
  const programmes = programmesOf(schedule);
  const { grid, gains, signal = new AbortController().signal } = context;
  const findings = await probeAll(programmes, context);
  const resolver = new Resolver(grid, findings, await gains?.(filesOf(programmes), signal));
  const resolved = resolver.schedule(schedule);
  if (!resolved || resolver.playable === 0) throw resolver.firstError;
  const { problems, pictureSizes } = resolver;
  return { schedule: resolved, problems, pictureSizes };
}

type WrittenSchedule = LoopSchedule | TimetableSchedule;

function programmesOf(schedule: WrittenSchedule): Programme[] {
  if (schedule instanceof LoopSchedule) return [...schedule.programmes];
  const { between, over } = schedule.options;
  return [
    ...schedule.items.map(({ programme }) => programme),
    ...(between?.programmes ?? []),
    ...(over ? programmesOf(over) : []),
  ];
}

function filesOf(programmes: readonly Programme[]): string[] {
  return programmes.map(({ source }) => source).filter((source) => typeof source === 'string');
}

/** What a look at a file found. */
type Finding = { readonly result: ProbeResult } | { readonly error: HeadendError };

async function probeAll(
  programmes: readonly Programme[],
  { probe, check, signal }: ResolveContext,
): Promise<ReadonlyMap<string, Finding>> {
  const urls = new Set<string>();
  for (const programme of programmes) {
    const { source } = programme;
    if (typeof source === 'string' && (check === 'all' || needsProbe(programme))) urls.add(source);
  }
  const findings = new Map<string, Finding>();
  const queue = urls.values();
  const worker = async () => {
    for (const url of queue) {
      signal?.throwIfAborted();
      findings.set(url, await find(url, probe, signal));
    }
  };
  await Promise.all(Array.from({ length: PROBE_CONCURRENCY }, worker));
  return findings;
}

async function find(url: string, probe: Probe, signal: AbortSignal | undefined): Promise<Finding> {
  try {
    return { result: await probe(url, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof HeadendError && error.code.startsWith('SOURCE_')) return { error };
    throw error;
  }
}

/** Resolves a schedule and those inside it with what was found out about their files. */
class Resolver {
  readonly problems: ScheduleProblem[] = [];
  readonly pictureSizes: (Size | null)[] = [];
  /** Programmes of which nothing is known to be wrong. */
  playable = 0;
  firstError: unknown;
  readonly #grid: Grid;
  readonly #findings: ReadonlyMap<string, Finding>;
  readonly #gains: ReadonlyMap<string, number> | undefined;

  constructor(
    grid: Grid,
    findings: ReadonlyMap<string, Finding>,
    gains: ReadonlyMap<string, number> | undefined,
  ) {
    this.#grid = grid;
    this.#findings = findings;
    this.#gains = gains;
  }

  /** Null when nothing of it is left. */
  schedule(schedule: WrittenSchedule): ResolvedSchedule | null {
    return schedule instanceof LoopSchedule ? this.#loop(schedule) : this.#timetable(schedule);
  }

  #loop({ programmes, anchorMs }: LoopSchedule): ResolvedLoop | null {
    const kept: ResolvedProgramme[] = [];
    const indexes: number[] = [];
    for (const [index, programme] of programmes.entries()) {
      const measured = this.#measure(programme, index);
      if (!measured) continue;
      kept.push(measured);
      indexes.push(index);
    }
    if (kept.length === 0) return null;
    const anchorFrame = anchorMs === null ? 0 : this.#grid.frameAt(anchorMs);
    return new ResolvedLoop(kept, anchorFrame, indexes);
  }

  #timetable({ items, options }: TimetableSchedule): ResolvedSchedule | null {
    const slots = this.#slots(items);
    const filling = this.#filling(options);
    if (slots.length > 0) return new ResolvedTimetable(slots, filling, this.#grid.format.frameRate);
    if (filling.kind === 'over') return filling.schedule;
    return filling.kind === 'between' ? filling.loop : null;
  }

  #slots(items: readonly TimetableItem[]): Slot[] {
    const slots = new Map<number, Slot>();
    let following = 0;
    for (const [index, { programme, startsAtMs }] of items.entries()) {
      const startFrame = startsAtMs === null ? following : this.#grid.frameAt(startsAtMs);
      const measured = this.#measure(programme, index);
      following = startFrame + (measured?.frames ?? 0);
      if (!measured) continue;
      const other = slots.get(startFrame);
      if (other) this.#report(neverAirs(other.index, index), other.index, '');
      slots.set(startFrame, { programme: measured, index, startFrame });
    }
    return [...slots.values()];
  }

  #filling({ between, lastFiller = 'cut', over, outside = 'slate' }: AtOptions): Filling {
    const schedule = over && this.schedule(over);
    if (schedule) return { kind: 'over', schedule };
    const loop = between && this.#loop(between);
    return loop ? { kind: 'between', loop, lastFiller } : { kind: 'slate', outside };
  }

  #measure(programme: Programme, index: number): ResolvedProgramme | null {
    const source = typeof programme.source === 'string' ? programme.source : '';
    const finding = this.#findings.get(source);
    const failed = finding && 'error' in finding ? finding.error : null;
    if (failed) this.#report(failed, index, source);
    if (failed && needsProbe(programme)) return null;
    const probed = finding && 'result' in finding ? finding.result : undefined;
    try {
      const measured = measure(
        programme,
        { probed, gain: this.#gains?.get(source) },
        this.#grid.format.frameRate,
        `programme ${index}`,
      );
      if (probed?.declaredDuration) this.#report(cutOff(measured, probed, index), index, source);
      if (measured.unfilledFrames) this.#report(tooShort(measured, index), index, source);
      if (!failed) this.playable++;
      this.pictureSizes.push(probed?.video?.shown ?? null);
      return measured;
    } catch (error) {
      this.#report(error, index, source);
      return null;
    }
  }

  #report(error: unknown, index: number, source: string): void {
    this.firstError ??= error;
    this.problems.push(problemOf(error, index, source));
  }
}

function tooShort(
  { title, frames, unfilledFrames = 0 }: ResolvedProgramme,
  index: number,
): HeadendError {
  const message =
    `programme ${index}: ${title} fills ${frames - unfilledFrames} of its ${frames} frames; ` +
    'the slate airs in the others';
  return new HeadendError('SOURCE_ENDED', 'schedule', message);
}

function cutOff(
  { title }: ResolvedProgramme,
  { duration, declaredDuration }: ProbeResult,
  index: number,
): HeadendError {
  const seconds = (ratio: Rational | null) => (ratio ? (ratio.num / ratio.den).toFixed(1) : '?');
  const message = `programme ${index}: the file of ${title} is cut off: ${seconds(duration)} s of ${seconds(declaredDuration)} s are there`;
  return new HeadendError('SOURCE_DAMAGED', 'schedule', message);
}

function neverAirs(index: number, other: number): HeadendError {
  return new HeadendError(
    'INVALID_OPTIONS',
    'schedule',
    `programme ${index} never airs: programme ${other} starts at the same frame`,
  );
}
