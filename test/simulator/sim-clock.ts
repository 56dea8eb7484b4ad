// A clock for simulations of many timers: it jumps from one to the next, in the order in which they fall due.
import type { Clock } from '../../lib/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | null;
}

export class SimClock implements Clock {
  #now: number;
  #order = 0;
  // A binary heap by instant and order.
  readonly #heap: Timer[] = [];

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
    const timer: Timer = { at: this.#now + Math.max(ms, 0), order: this.#order++, fire };
    this.#push(timer);
    return () => {
      timer.fire = null;
    };
  }

  /** Moves on by `ms`; everything that a timer sets off has run before the next one fires. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.at > end) break;
      this.#pop();
      if (!next.fire) continue;
      this.#now = next.at;
      next.fire();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = end;
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
