// Which segment is made next, of all channels: a bounded number at a time, the one that is due first goes first.
// A producer is asked for one segment at a time, so every choice is made with the present in view.

import type { Clock } from '../clock.js';

/** Work that is due later than this is made ahead: nobody misses it yet. */
const AHEAD_MS = 4000;
/** Work that takes longer may wait for something that nobody tells of, and gives its slot back. */
const LEASE_MS = 4000;
/** Work at a time, that which took too long included, for every slot: there are half as many slots as cores. */
const MOST_PER_SLOT = 2;
/** With one slot, work that is made ahead could not leave any free. */
const LEAST_SLOTS = 2;

/** Decides when work is done. */
export interface Scheduler {
  /** How much may be in work at a time. */
  readonly slots: number;
  /** How much is in work. */
  readonly inWork: number;
  /** How much waits for its turn. */
  readonly waiting: number;
  /**
   * Does the work when its turn has come, and settles as it does.
   * @param slackMs Milliseconds until the work is due, negative when it is late; asked for at every choice.
   * @throws the signal's reason when it aborts before the work has begun.
   */
  run<T>(slackMs: () => number, work: Work<T>, signal: AbortSignal): Promise<T>;
}

/** What is done when its turn has come. */
export type Work<T> = (turn: Turn) => Promise<T>;

/** The turn of work in progress. */
export interface Turn {
  /** Whether the work is at nothing but waiting. */
  readonly isWaiting: boolean;
  /** Milliseconds that it has done so. */
  readonly waitedMs: number;
  /** Told that the work is at nothing but waiting: others go on meanwhile; and that it goes on itself. Repeatable. */
  waits(waits: boolean): void;
}

interface Item {
  readonly slackMs: () => number;
  readonly begin: (urgent: boolean) => void;
}

/** What a {@link WorkScheduler} works with. */
export interface WorkSchedulerOptions {
  readonly clock: Clock;
  /** Segments in work at a time, at least 2. */
  readonly slots: number;
}

/**
 * Decides by earliest deadline. Work that is made ahead leaves one slot free for whoever comes, and one more for
 * every urgent segment in work, which is the sooner made for it. Work that takes long gives its slot back, but never are
 * more than two at work for a slot: a machine that is too slow does not begin everything at once. Work that says that it
 * waits does not count as long as it does: sources that do not answer hold nobody up. Bounded by its callers: two items per channel.
 */
export class WorkScheduler implements Scheduler {
  readonly slots: number;
  readonly #clock: Clock;
  // In order of arrival, which decides between equals.
  readonly #queue = new Set<Item>();
  #inWork = 0;
  #urgentInWork = 0;
  // What has begun, has not ended and does not wait, whether it still holds a slot or not.
  #unended = 0;
  #cancelWake = () => {};

  constructor({ clock, slots }: WorkSchedulerOptions) {
    this.#clock = clock;
    this.slots = Math.max(slots, LEAST_SLOTS);
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get inWork(): number {
    return this.#inWork;
  }

  async run<T>(slackMs: () => number, work: Work<T>, signal: AbortSignal): Promise<T> {
    const turn = await this.#turn(slackMs, signal);
    try {
      return await work(turn);
    } finally {
      turn.end();
    }
  }

  #turn(slackMs: () => number, signal: AbortSignal): Promise<HeldTurn> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        this.#queue.delete(item);
        reject(signal.reason);
        this.#dispatch();
      };
      const item: Item = {
        slackMs,
        begin: (urgent) => {
          signal.removeEventListener('abort', onAbort);
          resolve(this.#take(urgent));
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(item);
      this.#dispatch();
    });
  }

  #take(urgent: boolean): HeldTurn {
    this.#inWork++;
    if (urgent) this.#urgentInWork++;
    this.#unended++;
    return new HeldTurn(this.#clock, (freesSlot, work) => {
      if (freesSlot) this.#inWork--;
      if (freesSlot && urgent) this.#urgentInWork--;
      this.#unended += work;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    this.#cancelWake();
    while (this.#inWork < this.slots && this.#unended < MOST_PER_SLOT * this.slots) {
      const next = this.#earliest();
      if (!next) return;
      if (next.slackMs > AHEAD_MS && !this.#hasRoomAhead()) {
        this.#cancelWake = this.#clock.setTimer(() => this.#dispatch(), next.slackMs - AHEAD_MS);
        return;
      }
      this.#queue.delete(next.item);
      next.item.begin(next.slackMs <= AHEAD_MS);
    }
  }

  #hasRoomAhead(): boolean {
    return this.#inWork + 1 + this.#urgentInWork < this.slots;
  }

  #earliest(): { item: Item; slackMs: number } | null {
    let earliest: Item | null = null;
    let least = Infinity;
    for (const item of this.#queue) {
      const slack = item.slackMs();
      if (earliest && slack >= least) continue;
      earliest = item;
      least = slack;
    }
    return earliest && { item: earliest, slackMs: least };
  }
}

/** Called when a turn frees its slot or not, and when one more or one less is at work. */
type OnTurn = (freesSlot: boolean, work: -1 | 0 | 1) => void;

/** A turn, which holds a slot until it waits, ends or has lasted too long, and counts as work while it does not wait. */
class HeldTurn implements Turn {
  readonly #clock: Clock;
  readonly #onTurn: OnTurn;
  readonly #cancelLease: () => void;
  #holdsSlot = true;
  #hasEnded = false;
  #waitsSince: number | null = null;
  #waitedMs = 0;

  constructor(clock: Clock, onTurn: OnTurn) {
    this.#clock = clock;
    this.#onTurn = onTurn;
    this.#cancelLease = clock.setTimer(() => onTurn(this.#giveBack(), 0), LEASE_MS);
  }

  get isWaiting(): boolean {
    return this.#waitsSince !== null;
  }

  get waitedMs(): number {
    const since = this.#waitsSince;
    return this.#waitedMs + (since === null ? 0 : this.#clock.monotonic() - since);
  }

  waits(waits: boolean): void {
    if (this.#hasEnded || waits === this.isWaiting) return;
    this.#waitedMs = this.waitedMs;
    this.#waitsSince = waits ? this.#clock.monotonic() : null;
    if (waits) this.#onTurn(this.#giveBack(), -1);
    else this.#onTurn(false, 1);
  }

  end(): void {
    this.waits(true);
    this.#hasEnded = true;
  }

  // Whether there was a slot to give back.
  #giveBack(): boolean {
    const held = this.#holdsSlot;
    this.#holdsSlot = false;
    this.#cancelLease();
    return held;
  }
}
