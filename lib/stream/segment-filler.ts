// Makes segments that the main run has passed: a rung that somebody starts to watch needs some from before
// the point where the main run takes it up. Works segment by segment on a producer of its own, which exists
// only while there is something to do; what somebody waits for goes before what he will ask for next.

import { type Clock, delay } from '../clock.js';
import type { SegmentMaker } from './segment-maker.js';
import type { Scheduler, Turn } from './work-scheduler.js';

const ATTEMPTS = 3;
const RETRY_MS = 500;

/** A stretch of one rendition: segments [next, to] are to be made, the first of them because somebody asked. */
interface Job {
  readonly rendition: string;
  readonly from: number;
  readonly to: number;
  readonly askedAt: number;
  next: number;
  attempts: number;
}

/** What a {@link SegmentFiller} works with. */
export interface SegmentFillerOptions {
  readonly clock: Clock;
  readonly maker: SegmentMaker;
  readonly scheduler: Scheduler;
  /** Makes one segment of a rendition with the maker. */
  readonly make: (
    maker: SegmentMaker,
    segment: { readonly rendition: string; readonly sequence: number },
    turn: Turn,
  ) => Promise<unknown>;
  /** The channel's time now. */
  readonly now: () => number;
  /** When a segment goes on air, in the channel's time. */
  readonly airsAt: (sequence: number) => number;
  readonly has: (rendition: string, sequence: number) => boolean;
  /** Whether somebody waits for the segment at this moment. */
  readonly isAwaited: (rendition: string, sequence: number) => boolean;
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Fills holes behind the main run. Bounded: a segment is part of one job at most, and callers ask for recent
 * segments only.
 */
export class SegmentFiller {
  readonly #options: SegmentFillerOptions;
  #jobs: Job[] = [];
  #working: Promise<void> = Promise.resolve();

  constructor(options: SegmentFillerOptions) {
    this.#options = options;
  }

  /** Whether the segment is part of a job that is not finished. */
  covers(rendition: string, sequence: number): boolean {
    return this.#jobs.some(
      (job) => job.rendition === rendition && job.next <= sequence && sequence <= job.to,
    );
  }

  /** Takes on a stretch of which somebody waits for the first segment. */
  fill(rendition: string, from: number, to: number): void {
    const askedAt = this.#options.now();
    this.#jobs.push({ rendition, from, to, askedAt, next: from, attempts: 0 });
    if (this.#jobs.length > 1) return;
    this.#working = this.#working.then(() => this.#work()).catch(this.#options.onFailure);
  }

  /** Resolves when the jobs are done or the signal was aborted, and the producer is gone. */
  joined(): Promise<void> {
    return this.#working;
  }

  async #work(): Promise<void> {
    const { clock, maker, scheduler, signal } = this.#options;
    try {
      while (this.#choose()) {
        const attempts = await scheduler.run(
          () => this.#slackMs(),
          (turn) => this.#makeNext(turn),
          signal,
        );
        if (attempts > 0) await delay(clock, RETRY_MS * 2 ** (attempts - 1), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#jobs = [];
      await maker.stop();
    }
  }

  // Drops what is done or given up, and what somebody asked for who left before it was begun.
  #choose(): Job | undefined {
    this.#jobs = this.#jobs.filter(
      (job) =>
        job.next <= job.to && job.attempts < ATTEMPTS && (job.next > job.from || this.#awaits(job)),
    );
    return this.#jobs.find((job) => this.#awaits(job)) ?? this.#jobs[0];
  }

  #awaits({ rendition, next, to }: Job): boolean {
    for (let sequence = next; sequence <= to; sequence++) {
      if (this.#options.isAwaited(rendition, sequence)) return true;
    }
    return false;
  }

  // A segment of the past is due from the moment at which somebody asked for it.
  #slackMs(): number {
    const { airsAt, now } = this.#options;
    const job = this.#choose();
    return job ? Math.max(airsAt(job.next), job.askedAt) - now() : 0;
  }

  // Makes one segment; how often it has failed, 0 when it was made. A job is given up after a few attempts: whoever
  // still waits for the segment gets a timeout and may ask again.
  async #makeNext(turn: Turn): Promise<number> {
    const { maker, make, has, onFailure, signal } = this.#options;
    const job = this.#choose();
    if (!job) return 0;
    try {
      const segment = { rendition: job.rendition, sequence: job.next };
      if (!has(job.rendition, job.next)) await make(maker, segment, turn);
      job.attempts = 0;
      job.next++;
    } catch (error) {
      signal.throwIfAborted();
      job.attempts++;
      onFailure(error);
    }
    return job.attempts;
  }
}
