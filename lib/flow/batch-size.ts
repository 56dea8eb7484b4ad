// The control law of the BatchProcessor: how many operations must wait for a commit to be worth its cost before its
// time has come.

/** Bounds of the batch size. */
export interface BatchSizeLimits {
  readonly min: number;
  readonly max: number;
}

/** Share of the wall time that commits may take before batches grow. */
const COMMIT_SHARE = 0.25;
/** Weight of the latest measurement in the moving averages. */
const ALPHA = 0.3;

/**
 * The batch size that follows measured load and measured commit latency:
 *
 *     size = clamp(ceil(rate * latency / 0.25), min, max)
 *
 * `rate` is the operations that came per millisecond, `latency` the milliseconds that a commit took, both as
 * exponential moving averages with weight 0.3. A batch of that size takes four commit latencies to gather, so commits
 * take a quarter of the time; a slower disk or a higher load makes larger batches until `max`, and when either falls
 * the size falls with it.
 */
export class BatchSize {
  readonly #limits: BatchSizeLimits;
  #rate = 0;
  #latencyMs = 0;

  constructor(limits: BatchSizeLimits) {
    this.#limits = limits;
  }

  /** Operations that make a batch worth its commit. */
  get current(): number {
    const { min, max } = this.#limits;
    const size = Math.ceil((this.#rate * this.#latencyMs) / COMMIT_SHARE);
    return Math.min(Math.max(size, min), max);
  }

  /** Notes that `operations` came in the last `elapsedMs`. */
  measureLoad(operations: number, elapsedMs: number): void {
    if (elapsedMs > 0) this.#rate += ALPHA * (operations / elapsedMs - this.#rate);
  }

  /** Notes how long a commit took. */
  measureCommit(latencyMs: number): void {
    this.#latencyMs += ALPHA * (latencyMs - this.#latencyMs);
  }
}
