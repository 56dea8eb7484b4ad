// Which rungs of a channel somebody watches: those asked for lately. Only these are encoded.

/** The rungs in demand. Bounded by the ladder: callers pass ids of the channel's rungs only. */
export class Demand {
  readonly #ladder: readonly string[];
  readonly #ttlMs: number;
  readonly #askedAt = new Map<string, number>();

  /**
   * @param ladder Ids of the channel's rungs, largest first.
   * @param ttlMs How long after its last request a rung is still in demand.
   */
  constructor(ladder: readonly string[], ttlMs: number) {
    this.#ladder = ladder;
    this.#ttlMs = ttlMs;
  }

  /** Notes that somebody asked for something of the rung. */
  ask(rung: string, nowMs: number): void {
    this.#askedAt.set(rung, nowMs);
  }

  /** The rungs in demand, largest first. */
  rungs(nowMs: number): string[] {
    return this.#ladder.filter(
      (rung) => nowMs - (this.#askedAt.get(rung) ?? -Infinity) < this.#ttlMs,
    );
  }
}
