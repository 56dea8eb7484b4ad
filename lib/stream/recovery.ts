// When to try again after a failed batch: restarts that wait longer each time, and a circuit breaker that stops
// trying for a while when they do not help. Pure: it is told the time.

import { HeadendError } from '../errors.js';

/** What failed: something about a source, an encoder, the engine itself, or the schedule, which has nothing to air. */
export type FailureClass = 'source' | 'encoder' | 'engine' | 'schedule';

/** Pauses before restarts; the last one for all that follow. */
const BACKOFF_MS = [1000, 2000, 4000, 8000];
/** Restarts in a row, without a success between them. */
const MAX_RESTARTS = 3;
/** Failures within this time that open the breaker, whatever succeeded between them. */
const BREAKER_FAILURES = 3;
const BREAKER_WINDOW_MS = 60_000;
/** How long the breaker stays open before one more attempt is made. */
const COOL_DOWN_MS = 30_000;

/** The class of an error that ended a batch. */
export function failureClass(error: unknown): FailureClass {
  const code = error instanceof HeadendError ? error.code : '';
  if (code.startsWith('SCHEDULE_')) return 'schedule';
  if (code.startsWith('SOURCE_') || code === 'DECODE_FAILED') return 'source';
  if (code === 'ENCODE_FAILED') return 'encoder';
  return 'engine';
}

/** The failures of one channel's production. `nowMs` is any clock that never goes back. */
export class Recovery {
  #inARow = 0;
  // Since a restart last helped for a minute, or the breaker closed.
  #restarts = 0;
  #failedAt: number[] = [];
  #retryAt = -Infinity;
  #open = false;
  #failure: FailureClass | null = null;

  /** Failures since the last success. */
  get failures(): number {
    return this.#inARow;
  }

  /** The class of the last failure; null after a success. */
  get failure(): FailureClass | null {
    return this.#failure;
  }

  /** Before this instant nothing is tried; `-Infinity` when nothing stands against it. */
  get retryAt(): number {
    return this.#retryAt;
  }

  /** Whether restarts did not help: the next attempt comes after a pause, and begins with what is on air then. */
  get isOpen(): boolean {
    return this.#open;
  }

  failed(failure: FailureClass, nowMs: number): void {
    this.#failure = failure;
    this.#failedAt = this.#failedAt.filter((at) => nowMs - at < BREAKER_WINDOW_MS);
    // A restart that helps for less than a minute does not help much: the pauses go on growing.
    if (this.#inARow === 0 && this.#failedAt.length === 0) this.#restarts = 0;
    this.#inARow++;
    this.#failedAt.push(nowMs);
    this.#open =
      this.#open ||
      failure === 'schedule' ||
      this.#inARow > MAX_RESTARTS ||
      this.#failedAt.length >= BREAKER_FAILURES;
    const pause = BACKOFF_MS[Math.min(this.#restarts++, BACKOFF_MS.length - 1)] ?? 0;
    this.#retryAt = nowMs + (this.#open ? COOL_DOWN_MS : pause);
  }

  succeeded(): void {
    if (this.#open) this.#failedAt = [];
    this.#open = false;
    this.#inARow = 0;
    this.#failure = null;
    this.#retryAt = -Infinity;
  }
}
