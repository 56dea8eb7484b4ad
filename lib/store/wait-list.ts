// Waiting for a value under a key: those who wait are woken by the event itself, never by polling.

import type { Clock } from '../clock.js';

/** How long and for whom to wait. */
export interface WaitOptions {
  /** Ends the wait; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the wait fails; `Infinity` waits for ever. */
  readonly deadlineMs: number;
  /** Makes the error of a wait that outlasts its deadline. */
  readonly onDeadline: () => Error;
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Waiters by key. Its size is bounded by its callers: one entry per request in flight, each with a deadline. */
export class WaitList<T> {
  readonly #clock: Clock;
  readonly #waiters = new Map<string, Set<Waiter<T>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with the value that {@link wake} is called with for `key`. */
  wait(key: string, options: WaitOptions): Promise<T> {
    const { signal, deadlineMs, onDeadline } = options;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const finish = () => {
        cancelTimer?.();
        signal?.removeEventListener('abort', onAbort);
        const waiters = this.#waiters.get(key);
        waiters?.delete(waiter);
        if (waiters?.size === 0) this.#waiters.delete(key);
      };
      const waiter: Waiter<T> = {
        resolve(value) {
          finish();
          resolve(value);
        },
        reject(error) {
          finish();
          reject(error);
        },
      };
      const onAbort = () => waiter.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const cancelTimer = Number.isFinite(deadlineMs)
        ? this.#clock.setTimer(() => waiter.reject(onDeadline()), deadlineMs)
        : undefined;
      const waiters = this.#waiters.get(key) ?? new Set();
      waiters.add(waiter);
      this.#waiters.set(key, waiters);
    });
  }

  /** Hands `value` to everybody who waits for `key`. */
  wake(key: string, value: T): void {
    for (const waiter of [...(this.#waiters.get(key) ?? [])]) waiter.resolve(value);
  }

  /** Fails everybody who waits, for any key. */
  failAll(error: unknown): void {
    for (const waiters of [...this.#waiters.values()]) {
      for (const waiter of [...waiters]) waiter.reject(error);
    }
  }

  /** Whether somebody waits for `key`. */
  has(key: string): boolean {
    return this.#waiters.has(key);
  }

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const waiters of this.#waiters.values()) size += waiters.size;
    return size;
  }
}
