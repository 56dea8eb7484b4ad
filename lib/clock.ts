// The one source of time: everything that asks what time it is, or waits, takes a Clock.

/** Wall time and timers. The library uses those of the machine; tests use a clock they move by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch, as `Date.now()`. */
  now(): number;
  /** Milliseconds since some instant; never steps, whatever happens to the wall clock. */
  monotonic(): number;
  /** Calls `fire` once, `ms` milliseconds from now; the returned function cancels it. */
  setTimer(fire: () => void, ms: number): () => void;
}

/** The longest timer in milliseconds: setTimeout takes at most 2^31 - 1 ms; nothing here waits longer than a day at a time. */
export const MAX_TIMER_MS = 86_400_000;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(fire, ms) {
    const timer = setTimeout(fire, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/**
 * Waits `ms` milliseconds.
 * @throws the signal's reason when it aborts first.
 */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
