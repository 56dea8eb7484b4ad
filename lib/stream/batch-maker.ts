// One producer and the batches asked of it: starts the producer with the first batch, replaces it after a
// failure (its state is then unknown), and waits with backoff before the next attempt.

import { type Clock, delay } from '../clock.js';
import type { ProduceRequest, Producer } from '../engine/engine.js';
import { backoffMs } from './backoff.js';

/** What a {@link BatchMaker} works with. */
export interface BatchMakerOptions {
  readonly clock: Clock;
  readonly createProducer: () => Producer;
  /** Called for every failed batch. */
  readonly onFailure: (error: unknown) => void;
}

/** Makes batches, one at a time. */
export class BatchMaker {
  readonly #options: BatchMakerOptions;
  #producer: Producer | null = null;
  #failures = 0;

  constructor(options: BatchMakerOptions) {
    this.#options = options;
  }

  /** Batches that failed since the last one that succeeded. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Makes a batch and resolves with true; or, when it fails, reports it, waits, and resolves with false.
   * @throws the signal's reason.
   */
  async make(request: ProduceRequest, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const onAbort = () => void this.#producer?.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#producer ??= this.#options.createProducer();
      await this.#producer.produce(request);
      this.#failures = 0;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.#failures++;
      this.#options.onFailure(error);
      await this.stop();
      await delay(this.#options.clock, backoffMs(this.#failures), signal);
      return false;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Joins the producer's threads. The next batch starts another one. */
  async stop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.stop();
  }
}
