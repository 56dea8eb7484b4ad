// Makes segments that the main run has passed: a rung that somebody starts to watch needs some from before
// the point where the main run takes it up. Works segment by segment on a producer of its own, which exists
// only while there is something to do; what somebody waits for goes before what he will ask for next.

import type { ProduceRequest } from '../engine/engine.js';
import type { BatchMaker } from './batch-maker.js';

const ATTEMPTS = 3;

/** A stretch of one rendition: segments [next, to] are to be made, the first of them because somebody asked. */
interface Job {
  readonly rendition: string;
  readonly from: number;
  readonly to: number;
  next: number;
  attempts: number;
}

/** What a {@link SegmentFiller} works with. */
export interface SegmentFillerOptions {
  readonly batches: BatchMaker;
  /** The engine's request for one segment of a rendition. */
  readonly request: (rendition: string, sequence: number) => ProduceRequest;
  readonly has: (rendition: string, sequence: number) => boolean;
  /** Whether somebody waits for the segment at this moment. */
  readonly isAwaited: (rendition: string, sequence: number) => boolean;
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
  #untilServed: (() => void)[] = [];

  constructor(options: SegmentFillerOptions) {
    this.#options = options;
  }

  /** Whether the segment is part of a job that is not finished. */
  covers(rendition: string, sequence: number): boolean {
    return this.#jobFor(rendition, sequence) !== undefined;
  }

  /** Takes on a stretch of which somebody waits for the first segment. */
  fill(rendition: string, from: number, to: number): void {
    this.#jobs.push({ rendition, from, to, next: from, attempts: 0 });
    if (this.#jobs.length === 1) this.#working = this.#working.then(() => this.#work());
  }

  /** Resolves when the jobs are done or the signal was aborted, and the producer is gone. */
  joined(): Promise<void> {
    return this.#working;
  }

  /** Resolves when nobody waits for a segment of a job (any more). */
  served(): Promise<void> {
    if (!this.isAwaited) return Promise.resolve();
    return new Promise((resolve) => this.#untilServed.push(resolve));
  }

  /** Whether somebody waits for a segment of a job. */
  get isAwaited(): boolean {
    return this.#jobs.some((job) => this.#awaits(job));
  }

  #awaits({ rendition, next, to }: Job): boolean {
    for (let sequence = next; sequence <= to; sequence++) {
      if (this.#options.isAwaited(rendition, sequence)) return true;
    }
    return false;
  }

  #tellServed(): void {
    if (this.isAwaited) return;
    for (const resolve of this.#untilServed.splice(0)) resolve();
  }

  #jobFor(rendition: string, sequence: number): Job | undefined {
    return this.#jobs.find(
      (job) => job.rendition === rendition && job.next <= sequence && sequence <= job.to,
    );
  }

  async #work(): Promise<void> {
    const { batches, signal } = this.#options;
    try {
      for (let job = this.#choose(); job; job = this.#choose()) await this.#makeNext(job);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#jobs = [];
      this.#tellServed();
      await batches.stop();
    }
  }

  // Drops what is done or given up, and what somebody asked for who left before it was begun.
  #choose(): Job | undefined {
    this.#jobs = this.#jobs.filter(
      (job) =>
        job.next <= job.to && job.attempts < ATTEMPTS && (job.next > job.from || this.#awaits(job)),
    );
    this.#tellServed();
    return this.#jobs.find((job) => this.#awaits(job)) ?? this.#jobs[0];
  }

  // Gives a job up after a few attempts: whoever still waits for the segment gets a timeout and may ask again.
  async #makeNext(job: Job): Promise<void> {
    const { batches, request, has, signal } = this.#options;
    const made =
      has(job.rendition, job.next) ||
      (await batches.make(request(job.rendition, job.next), signal));
    if (!made) job.attempts++;
    else {
      job.attempts = 0;
      job.next++;
    }
  }
}
