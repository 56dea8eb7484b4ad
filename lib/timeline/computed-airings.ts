// A computed schedule on the air: asks for programmes ahead of time, keeps what it was given, and airs the
// slate where there is nothing. The only schedule that has a timer.

import { randomUUID } from 'node:crypto';
import { type Clock, delay } from '../clock.js';
import { HeadendError } from '../errors.js';
import { validate } from '../validate.js';
import type { Airing, ResolvedProgramme, ResolvedSchedule } from './airing.js';
import { AiringLog } from './airing-log.js';
import type { ComputedSchedule } from './computed.js';
import type { Grid } from './grid.js';
import { measure, needsProbe } from './measure.js';
import { problemOf } from './problem.js';
import { type Programme, ProgrammeSchema } from './programme.js';
import { type ProgrammeSupply, supplyOf, untilAborted, withDeadline } from './programme-supply.js';
import type { ResolveContext } from './resolve.js';

/** How long airings are kept behind the wall clock, in seconds: longer than any segment can be asked for. */
const HISTORY_SECONDS = 3600;
/** Programmes that are known ahead at most, however short they are. */
const AHEAD_LIMIT = 10_000;
/** Programmes in a row that cannot be played before the schedule is refused at its start. */
const ATTEMPTS = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** The longest sleep: clocks are set. */
const LONGEST_SLEEP_MS = 60_000;

/** The airings of a computed schedule. */
export class ComputedAirings implements ResolvedSchedule {
  // Another run gives other programmes, so no two are the same schedule.
  readonly identity = `computed ${randomUUID()}`;
  readonly #grid: Grid;
  readonly #clock: Clock;
  readonly #context: ResolveContext;
  readonly #supply: ProgrammeSupply;
  readonly #options: ComputedSchedule['options'];
  readonly #log: AiringLog;
  readonly #closing = new AbortController();
  #settled = -Infinity;
  #given = 0;
  #ended = false;
  #late = false;
  #nap: AbortController | null = null;

  private constructor(schedule: ComputedSchedule, context: ResolveContext) {
    const { grid, clock } = context;
    this.#grid = grid;
    this.#clock = clock;
    this.#context = context;
    this.#options = schedule.options;
    this.#supply = supplyOf(schedule);
    this.#log = new AiringLog(context.fromFrame ?? grid.firstFrame(grid.segmentAt(clock.now())));
  }

  /**
   * Asks for the first programme, and goes on from there until it is closed.
   * @throws HeadendError `SCHEDULE_EMPTY` when there is none, `SCHEDULE_FAILED` when it cannot be had in time,
   * the programme's own error when it cannot be played. The signal's reason.
   */
  static async start(
    schedule: ComputedSchedule,
    context: ResolveContext,
  ): Promise<ComputedAirings> {
    const airings = new ComputedAirings(schedule, context);
    const onAbort = () => airings.close();
    context.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await airings.#begin();
    } catch (error) {
      airings.close();
      context.signal?.throwIfAborted();
      throw startError(error);
    } finally {
      context.signal?.removeEventListener('abort', onAbort);
    }
    void airings.#goOn();
    return airings;
  }

  /** The first frame about which nothing is known. */
  get knownUntil(): number {
    return this.#ended ? Infinity : this.#log.until;
  }

  airingAt(frame: number): Airing {
    return this.#log.airingAt(frame);
  }

  settle(frame: number): void {
    this.#settled = Math.max(this.#settled, frame);
    this.#fillUpTo(frame);
    this.#nap?.abort();
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(
      new HeadendError('CLOSED', 'schedule', 'the schedule was taken off the air'),
    );
    this.#supply.close();
  }

  async #begin(): Promise<void> {
    let firstError: unknown;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const programme = await this.#ask();
      if (!programme) {
        throw firstError ?? new HeadendError('SCHEDULE_EMPTY', 'schedule', 'there is no programme');
      }
      try {
        this.#append(await this.#measure(programme));
        return;
      } catch (error) {
        firstError ??= error;
      }
    }
    throw firstError;
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#closing;
    try {
      for (let failures = 0; !this.#ended; ) {
        if (this.#isAhead()) await this.#sleep();
        else if (await this.#step()) failures = 0;
        else await delay(this.#clock, pauseMs(++failures), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  // Asks for a programme and appends it. False when that failed and was reported.
  async #step(): Promise<boolean> {
    let source = '';
    try {
      const programme = await this.#ask();
      if (!programme) {
        this.#end();
        return true;
      }
      if (typeof programme.source === 'string') source = programme.source;
      this.#append(await this.#measure(programme));
      return true;
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      this.#report(error, source);
      return false;
    }
  }

  async #ask(): Promise<Programme | null> {
    const startsAt = new Date(this.#grid.instantOfFrame(this.#log.until));
    const programme = await withDeadline(
      this.#clock,
      this.#options.deadlineMs,
      this.#closing.signal,
      (signal) => this.#supply.next({ startsAt, index: this.#given, signal }),
    );
    if (programme !== null) validate('compute', ProgrammeSchema, programme);
    return programme;
  }

  async #measure(programme: Programme): Promise<ResolvedProgramme> {
    const { probe, gains, grid } = this.#context;
    const { signal } = this.#closing;
    const { source } = programme;
    const probed =
      typeof source === 'string' && needsProbe(programme)
        ? await untilAborted(probe(source, signal), signal)
        : undefined;
    const gain =
      typeof source === 'string' && gains
        ? (await untilAborted(gains([source], signal), signal)).get(source)
        : undefined;
    return measure(programme, { probed, gain }, grid.format.frameRate, `programme ${this.#given}`);
  }

  #append(programme: ResolvedProgramme): void {
    this.#fillUpTo(Math.max(this.#settled, this.#now()));
    this.#log.append(programme, this.#given++);
    this.#late = false;
    this.#forget();
  }

  #forget(): void {
    this.#log.forget(this.#now() - this.#frames(HISTORY_SECONDS));
  }

  // What is behind or being made, and not known, is the slate from now on.
  #fillUpTo(frame: number): void {
    if (this.#ended || frame <= this.#log.until) return;
    if (!this.#late) {
      this.#late = true;
      const message = 'the next programme is late; the slate airs until it is there';
      this.#report(new HeadendError('SCHEDULE_FAILED', 'schedule', message), '');
    }
    this.#log.appendSlate(frame);
    this.#forget();
  }

  #end(): void {
    this.#ended = true;
    this.#report(
      new HeadendError('SCHEDULE_ENDED', 'schedule', 'there are no more programmes'),
      '',
    );
  }

  #report(error: unknown, source: string): void {
    this.#context.onProblem?.(problemOf(error, source === '' ? -1 : this.#given, source));
  }

  #isAhead(): boolean {
    const frame = Math.max(this.#settled, this.#now());
    const wanted = frame + this.#frames(this.#options.lookAhead);
    return this.#log.until >= wanted || this.#log.countFrom(frame) >= AHEAD_LIMIT;
  }

  // Until it may be time to ask again.
  async #sleep(): Promise<void> {
    const due = this.#log.until - this.#frames(this.#options.lookAhead);
    const ms = this.#grid.instantOfFrame(due) - this.#clock.now();
    this.#nap = new AbortController();
    const stop = AbortSignal.any([this.#closing.signal, this.#nap.signal]);
    try {
      await delay(this.#clock, Math.min(Math.max(ms, 1000), LONGEST_SLEEP_MS), stop);
    } catch {
      this.#closing.signal.throwIfAborted();
    } finally {
      this.#nap = null;
    }
  }

  #now(): number {
    return this.#grid.frameAt(this.#clock.now());
  }

  #frames(seconds: number): number {
    const { num, den } = this.#grid.format.frameRate;
    return Math.round((seconds * num) / den);
  }
}

function pauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10), LONGEST_PAUSE_MS);
}

function startError(error: unknown): HeadendError {
  if (error instanceof HeadendError) return error;
  const message = `the schedule could not be begun: ${error instanceof Error ? error.message : String(error)}`;
  return new HeadendError('SCHEDULE_FAILED', 'schedule', message, { cause: error });
}
