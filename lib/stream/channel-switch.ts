// Whether one channel is on: its states, one production run at a time however many ask, and the end of it.

import type { HeadendError } from '../errors.js';
import type { ChannelState, StreamSession } from '../session/stream-session.js';
import type { AdmittedRungs } from './admission.js';
import type { Audience } from './audience.js';
import type { BatchCoordinator, Coordinated } from './batch-coordinator.js';
import { failedBatchFault } from './fault.js';
import type { ProductionRun } from './production-run.js';
import { capacityExceeded } from './stream-errors.js';
import type { StreamLog } from './stream-log.js';

/** What a {@link ChannelSwitch} works with. */
export interface ChannelSwitchOptions {
  readonly channel: Coordinated;
  readonly coordinator: BatchCoordinator;
  readonly session: StreamSession;
  readonly audience: Audience;
  readonly log: StreamLog;
  /** Ids of all rungs, largest first. */
  readonly rungs: AdmittedRungs;
  /** Aborts with what those who ask are told once the channel is gone. */
  readonly closing: AbortSignal;
  /** The clock's monotonic time. */
  readonly monotonic: () => number;
  /** Why nothing airs now; null when something does. */
  readonly refusal: () => HeadendError | null;
  /** The rungs that may be made; none when the machine is full. */
  readonly admit: () => AdmittedRungs;
  readonly createRun: (onState: (state: ChannelState) => void) => ProductionRun;
  /** Drops the segments of a run that has ended, unless the channel is gone. */
  readonly onStopped: (reason: HeadendError) => void;
}

/** Turns a channel on and off. */
export class ChannelSwitch {
  readonly #options: ChannelSwitchOptions;
  #run: ProductionRun | null = null;
  #admitted: AdmittedRungs;
  #stopping: Promise<void> | null = null;

  constructor(options: ChannelSwitchOptions) {
    this.#options = options;
    this.#admitted = options.rungs;
  }

  /** The run while the channel is on. */
  get run(): ProductionRun | null {
    return this.#run;
  }

  /** Nothing of the channel is at work, nor about to end. */
  get isOff(): boolean {
    return this.#run === null && this.#stopping === null;
  }

  /** Ids of the rungs that may be made, largest first. */
  get admitted(): AdmittedRungs {
    return this.#admitted;
  }

  /**
   * The run, begun when there is none; after one that is just ending.
   * @throws HeadendError `CAPACITY_EXCEEDED`, `CLOSED`, `SCHEDULE_NOT_STARTED`, `SCHEDULE_ENDED`
   */
  async on(): Promise<ProductionRun> {
    for (;;) {
      this.#options.closing.throwIfAborted();
      if (this.#run) return this.#run;
      if (!this.#stopping) return this.#start();
      await this.#stopping;
    }
  }

  /**
   * Ends the run, and resolves when every thread is joined. Idempotent.
   * @param sessions Whether the viewers' sessions end with it, or go on after a restart.
   */
  off(reason: HeadendError, sessions: 'removed' | 'kept'): Promise<void> {
    this.#options.audience.forget(sessions === 'removed' ? 'removed' : null);
    if (this.#run) this.#stopping = this.#stop(this.#run, reason);
    return this.#stopping ?? Promise.resolve();
  }

  #start(): ProductionRun {
    const { channel, coordinator, session, audience, monotonic, createRun } = this.#options;
    try {
      this.#admitted = this.#mayStart();
    } catch (error) {
      audience.forget('removed');
      throw error;
    }
    const run = createRun((state) => this.#setState(state));
    this.#run = run;
    session.touch(monotonic());
    this.#setState('starting');
    coordinator.add(channel);
    coordinator.trigger(channel);
    return run;
  }

  // The rungs that the channel may make; throws when nothing airs now, or when the machine is full.
  #mayStart(): AdmittedRungs {
    const { channel, refusal, admit } = this.#options;
    const refused = refusal();
    if (refused) throw refused;
    const admitted = admit();
    if (admitted.length === 0) throw capacityExceeded(channel.channelId);
    return admitted;
  }

  async #stop(run: ProductionRun, reason: HeadendError): Promise<void> {
    const { channel, coordinator, session, log, onStopped } = this.#options;
    this.#run = null;
    coordinator.remove(channel);
    this.#setState('stopping');
    await run.stop(reason).catch((error) => log.fault(failedBatchFault(channel.channelId, error)));
    onStopped(reason);
    session.setCurrentBatch(null);
    this.#stopping = null;
    this.#setState('idle');
  }

  #setState(state: ChannelState): void {
    const { session, log } = this.#options;
    if (state === session.state) return;
    session.transition(state);
    log.state(state);
  }
}
