// Decides when the channels are looked at: at once when something happens on one (a viewer comes, reports a position
// or leaves, a batch ends), when one has asked for it, and every two seconds in any case. A look never waits.

import type { Clock } from '../clock.js';

/** A channel as the coordinator sees it. */
export interface Coordinated {
  readonly channelId: string;
  /**
   * Does what is due now, without waiting for it: forgets viewers who are gone, begins a batch, stops. Returns the
   * milliseconds after which the channel must be looked at again at the latest, `Infinity` for none.
   */
  check(): number;
}

/** What a {@link BatchCoordinator} works with. */
export interface BatchCoordinatorOptions {
  readonly clock: Clock;
  /** Milliseconds between two looks at every channel. */
  readonly intervalMs: number;
  /** Told what a channel threw; the coordinator goes on. */
  readonly onError: (channelId: string, error: unknown) => void;
}

/** Looks after the channels that are on. One timer for all of them, and none while there is no channel. */
export class BatchCoordinator {
  readonly #options: BatchCoordinatorOptions;
  readonly #channels = new Set<Coordinated>();
  #cancelTimer: (() => void) | null = null;
  #timerAt = Infinity;
  #stopped = false;

  constructor(options: BatchCoordinatorOptions) {
    this.#options = options;
  }

  /** How many channels are looked after. */
  get size(): number {
    return this.#channels.size;
  }

  /** Takes on a channel. */
  add(channel: Coordinated): void {
    if (this.#stopped) return;
    this.#channels.add(channel);
    this.#arm(this.#options.intervalMs);
  }

  /** Lets a channel go. */
  remove(channel: Coordinated): void {
    this.#channels.delete(channel);
    if (this.#channels.size === 0) this.#disarm();
  }

  /** Looks at a channel now. */
  trigger(channel: Coordinated): void {
    if (this.#channels.has(channel)) this.#arm(this.#look(channel));
  }

  /** Looks at every channel now. */
  tick(): void {
    this.#disarm();
    let next = this.#options.intervalMs;
    for (const channel of this.#channels) next = Math.min(next, this.#look(channel));
    this.#arm(next);
  }

  /** Ends the ticks; nothing is looked after any more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#channels.clear();
    this.#disarm();
  }

  #look(channel: Coordinated): number {
    try {
      return channel.check();
    } catch (error) {
      this.#options.onError(channel.channelId, error);
      return Infinity;
    }
  }

  // Sees to it that the timer fires within `ms`.
  #arm(ms: number): void {
    if (this.#channels.size === 0) return;
    const { clock } = this.#options;
    const at = clock.monotonic() + Math.max(ms, 0);
    if (at >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = at;
    this.#cancelTimer = clock.setTimer(() => this.tick(), ms);
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAt = Infinity;
  }
}
