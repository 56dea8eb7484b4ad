// Groups the items of a stream by number and by age. Three rules: an expired deadline comes before any newer item,
// an error of the source overtakes the batch without touching it, and never more than one batch is held.

import Type from 'typebox';
import { type Clock, MAX_TIMER_MS, systemClock } from '../clock.js';
import { validate } from '../validate.js';

/** Options of {@link Batcher}. */
export interface BatcherOptions {
  /** A batch with so many items is emitted at once. */
  readonly maxSize: number;
  /** A batch is emitted so many milliseconds after its first item came, however small; 0 sets no timer. */
  readonly maxLatencyMs: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

/** What a {@link Batcher} emits: items in the order they came, or an error of the source. */
export type BatcherOutput<T> =
  | {
      /** Some items. */
      readonly kind: 'batch';
      /** At least one, at most `maxSize`. */
      readonly items: readonly T[];
    }
  | {
      /** The source failed. */
      readonly kind: 'error';
      /** What its `next()` rejected with. */
      readonly error: unknown;
    };

const BatcherOptionsSchema = Type.Object(
  {
    maxSize: Type.Integer({ minimum: 1 }),
    maxLatencyMs: Type.Number({ minimum: 0, maximum: MAX_TIMER_MS }),
    clock: Type.Optional(Type.Unsafe<Clock>({})),
  },
  { additionalProperties: false },
);

/** Size- and latency-bounded batching of any async iterable. */
export class Batcher<T> {
  readonly #options: Required<BatcherOptions>;

  /** @throws HeadendError `INVALID_OPTIONS` */
  constructor(options: BatcherOptions) {
    const { maxSize, maxLatencyMs, clock } = validate('Batcher', BatcherOptionsSchema, options);
    this.#options = { maxSize, maxLatencyMs, clock: clock ?? systemClock };
  }

  /**
   * The batches of `source`, which is read from the first `next()` on, one item at a time.
   *
   * - While a finished batch waits for its consumer the source is not read, so a slow consumer slows the producer,
   *   and no more than `maxSize` items are held.
   * - When `next()` of the source rejects, the error is emitted before the batch in hand, and reading goes on; a
   *   generator ends with its error, other sources may continue.
   * - The end of the source flushes what is held.
   * - When `signal` aborts, nothing more is emitted: `next()` rejects with the signal's reason, what was held is
   *   dropped, and the source is told to return. Leaving a `for await` loop early does the same without the error.
   */
  batches(source: AsyncIterable<T>, signal?: AbortSignal): AsyncIterableIterator<BatcherOutput<T>> {
    return new Batches(source, this.#options, signal);
  }
}

interface Consumer<T> {
  resolve(result: IteratorResult<BatcherOutput<T>, undefined>): void;
  reject(error: unknown): void;
}

/** One pass over one source. */
class Batches<T> implements AsyncIterableIterator<BatcherOutput<T>> {
  readonly #source: AsyncIterator<T>;
  readonly #options: Required<BatcherOptions>;
  readonly #signal: AbortSignal | undefined;
  /** Finished but not taken: one output, or two when an item came after the batch had expired. */
  #ready: BatcherOutput<T>[] = [];
  #items: T[] = [];
  #deadline = Infinity;
  #cancelTimer: (() => void) | undefined;
  #reading = false;
  #ended = false;
  #failure: { readonly reason: unknown } | undefined;
  /** One entry per `next()` that waits, for `for await` at most one. */
  readonly #consumers: Consumer<T>[] = [];

  constructor(
    source: AsyncIterable<T>,
    options: Required<BatcherOptions>,
    signal: AbortSignal | undefined,
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#options = options;
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<BatcherOutput<T>, undefined>> {
    return new Promise((resolve, reject) => {
      this.#consumers.push({ resolve, reject });
      this.#deliver();
      this.#read();
    });
  }

  async return(): Promise<IteratorResult<BatcherOutput<T>, undefined>> {
    this.#stop();
    return { done: true, value: undefined };
  }

  readonly #onAbort = (): void => {
    this.#failure = { reason: this.#signal?.reason };
    this.#stop();
  };

  /** Asks the source for one item, unless a finished batch has yet to be taken. */
  #read(): void {
    if (this.#reading || this.#ended || this.#ready.length > 0) return;
    this.#reading = true;
    this.#source.next().then(this.#onResult, this.#onError);
  }

  readonly #onResult = (result: IteratorResult<T>): void => {
    if (!this.#took()) return;
    if (result.done) this.#finish();
    else this.#add(result.value);
    this.#goOn();
  };

  readonly #onError = (error: unknown): void => {
    if (!this.#took()) return;
    this.#ready.push({ kind: 'error', error });
    this.#goOn();
  };

  /** Whether what came is still wanted. */
  #took(): boolean {
    this.#reading = false;
    if (this.#ended) return false;
    // Timers wait while the source has items at hand, so the clock decides, not whether the timer has fired.
    if (this.#options.clock.monotonic() >= this.#deadline) this.#seal();
    return true;
  }

  #goOn(): void {
    this.#deliver();
    this.#read();
  }

  #add(item: T): void {
    this.#items.push(item);
    if (this.#items.length >= this.#options.maxSize) this.#seal();
    else if (this.#items.length === 1) this.#startTimer();
  }

  #startTimer(): void {
    const { clock, maxLatencyMs } = this.#options;
    if (maxLatencyMs === 0) return;
    this.#deadline = clock.monotonic() + maxLatencyMs;
    this.#cancelTimer = clock.setTimer(() => {
      this.#seal();
      this.#goOn();
    }, maxLatencyMs);
  }

  #seal(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#deadline = Infinity;
    if (this.#items.length === 0) return;
    this.#ready.push({ kind: 'batch', items: this.#items });
    this.#items = [];
  }

  #finish(): void {
    this.#seal();
    this.#ended = true;
  }

  /** Drops everything; nobody waits for the source, which may never answer. */
  #stop(): void {
    if (!this.#ended) this.#source.return?.().catch(() => {});
    this.#finish();
    this.#ready = [];
    this.#deliver();
  }

  #deliver(): void {
    this.#hand();
    if (this.#ended && this.#ready.length === 0) {
      this.#signal?.removeEventListener('abort', this.#onAbort);
    }
  }

  #hand(): void {
    for (;;) {
      const consumer = this.#consumers[0];
      if (consumer === undefined) return;
      const output = this.#ready.shift();
      if (output !== undefined) consumer.resolve({ done: false, value: output });
      else if (this.#failure !== undefined) {
        consumer.reject(this.#failure.reason);
        this.#failure = undefined;
      } else if (this.#ended) consumer.resolve({ done: true, value: undefined });
      else return;
      this.#consumers.shift();
    }
  }
}
