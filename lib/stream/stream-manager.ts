// The live streams of all channels, and what they share: the scheduler, the coordinator, admission and the journal.

import type { Clock } from '../clock.js';
import type { Engine } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { Journal, SavedEncoding, SavedSession } from '../journal/journal.js';
import type { SegmentStore } from '../store/segment-store.js';
import {
  type AdmissionPolicy,
  type AdmittedRungs,
  admit,
  load,
  type RunningCost,
} from './admission.js';
import { BatchCoordinator } from './batch-coordinator.js';
import { ChannelStream, type ChannelStreamOptions, type SharedParts } from './channel-stream.js';
import { failedBatchFault } from './fault.js';
import type { StreamEvents } from './stream-events.js';
import type { Scheduler } from './work-scheduler.js';

/** What a {@link StreamManager} works with. */
export interface StreamManagerOptions {
  readonly engine: Engine;
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly events: StreamEvents;
  /** Where sessions, positions, batches, programmes and faults are written down; null for nowhere. */
  readonly journal: Journal | null;
  /** Decides which segment is made next. */
  readonly scheduler: Scheduler;
  readonly admission: AdmissionPolicy;
  /** Milliseconds between two looks at every channel. */
  readonly coordinatorIntervalMs: number;
}

/** How busy the machine is with the channels. */
export interface CapacityStatus {
  /** Channels that are on. */
  readonly channelsOn: number;
  /** Present viewers of all channels. */
  readonly viewers: number;
  /** Segments that may be in work at a time. */
  readonly slots: number;
  /** Segments in work. */
  readonly inWork: number;
  /** Segments that wait for their turn. */
  readonly waiting: number;
  /** The part of the slots that the watched channels need to keep up, as measured; above 1 they cannot. */
  readonly load: number;
}

/** Owns the live streams. */
export class StreamManager {
  readonly #options: StreamManagerOptions;
  readonly #shared: SharedParts;
  readonly #streams = new Map<string, ChannelStream>();
  // Sessions of channels that have not been added yet since the start; taken from the journal with the first channel.
  #saved: Map<string, SilentSession[]> | null = null;
  // Those that were on when the server ended and are about to be again: a restart takes no channel from its viewers.
  readonly #resuming = new WeakSet<ChannelStream>();
  // Of the channels whose encoding has ever changed, by channel id: those that encoders have failed.
  readonly #encodings: Map<string, SavedEncoding>;
  #shutdown: Promise<void> | null = null;

  constructor(options: StreamManagerOptions) {
    const { engine, store, clock, events, journal, scheduler, coordinatorIntervalMs } = options;
    this.#options = options;
    const encodings = journal?.savedEncodings() ?? [];
    this.#encodings = new Map(encodings.map((saved) => [saved.channelId, saved]));
    this.#shared = {
      engine,
      store,
      clock,
      events,
      scheduler,
      coordinator: new BatchCoordinator({
        clock,
        intervalMs: coordinatorIntervalMs,
        onError: (channelId, error) => events.fault(failedBatchFault(channelId, error)),
      }),
      // What the journal cannot write it reports itself; the streams play on.
      record: (operation) => void journal?.record(operation).catch(() => {}),
      admit: (stream) => this.#admit(stream),
    };
  }

  /**
   * Adds the stream of a channel, with what the journal remembers of it.
   * @throws HeadendError `CLOSED`
   */
  add(options: ChannelStreamOptions): ChannelStream {
    if (this.#shutdown) throw new HeadendError('CLOSED', 'engine', 'Headend was closed');
    const stream = new ChannelStream(options, this.#shared);
    this.#streams.set(stream.channelId, stream);
    const encoding = this.#encodings.get(stream.channelId);
    if (encoding) stream.restoreEncoding(encoding);
    this.#restoreSessions(stream);
    return stream;
  }

  /** @throws HeadendError `CHANNEL_NOT_FOUND` */
  get(channelId: string): ChannelStream {
    const stream = this.#streams.get(channelId);
    if (stream) return stream;
    throw new HeadendError('CHANNEL_NOT_FOUND', 'http', `there is no channel ${channelId}`, {
      channelId,
    });
  }

  /**
   * Ends a stream for good; resolves when its threads are joined.
   * @throws HeadendError `CHANNEL_NOT_FOUND`
   */
  async remove(channelId: string): Promise<void> {
    const stream = this.get(channelId);
    this.#streams.delete(channelId);
    // A channel that takes its place under the same URLs counts on.
    const { savedEncoding } = stream;
    if (savedEncoding) this.#encodings.set(channelId, savedEncoding);
    await stream.close();
  }

  /** Ends every stream, and resolves when every thread is joined. Nothing starts any more. Idempotent. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  status(): CapacityStatus {
    const { scheduler, coordinator } = this.#shared;
    const streams = [...this.#streams.values()];
    return {
      channelsOn: coordinator.size,
      viewers: streams.reduce((sum, { viewerCount }) => sum + viewerCount, 0),
      slots: scheduler.slots,
      inWork: scheduler.inWork,
      waiting: scheduler.waiting,
      load: load(this.#running(), scheduler.slots),
    };
  }

  async #close(): Promise<void> {
    await Promise.all(Array.from(this.#streams.values(), (stream) => stream.close('kept')));
    this.#shared.coordinator.stop();
  }

  // Viewers who were there a moment before the end find their channel on the air again, the first time it is added.
  #restoreSessions(stream: ChannelStream): void {
    this.#saved ??= savedSessions(this.#options.journal);
    const own = this.#saved.get(stream.channelId) ?? [];
    this.#saved.delete(stream.channelId);
    for (const { sessionId, silentMs, rendition, segmentNumber } of own) {
      const hasPosition = rendition !== null && segmentNumber !== null;
      stream.restore(sessionId, silentMs, hasPosition ? { rendition, segmentNumber } : null);
    }
    if (stream.viewerCount === 0) return;
    this.#resuming.add(stream);
    const onError = (error: unknown) =>
      this.#options.events.fault(failedBatchFault(stream.channelId, error));
    void stream
      .start()
      .catch(onError)
      .finally(() => this.#resuming.delete(stream));
  }

  #running(): RunningCost[] {
    return Array.from(this.#streams.values(), ({ cost }) => cost).filter((cost) => cost !== null);
  }

  #admit(stream: ChannelStream): AdmittedRungs {
    const { producer, startRung } = stream.plan;
    const { num, den } = producer.format.frameRate;
    return admit({
      policy: this.#resuming.has(stream) ? 'off' : this.#options.admission,
      slots: this.#shared.scheduler.slots,
      running: this.#running(),
      rungs: producer.rungs.map(({ id, width, height }) => ({
        id,
        pixelRate: (width * height * num) / den,
      })),
      startRung,
    });
  }
}

/** A viewer whom the journal remembers. */
interface SilentSession extends SavedSession {
  /** For how long it had been silent when the last sign of anybody was written down. */
  readonly silentMs: number;
}

// What the journal remembers, by channel, in the order in which they were heard of. The time after the last sign of any of
// them, for which the server was down or their channel was not there, counts against nobody.
function savedSessions(journal: Journal | null): Map<string, SilentSession[]> {
  const saved = journal?.openSessions() ?? [];
  const last = saved.reduce((latest, { seenAtMs }) => Math.max(latest, seenAtMs), -Infinity);
  const silent = saved
    .map((session) => ({ ...session, silentMs: last - session.seenAtMs }))
    .sort((a, b) => b.silentMs - a.silentMs);
  return Map.groupBy(silent, ({ channelId }) => channelId);
}
