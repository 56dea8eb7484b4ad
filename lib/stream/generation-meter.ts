// How long a channel's segments take to make, compared with how long they play. At 1 the channel is only just kept up.

// Weight of the latest segment in the mean.
const WEIGHT = 0.3;
const WARN_AT = 0.9;
const CALM_BELOW = 0.75;

/** A moving mean of generation time / content time. */
export class GenerationMeter {
  #ratio: number | null = null;
  #warned = false;

  /** The mean; null before the first segment. */
  get ratio(): number | null {
    return this.#ratio;
  }

  /** Takes a segment in. True when the mean has just come near to 1: once, until it has calmed down. */
  add(elapsedMs: number, contentMs: number): boolean {
    const latest = elapsedMs / contentMs;
    this.#ratio = this.#ratio === null ? latest : this.#ratio + WEIGHT * (latest - this.#ratio);
    if (this.#ratio < CALM_BELOW) this.#warned = false;
    if (this.#ratio < WARN_AT || this.#warned) return false;
    this.#warned = true;
    return true;
  }
}
