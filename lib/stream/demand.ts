// Which rungs of a channel somebody watches: those asked for lately, and those that somebody waits for. Only these are
// encoded.

/** The rungs in demand. Bounded by the ladder: callers pass ids of the channel's rungs only. */
export class Demand {
  readonly #ladder: readonly string[];
  readonly #ttlMs: number;
  readonly #askedAt = new Map<string, number>();
  readonly #waiting = new Map<string, number>();

  /**
   * `nowMs` is any clock that never goes back; all calls must use the same one.
   * @param ladder Ids of the channel's rungs, largest first.
   * @param ttlMs After its last request a rung is in demand for less than this.
   */
  constructor(ladder: readonly string[], ttlMs: number) {
    this.#ladder = ladder;
    this.#ttlMs = ttlMs;
  }

  /** Notes that somebody asked for something of the rung. */
  ask(rung: string, nowMs: number): void {
    this.#askedAt.set(rung, nowMs);
  }

  /** Keeps a rung in demand while somebody waits for it, however long that takes; the function returned ends that. */
  hold(rung: string): () => void {
    const add = (change: 1 | -1) =>
      this.#waiting.set(rung, (this.#waiting.get(rung) ?? 0) + change);
    add(1);
    return () => add(-1);
  }

  /** The rungs in demand, largest first. */
  rungs(nowMs: number): string[] {
    return this.#ladder.filter(
      (rung) =>
        (this.#waiting.get(rung) ?? 0) > 0 ||
        nowMs - (this.#askedAt.get(rung) ?? -Infinity) < this.#ttlMs,
    );
  }
}
