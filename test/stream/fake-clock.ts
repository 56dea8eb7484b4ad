// A clock that tests move by hand: nothing waits for real, and every run takes the same course.
import type { Clock } from '../../lib/clock.js';

interface Timer {
  /** Monotonic time. */
  readonly at: number;
  readonly order: number;
  /** Null when it has fired or was cancelled. */
  fire: (() => void) | null;
}

const TURNS = 10;
/** Neither zero nor anywhere near wall time: who takes one for the other is far off. */
const MONOTONIC_ORIGIN = 1234;

/** Lets everything that can run without a timer run. */
export async function settle(turns = TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock implements Clock {
  // Wall time at the origin of the monotonic time.
  #wall: number;
  #monotonic = MONOTONIC_ORIGIN;
  #order = 0;
  #pending = 0;
  readonly #turns: number;
  // A binary heap by instant and order: simulations have many timers.
  readonly #heap: Timer[] = [];

  /**
   * @param now Wall time, which has nothing to do with the monotonic time.
   * @param turns Turns of the event loop that what a timer sets off may take; less is faster.
   */
  constructor(now: number, turns = TURNS) {
    this.#wall = now - MONOTONIC_ORIGIN;
    this.#turns = turns;
  }

  /** In whole milliseconds, as the machine's; the monotonic time has fractions. */
  now(): number {
    return Math.floor(this.#wall + this.#monotonic);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimer(fire: () => void, ms: number): () => void {
    const timer: Timer = { at: this.#monotonic + Math.max(ms, 0), order: this.#order++, fire };
    this.#push(timer);
    this.#pending++;
    return () => this.#take(timer);
  }

  /** Sets the wall clock forward by `ms`, or back: a hand, NTP, or a machine that wakes up, whose timers slept, too. */
  step(ms: number): void {
    this.#wall += ms;
  }

  /** Time passes without letting any timer fire: a thread that is busy. */
  stall(ms: number): void {
    this.#monotonic += ms;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#pending;
  }

  /** Moves on by `ms`, firing what falls due in order; what a timer sets off has run before the next one fires. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle(this.#turns);
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.at > end) break;
      this.#pop();
      const fire = this.#take(next);
      if (!fire) continue;
      this.#monotonic = Math.max(this.#monotonic, next.at);
      fire();
      await settle(this.#turns);
    }
    this.#monotonic = Math.max(this.#monotonic, end);
  }

  #take(timer: Timer): (() => void) | null {
    const { fire } = timer;
    timer.fire = null;
    if (fire) this.#pending--;
    return fire;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) break;
      index = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!this.#swapIfBefore(child, index)) break;
      index = child;
    }
  }

  // Exchanges two places of the heap when the first holds the earlier timer.
  #swapIfBefore(first: number, second: number): boolean {
    const heap = this.#heap;
    const [a, b] = [heap[first], heap[second]];
    if (!a || !b || !isBefore(a, b)) return false;
    heap[first] = b;
    heap[second] = a;
    return true;
  }
}

function isBefore(a: Timer | undefined, b: Timer | undefined): boolean {
  if (!a || !b) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
