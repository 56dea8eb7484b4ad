// What a viewer's request sets going: the viewer is heard of, the rung is in demand, the channel is on, and stays awake
// until the answer is there.

import type { Clock } from '../clock.js';
import { AUDIO_RENDITION } from '../engine/engine.js';
import { ANONYMOUS_SESSION } from '../session/session-id.js';
import type { StreamSession } from '../session/stream-session.js';
import type { Audience } from './audience.js';
import type { ChannelSwitch } from './channel-switch.js';
import type { ChannelTime } from './channel-time.js';
import type { Demand } from './demand.js';
import type { ProductionRun } from './production-run.js';

/** For whom a request is answered. */
export interface ViewerRequest {
  /** The viewer's session; requests without one count together as one viewer. */
  readonly sessionId?: string | undefined;
  /** Ends the wait for what is not made yet, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link ViewerRequests} work with. */
export interface ViewerRequestsOptions {
  readonly clock: Clock;
  readonly time: ChannelTime;
  readonly session: StreamSession;
  readonly audience: Audience;
  readonly demand: Demand;
  readonly channelSwitch: ChannelSwitch;
  /** Aborts with what those who ask are told once the channel is gone. */
  readonly closing: AbortSignal;
  /** Has the channel looked at. */
  readonly trigger: () => void;
}

/** The requests for one channel. */
export class ViewerRequests {
  readonly #options: ViewerRequestsOptions;
  #waiting = 0;

  constructor(options: ViewerRequestsOptions) {
    this.#options = options;
  }

  /** Somebody is present, or waits for an answer. */
  get isWatched(): boolean {
    return this.#waiting > 0 || this.#options.session.viewerCount > 0;
  }

  /** Ids of the rungs that are asked for and may be made, largest first. */
  get rungsInDemand(): string[] {
    const { clock, demand, channelSwitch } = this.#options;
    return demand.rungs(clock.monotonic()).filter((id) => channelSwitch.admitted.includes(id));
  }

  /** Notes a sign of life of a viewer, known or new. */
  hear(sessionId: string): void {
    const { channelSwitch, time, audience } = this.#options;
    if (channelSwitch.isOff) time.rejoin();
    audience.hear(sessionId);
  }

  /** Notes that a rendition is asked for. */
  ask(rendition: string): void {
    const { clock, demand } = this.#options;
    if (rendition !== AUDIO_RENDITION) demand.ask(rendition, clock.monotonic());
  }

  /** Answers a viewer's request for something of a rendition with what the run gives. */
  async answer<T>(
    { sessionId = ANONYMOUS_SESSION, signal }: ViewerRequest,
    rendition: string,
    give: (run: ProductionRun) => Promise<T>,
  ): Promise<T> {
    const { closing, demand, channelSwitch, audience, trigger } = this.#options;
    closing.throwIfAborted();
    this.hear(sessionId);
    this.ask(rendition);
    const release = demand.hold(rendition);
    this.#waiting++;
    try {
      const run = channelSwitch.run ?? (await channelSwitch.on());
      closing.throwIfAborted();
      signal?.throwIfAborted();
      trigger();
      const result = await give(run);
      audience.hearAgain(sessionId);
      this.ask(rendition);
      return result;
    } finally {
      release();
      this.#waiting--;
      trigger();
    }
  }
}
