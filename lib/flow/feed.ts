// What is pushed in comes out as an async iterable, for a Batcher to read.

/** A queue with one reader. Bounded by whoever pushes. */
export class Feed<T extends object> implements AsyncIterable<T>, AsyncIterator<T, undefined> {
  #items: T[] = [];
  #head = 0;
  #reader: ((result: IteratorResult<T, undefined>) => void) | null = null;
  #isEnded = false;

  /** Adds an item behind the others. */
  push(item: T): void {
    if (this.#reader) this.#answer({ done: false, value: item });
    else this.#items.push(item);
  }

  /** There will be no more; what was pushed still comes out. */
  end(): void {
    this.#isEnded = true;
    this.#answer({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const value = this.#items[this.#head];
    if (value !== undefined) {
      this.#head++;
      // What was read goes with the last: shifting would move the whole of a long queue each time.
      if (this.#head === this.#items.length) {
        this.#items = [];
        this.#head = 0;
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  #answer(result: IteratorResult<T, undefined>): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.(result);
  }
}
