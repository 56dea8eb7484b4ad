// The time that one channel lives by: the wall clock's, except that it never goes back. Programmes must not
// repeat, nor sequence numbers, because somebody set the clock.

import type { Clock } from '../clock.js';

// Smaller differences are a clock being slewed: the channel's time stands still until the wall catches up.
const STEP_MS = 1000;

/** A channel's time in milliseconds since the Unix epoch. */
export class ChannelTime {
  readonly #clock: Clock;
  // How far this time leads the wall clock since that was set back.
  #lead = 0;
  #latest = -Infinity;
  #latestMonotonic = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The time now. After a step back of the wall clock it goes on at the machine's monotonic pace; a step
   * forward it follows, and gives back with it what lead it has.
   */
  now(): number {
    const wall = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    const expected = this.#latest + (monotonic - this.#latestMonotonic);
    const behind = expected - (wall + this.#lead);
    if (behind > STEP_MS) this.#lead += behind;
    else if (behind < -STEP_MS) this.#lead = Math.max(0, this.#lead + behind);
    this.#latest = Math.max(this.#latest, wall + this.#lead);
    this.#latestMonotonic = monotonic;
    return this.#latest;
  }

  /** Goes back to the wall clock's time; for a channel that nobody watches. */
  rejoin(): void {
    this.#lead = 0;
    this.#latest = -Infinity;
  }
}
