// Other ways to decide which segment is made next, to compare Headend's with.
import type { Clock } from '../../lib/clock.js';
import { type Scheduler, type Work, WorkScheduler } from '../../lib/stream/work-scheduler.js';

/**
 * In order of arrival. A channel has one segment in the queue at a time, so the channels take turns: it is round
 * robin as well.
 */
class ArrivalScheduler implements Scheduler {
  readonly slots: number;
  readonly #queue: (() => void)[] = [];
  inWork = 0;

  constructor(slots: number) {
    this.slots = slots;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  async run<T>(_: () => number, work: Work<T>, signal: AbortSignal): Promise<T> {
    if (this.inWork >= this.slots) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.inWork++;
    try {
      signal.throwIfAborted();
      return await work({ isWaiting: false, waitedMs: 0, waits: () => {} });
    } finally {
      // Whoever is next takes the slot over.
      const next = this.#queue.shift();
      if (next) next();
      else this.inWork--;
    }
  }
}

export const POLICIES = {
  /** Headend's own. */
  deadline: (clock: Clock, cores: number) => new WorkScheduler({ clock, slots: cores }),
  /** Headend's own with half the slots. */
  'deadline, half the slots': (clock: Clock, cores: number) =>
    new WorkScheduler({ clock, slots: Math.ceil(cores / 2) }),
  /** In turn. */
  'in turn': (_: Clock, cores: number) => new ArrivalScheduler(cores),
  /** Everything at once; the operating system shares the processors. */
  'all at once': () => new ArrivalScheduler(Infinity),
} satisfies Record<string, (clock: Clock, cores: number) => Scheduler>;

/** Name of a way to decide. */
export type Policy = keyof typeof POLICIES;
