// Where a computed schedule gets its programmes from: asks one thing at a time, and waits no longer than it
// was told to.

import type { Clock } from '../clock.js';
import { HeadendError } from '../errors.js';
import type { ComputedSchedule, NextProgrammeRequest } from './computed.js';
import type { Programme } from './programme.js';

/** Gives programmes until it gives null. */
export interface ProgrammeSupply {
  /** @throws whatever the embedding program throws; the signal's reason. */
  next(request: NextProgrammeRequest): Promise<Programme | null>;
  /** Lets an iterator clean up. Does not wait for it. */
  close(): void;
}

/** The supply of a schedule. */
export function supplyOf({ source }: ComputedSchedule): ProgrammeSupply {
  if (typeof source === 'function') {
    return {
      next: async (request) => untilAborted(Promise.resolve(source(request)), request.signal),
      close: () => {},
    };
  }
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return new IteratorSupply(iterator);
}

/** An iterator cannot be asked again while it has not answered: a late answer is kept for the next question. */
class IteratorSupply implements ProgrammeSupply {
  readonly #iterator: AsyncIterator<Programme> | Iterator<Programme>;
  #answer: Promise<IteratorResult<Programme>> | null = null;

  constructor(iterator: AsyncIterator<Programme> | Iterator<Programme>) {
    this.#iterator = iterator;
  }

  async next({ signal }: NextProgrammeRequest): Promise<Programme | null> {
    this.#answer ??= this.#ask();
    const answer = this.#answer;
    try {
      const { done, value } = await untilAborted(answer, signal);
      this.#answer = null;
      return done ? null : value;
    } catch (error) {
      if (!signal.aborted) this.#answer = null;
      throw error;
    }
  }

  close(): void {
    const ended = (async () => this.#iterator.return?.())();
    ended.catch(() => {});
  }

  async #ask(): Promise<IteratorResult<Programme>> {
    return this.#iterator.next();
  }
}

/**
 * What a promise resolves with.
 * @throws the signal's reason when it aborts first; the promise's own end is then ignored.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Runs a task with a signal that aborts when the deadline is over, or when `signal` does.
 * @throws HeadendError `SCHEDULE_FAILED` after the deadline.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const message = `the next programme was not there within ${ms} ms`;
  const cancel = clock.setTimer(() => {
    deadline.abort(new HeadendError('SCHEDULE_FAILED', 'schedule', message, { retryable: true }));
  }, ms);
  try {
    return await task(AbortSignal.any([signal, deadline.signal]));
  } finally {
    cancel();
  }
}
