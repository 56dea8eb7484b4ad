// An async iterable that tests push into, and that counts what was taken from it.

type Entry<T> = { readonly value: T } | { readonly error: unknown };

export class PushSource<T> implements AsyncIterable<T>, AsyncIterator<T> {
  readonly #entries: Entry<T>[] = [];
  readonly #readers: PromiseWithResolvers<IteratorResult<T>>[] = [];
  #ended = false;
  /** How often somebody asked. */
  reads = 0;
  /** Items handed out. */
  taken = 0;
  returned = false;

  push(...values: T[]): void {
    for (const value of values) this.#entries.push({ value });
    this.#serve();
  }

  /** The next read rejects; those after it go on. */
  fail(error: unknown): void {
    this.#entries.push({ error });
    this.#serve();
  }

  end(): void {
    this.#ended = true;
    this.#serve();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    this.reads++;
    const reader = Promise.withResolvers<IteratorResult<T>>();
    this.#readers.push(reader);
    this.#serve();
    return reader.promise;
  }

  async return(): Promise<IteratorResult<T>> {
    this.returned = true;
    return { done: true, value: undefined };
  }

  #serve(): void {
    while (this.#readers.length > 0) {
      const entry = this.#entries.shift();
      if (entry === undefined && !this.#ended) return;
      const reader = this.#readers.shift();
      if (entry === undefined) reader?.resolve({ done: true, value: undefined });
      else if ('error' in entry) reader?.reject(entry.error);
      else {
        this.taken++;
        reader?.resolve({ done: false, value: entry.value });
      }
    }
  }
}
