// One producer and the segments asked of it: starts the producer with the first one, and stops it after a failure,
// because its state is then unknown; the next segment starts another.

import type { BatchReport, ProduceRequest, Producer } from '../engine/engine.js';

/** Makes segments, one call at a time. */
export class SegmentMaker {
  readonly #createProducer: () => Producer;
  #producer: Producer | null = null;
  #working = false;

  constructor(createProducer: () => Producer) {
    this.#createProducer = createProducer;
  }

  /** None yet, or stopped; threads asleep; making a segment. */
  get state(): 'none' | 'parked' | 'working' {
    if (this.#producer === null) return 'none';
    return this.#working ? 'working' : 'parked';
  }

  /**
   * Makes what is asked for.
   * @throws what the producer throws, once its threads are joined; the signal's reason.
   */
  async make(request: ProduceRequest, signal: AbortSignal): Promise<BatchReport> {
    signal.throwIfAborted();
    const onAbort = () => void this.#producer?.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#working = true;
    try {
      this.#producer ??= this.#createProducer();
      return await this.#producer.produce(request);
    } catch (error) {
      await this.stop();
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#working = false;
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Joins the producer's threads. */
  async stop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.stop();
  }
}
