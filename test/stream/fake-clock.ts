// A clock that tests move by hand: nothing waits for real, and every run takes the same course.
import type { Clock } from '../../lib/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Lets everything that can run without a timer run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  setTimer(fire: () => void, ms: number): () => void {
    const timer = { at: this.#now + Math.max(ms, 0), order: this.#order++, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves on by `ms` without letting any timer fire: a thread that is busy, a machine that was suspended. */
  step(ms: number): void {
    this.#now += ms;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`, firing what falls due in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end);
      due.sort((a, b) => a.at - b.at || a.order - b.order);
      const [next] = due;
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await settle();
    }
    this.#now = end;
  }
}
