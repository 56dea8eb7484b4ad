// Brings what is on the air to what should be: adds, changes and removes channels, and leaves alone what is as it
// should be.

import { type Clock, systemClock } from '../lib/clock.js';
import {
  type Channel,
  type ChannelDefinition,
  channelFromDefinition,
  type Headend,
  HeadendError,
  scheduleFromDefinition,
} from '../lib/index.js';
import type { Log } from './log.js';
import type { Plan, PlannedChannel } from './plan.js';
import { Reports } from './reports.js';

/** A disk that is away, or films that are being replaced, may come back: so long a channel waits for them. */
const PATIENCE_MS = 600_000;

/** Nobody tells that a disk is there again. */
const LOOK_MS = 15_000;

/** What a {@link Lineup} works with. */
export interface LineupOptions {
  readonly headend: Headend;
  readonly log: Log;
  /** Says what should be on the air. */
  readonly plan: (reports: Reports, signal: AbortSignal) => Promise<Plan>;
  readonly clock?: Clock;
}

interface OnAir {
  readonly channel: Channel;
  /** The definition's schedule, and everything else, as text. */
  readonly schedule: string;
  readonly rest: string;
  /** Of the plan. */
  readonly root?: string | undefined;
}

/** The channels that the configuration or the media folder asks for. Those added by other means are not touched. */
export class Lineup {
  readonly #options: LineupOptions;
  readonly #reports: Reports;
  // As many as the plan has channels.
  readonly #onAir = new Map<string, OnAir>();
  readonly #clock: Clock;
  // Since when, on the monotonic clock, channels on the air have had nothing to play.
  readonly #bareSince = new Map<string, number>();

  constructor(options: LineupOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#reports = new Reports(options.log);
  }

  /** How many channels of the plan are on the air. */
  get size(): number {
    return this.#onAir.size;
  }

  /** Milliseconds until a plan has to be made even if nobody tells of a change. */
  get dueInMs(): number {
    return this.#bareSince.size > 0 ? LOOK_MS : Infinity;
  }

  /**
   * Makes a plan and follows it, a channel after the other. A channel that cannot be brought on the air, or changed, is
   * reported and stays as it was. Not to be called again before it has resolved.
   * @param onPlan Called with the plan before anything is changed.
   * @throws what making the plan throws, before anything is changed; the signal's reason.
   */
  async follow(signal: AbortSignal, onPlan: (plan: Plan) => void = () => {}): Promise<void> {
    this.#reports.begin();
    const plan = await this.#options.plan(this.#reports, signal);
    onPlan(plan);
    const planned = new Set(plan.channels.map(({ id }) => id));
    const fallback = new Set(plan.fallback.map(({ id }) => id));
    for (const id of [...this.#onAir.keys()]) {
      if (!planned.has(id) && !fallback.has(id)) await this.#miss(id, plan);
    }
    let playing = 0;
    for (const channel of plan.channels) {
      signal.throwIfAborted();
      if (await this.#bring(channel, plan)) playing++;
    }
    playing += [...this.#bareSince.keys()].filter((id) => !planned.has(id)).length;
    await this.#followFallback(plan, playing === 0, planned);
  }

  async #followFallback(
    { channels, fallback }: Plan,
    isWanted: boolean,
    planned: ReadonlySet<string>,
  ): Promise<void> {
    if (isWanted && channels.length > 0 && fallback.length > 0) {
      this.#reports.warn({}, 'No channel has anything to play: airing demo channels');
    }
    for (const definition of fallback) {
      if (isWanted) await this.#air(definition);
      else if (!planned.has(definition.id)) await this.#remove(definition.id);
    }
  }

  /** Whether the channel is on the air, in this form or an earlier one. */
  async #bring({ id, name, root, prepare }: PlannedChannel, plan: Plan): Promise<boolean> {
    try {
      const definition = await prepare();
      if (definition) await this.#air(definition, root);
      else await this.#miss(id, plan);
    } catch (error) {
      if (!(error instanceof HeadendError) || error.code === 'CLOSED') throw error;
      const { code, message } = error;
      const what = this.#onAir.has(id) ? `${name} stays as it was` : `No channel for ${name}`;
      this.#reports.warn({ channelId: id, code }, `${what}: ${message}`);
    }
    return this.#onAir.has(id);
  }

  async #air(definition: ChannelDefinition, root?: string): Promise<void> {
    const { headend, log } = this.#options;
    const { schedule, ...others } = definition;
    const { id, name = id } = definition;
    const wanted = { schedule: JSON.stringify(schedule), rest: JSON.stringify(others), root };
    const known = this.#onAir.get(id);
    this.#bareSince.delete(id);
    if (known?.schedule === wanted.schedule && known.rest === wanted.rest) return;
    const current = headend.channels.list().find((channel) => channel.id === id);
    if (known && known.channel === current && known.rest === wanted.rest) {
      const from = await current.setSchedule(scheduleFromDefinition(schedule));
      this.#onAir.set(id, { ...wanted, channel: current });
      log.info({ channelId: id, from }, `${name} has a new schedule from ${from.toISOString()}`);
      return;
    }
    const channel = await headend.channels.put(channelFromDefinition(definition));
    this.#onAir.set(id, { ...wanted, channel });
    log.info({ channelId: id }, `${name} is ${current ? 'on the air anew' : 'on the air'}`);
  }

  /** There is nothing that the channel could play. One of a media folder stays as it was for a while. */
  async #miss(id: string, { media }: Plan): Promise<void> {
    const known = this.#onAir.get(id);
    const now = this.#clock.monotonic();
    const since = this.#bareSince.get(id) ?? now;
    const waits = known?.root !== undefined && known.root === media && now - since < PATIENCE_MS;
    if (!waits) return this.#remove(id);
    this.#bareSince.set(id, since);
    this.#reports.warn(
      { channelId: id },
      `${known.channel.name} has nothing left to play: it goes off the air in ${PATIENCE_MS / 60_000} minutes unless something comes back`,
    );
  }

  async #remove(id: string): Promise<void> {
    const { headend, log } = this.#options;
    const known = this.#onAir.get(id);
    if (!known) return;
    this.#onAir.delete(id);
    this.#bareSince.delete(id);
    // One that was replaced through the API is the API's.
    if (!headend.channels.list().includes(known.channel)) return;
    await headend.channels.remove(id);
    log.info({ channelId: id }, `${known.channel.name} went off the air`);
  }
}
