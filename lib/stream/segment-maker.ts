// One producer and the segments asked of it: starts the producer with the first one, and stops it after a failure,
// because its state is then unknown, and when what it has read ahead is not to air any more; the next segment starts another.

import type { BatchReport, ProduceRequest, Producer } from '../engine/engine.js';
import { agree } from '../timeline/schedule.js';
import { OutputGate } from './output-gate.js';
import type { Turn } from './work-scheduler.js';

/** What is asked of the engine. */
export interface MakerRequest extends ProduceRequest {
  /** The frame up to which the producer may read ahead of it. */
  readonly knownTo: number;
}

/** Makes segments, one call at a time. */
export class SegmentMaker {
  readonly #createProducer: (gate: OutputGate, onWait: (waits: boolean) => void) => Producer;
  #producer: Producer | null = null;
  #gate = new OutputGate();
  #told: MakerRequest | null = null;
  #working = false;
  #turn: Turn | null = null;

  /** @param createProducer Its second argument is to be called as {@link ProducerSink.onWait} is. */
  constructor(createProducer: (gate: OutputGate, onWait: (waits: boolean) => void) => Producer) {
    this.#createProducer = createProducer;
  }

  /** None yet, or stopped; threads asleep; making a segment. */
  get state(): 'none' | 'parked' | 'working' {
    if (this.#producer === null) return 'none';
    return this.#working ? 'working' : 'parked';
  }

  /** Whether the segment that is being made waits for its source. */
  get isWaiting(): boolean {
    return this.#turn?.isWaiting ?? false;
  }

  /**
   * Makes what is asked for.
   * @param turn Told when it begins to wait for a source, and when it goes on.
   * @throws what the producer throws, once its threads are joined; the signal's reason.
   */
  async make(
    { knownTo, ...request }: MakerRequest,
    signal: AbortSignal,
    turn: Turn,
  ): Promise<BatchReport> {
    signal.throwIfAborted();
    const onAbort = () => void this.#producer?.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#working = true;
    this.#turn = turn;
    try {
      if (!this.#holdsFor(request)) await this.stop();
      signal.throwIfAborted();
      this.#producer ??= this.#createProducer(this.#gate, (waits) => this.#turn?.waits(waits));
      this.#told = { ...request, knownTo };
      this.#gate.open(request.from + request.count - 1);
      return await this.#producer.produce(request);
    } catch (error) {
      await this.stop();
      signal.throwIfAborted();
      throw error;
    } finally {
      this.#working = false;
      this.#turn = null;
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Joins the producer's threads. */
  async stop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    this.#gate = new OutputGate();
    this.#told = null;
    await producer?.stop();
  }

  // Whether what the producer may have read ahead is still to air.
  #holdsFor({ timeline }: ProduceRequest): boolean {
    return this.#told === null || agree(this.#told.timeline, timeline, this.#told.knownTo);
  }
}
