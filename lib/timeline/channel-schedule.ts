// The schedule of one channel while it airs: takes on new schedules where nothing has been made yet, knows
// which of them a segment was made from, and forgets those that nobody can ask for any more.

import type { Size } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { Airing, ResolvedSchedule } from './airing.js';
import type { Grid } from './grid.js';
import type { ScheduleProblem } from './problem.js';
import { type Resolution, type ResolveContext, resolveSchedule } from './resolve.js';
import type { Schedule } from './schedule.js';
import { SplicedSchedule } from './splice.js';

/** Schedules that may be waiting for their turn on one channel. */
const PIECES_LIMIT = 100;

/** What a {@link ChannelSchedule} works with. */
export interface ChannelScheduleContext extends Omit<ResolveContext, 'signal' | 'fromFrame'> {
  /** How many segments a playlist lists at most. */
  readonly playlistSegments: number;
  /** Closes the schedule when it aborts, ready or not. */
  readonly signal?: AbortSignal | undefined;
}

/** A change of a channel's schedule. */
export interface ScheduleChange {
  /** When the new schedule takes over at the earliest; null for as soon as possible. */
  readonly fromMs: number | null;
  /** The channel's time. */
  readonly now: () => number;
  /** The first frame that may air something else still. */
  readonly firstFree: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** A schedule that can be changed. */
export class ChannelSchedule implements ResolvedSchedule {
  /** How large the pictures of the first schedule's programmes are shown; null where that is not known. */
  readonly pictureSizes: readonly (Size | null)[];
  readonly #context: ChannelScheduleContext;
  readonly #grid: Grid;
  readonly #historyFrames: number;
  readonly #closing = new AbortController();
  #current: SplicedSchedule;
  #problems: readonly ScheduleProblem[];
  #changing: Promise<unknown> = Promise.resolve();
  readonly #onAbort = () => this.close();

  private constructor(
    context: ChannelScheduleContext,
    { schedule, problems, pictureSizes }: Resolution,
  ) {
    const { grid, playlistSegments } = context;
    this.#context = context;
    this.#grid = grid;
    // A segment can be asked for until it left the playlist twice the playlist's length ago.
    this.#historyFrames = grid.firstFrame(3 * playlistSegments + 10);
    this.#current = SplicedSchedule.of(schedule, grid.format.frameRate);
    this.#problems = problems;
    this.pictureSizes = pictureSizes;
    context.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#report(problems);
  }

  /**
   * Resolves a channel's first schedule.
   * @throws what `resolveSchedule` throws.
   */
  static async create(
    schedule: Schedule,
    context: ChannelScheduleContext,
  ): Promise<ChannelSchedule> {
    const resolution = await resolveSchedule(schedule, context);
    if (context.signal?.aborted) resolution.schedule.close?.();
    context.signal?.throwIfAborted();
    return new ChannelSchedule(context, resolution);
  }

  /** What was wrong with the schedule that was given last. */
  get problems(): readonly ScheduleProblem[] {
    return this.#problems;
  }

  get identity(): string {
    return this.#current.identity;
  }

  get knownUntil(): number {
    return this.#current.knownUntil;
  }

  airingAt(frame: number): Airing {
    return this.#current.airingAt(frame);
  }

  refusal(frame: number): HeadendError | null {
    return this.#current.refusal(frame);
  }

  settle(frame: number): void {
    this.#current.settle(frame);
    this.#take(this.#current.since(frame - this.#historyFrames));
  }

  /** Identity of what a segment was, or will be, made from. */
  identityOfSegment(sequence: number): string {
    const grid = this.#grid;
    return this.#current.identityOf(grid.firstFrame(sequence), grid.firstFrame(sequence + 1));
  }

  /**
   * Lets another schedule take over, at the instant asked for or at the first frame that is free, whichever is later;
   * whatever was to follow from there on is dropped. Resolves with that frame. Changes are made one after the other. When one fails everything stays as it was.
   * @throws what `resolveSchedule` throws; HeadendError `INVALID_OPTIONS` when too many schedules wait; `CLOSED`.
   */
  change(schedule: Schedule, change: ScheduleChange): Promise<number> {
    const changed = this.#changing.then(() => this.#change(schedule, change));
    this.#changing = changed.catch(() => {});
    return changed;
  }

  /** Ends what keeps the schedules going. Idempotent. */
  close(): void {
    this.#context.signal?.removeEventListener('abort', this.#onAbort);
    this.#closing.abort(new HeadendError('CLOSED', 'schedule', 'the channel was removed'));
    for (const { schedule } of this.#current.pieces) schedule.close?.();
  }

  async #change(schedule: Schedule, change: ScheduleChange): Promise<number> {
    const { fromMs, now, firstFree, signal } = change;
    const closing = this.#closing.signal;
    const stop = signal ? AbortSignal.any([closing, signal]) : closing;
    stop.throwIfAborted();
    const wanted = fromMs === null ? -Infinity : this.#grid.frameAt(fromMs);
    const fromFrame = Math.max(wanted, firstFree());
    const resolution = await resolveSchedule(schedule, {
      ...this.#context,
      fromFrame,
      signal: stop,
    });
    if (stop.aborted) resolution.schedule.close?.();
    stop.throwIfAborted();
    const cutFrame = Math.max(fromFrame, firstFree());
    const current = this.#current.since(this.#grid.frameAt(now()) - this.#historyFrames);
    if (current.pieces.length >= PIECES_LIMIT) {
      resolution.schedule.close?.();
      const message = `${PIECES_LIMIT} schedules wait for their turn already`;
      throw new HeadendError('INVALID_OPTIONS', 'schedule', message);
    }
    this.#take(current.with(resolution.schedule, cutFrame));
    this.#problems = resolution.problems;
    this.#report(resolution.problems);
    return cutFrame;
  }

  #report(problems: readonly ScheduleProblem[]): void {
    for (const problem of problems) this.#context.onProblem?.(problem);
  }

  #take(next: SplicedSchedule): void {
    const kept = new Set(next.pieces.map(({ schedule }) => schedule));
    for (const { schedule } of this.#current.pieces) {
      if (!kept.has(schedule)) schedule.close?.();
    }
    this.#current = next;
  }
}
