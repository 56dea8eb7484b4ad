// What viewers ask of one channel: notes who is present and which rungs are in demand, sees to it that the channel is
// on, and answers when what was asked for is there. How it is doing is asked here, too.

import type { Clock } from '../clock.js';
import { AUDIO_RENDITION, type Engine, type ProducerOptions } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { SavedEncoding } from '../journal/journal.js';
import type { JournalOperation } from '../journal/operations.js';
import type { BatchState } from '../session/batch-state.js';
import { ANONYMOUS_SESSION, newSessionId } from '../session/session-id.js';
import {
  type ChannelState,
  type PositionUpdate,
  StreamSession,
  type Viewer,
} from '../session/stream-session.js';
import type { SegmentInProgress } from '../store/segment-in-progress.js';
import type {
  EncodingChanges,
  SegmentStore,
  StoredInit,
  StoredSegment,
} from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import type { ResolvedSchedule } from '../timeline/schedule.js';
import type { SegmentRange } from '../timeline/window.js';
import type { AdmittedRungs, RunningCost } from './admission.js';
import { Audience } from './audience.js';
import type { BatchCoordinator, Coordinated } from './batch-coordinator.js';
import { ChannelSwitch } from './channel-switch.js';
import { ChannelTime } from './channel-time.js';
import { Demand } from './demand.js';
import { EncodingHistory } from './encoding-history.js';
import type { Fault } from './fault.js';
import { ListedSegments, type PlaylistView } from './listed-segments.js';
import { type BatchSize, ProductionRun, type SegmentInWork } from './production-run.js';
import type { FailureClass } from './recovery.js';
import { capacityExceeded, closed, stopped } from './stream-errors.js';
import type { StreamEvents } from './stream-events.js';
import { StreamLog } from './stream-log.js';
import { type ViewerRequest, ViewerRequests } from './viewer-requests.js';
import type { Scheduler } from './work-scheduler.js';

// A player asks for a playlist and a segment of its rung in each target duration, give or take some of it. A rung that
// nobody has asked for any more in two of them is not watched.
const DEMAND_TARGET_DURATIONS = 2;
// A viewer may miss a poll without being forgotten.
const VIEWER_TARGET_DURATIONS = 3;
/** Viewers of one channel who are kept track of. */
const MAX_VIEWERS = 100_000;

/** What all channels of a Headend share. */
export interface SharedParts {
  readonly engine: Engine;
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly coordinator: BatchCoordinator;
  readonly events: StreamEvents;
  /** Writes an operation to the journal, if there is one. */
  readonly record: (operation: JournalOperation) => void;
  /** Which rungs a channel that is about to start may make; none when it must not start. */
  readonly admit: (stream: ChannelStream) => AdmittedRungs;
}

/** What one channel is made from. */
export interface ChannelStreamOptions {
  readonly grid: Grid;
  readonly schedule: ResolvedSchedule;
  readonly producer: ProducerOptions;
  /** The rung that players start with; made as soon as somebody asks for the multivariant playlist. */
  readonly startRung: string;
  /** How many segments a playlist lists at most. */
  readonly playlistSegments: number;
  readonly batch: BatchSize;
  /** Milliseconds after the last viewer left or was last heard of after which the channel is stopped. */
  readonly graceMs: number;
  /** Milliseconds without a request after which a viewer counts as gone; at least three target durations are given. */
  readonly viewerTimeoutMs: number;
}

/** Answer to a reported position. */
export interface PositionAnswer {
  /** Always true: a position that is not taken is an error. */
  readonly acknowledged: true;
  /** The batch that is being made or was made last; null before the first. */
  readonly currentBatch: BatchState | null;
  /** Segments of that batch beyond the furthest viewer; never negative. */
  readonly segmentsRemaining: number;
}

/** How the production of a channel is doing. */
export interface ProductionStatus {
  /** Whether the producer exists, and whether it is at work. */
  readonly producer: 'none' | 'parked' | 'working';
  /** Name of the encoder of the rungs, as `hardware()` has it; `software` after another one failed. */
  readonly encoder: string;
  /** Whether files are decoded and scaled on the encoder's device, as far as it can; false once it has failed. */
  readonly onDevice: boolean;
  /** Seconds of finished segments beyond what is on air now; 0 when the channel is behind. */
  readonly runwaySeconds: number;
  /** Generation time / content time, as a moving mean; null before the first segment. */
  readonly generationRatio: number | null;
  /** Failed attempts since the last one that succeeded. */
  readonly failures: number;
  /** What failed last; null after an attempt that succeeded. */
  readonly failure: FailureClass | null;
  /** Whether repeated attempts failed, and the next is made after a pause. */
  readonly isSuspended: boolean;
}

/** The live stream of one channel. */
export class ChannelStream implements Coordinated {
  readonly channelId: string;
  readonly #shared: SharedParts;
  readonly #options: ChannelStreamOptions;
  readonly #session: StreamSession;
  readonly #time: ChannelTime;
  readonly #log: StreamLog;
  readonly #audience: Audience;
  readonly #encoding: EncodingHistory;
  readonly #listed: ListedSegments;
  readonly #switch: ChannelSwitch;
  readonly #requests: ViewerRequests;
  readonly #closing = new AbortController();

  constructor(options: ChannelStreamOptions, shared: SharedParts) {
    const { grid, producer } = options;
    const targetMs = grid.targetDuration * 1000;
    const rungs = producer.rungs.map((rung) => rung.id);
    this.channelId = producer.channelId;
    this.#options = options;
    this.#shared = shared;
    this.#time = new ChannelTime(shared.clock);
    this.#log = new StreamLog({ ...shared, channelId: producer.channelId, grid });
    this.#encoding = new EncodingHistory({ ...shared, channelId: this.channelId, log: this.#log });
    this.#listed = new ListedSegments({
      ...shared,
      channelId: this.channelId,
      grid,
      playlistSegments: options.playlistSegments,
      now: () => this.now(),
    });
    this.#session = new StreamSession({
      channelId: producer.channelId,
      viewerTimeoutMs: Math.max(options.viewerTimeoutMs, VIEWER_TARGET_DURATIONS * targetMs),
      maxViewers: MAX_VIEWERS,
    });
    this.#audience = new Audience({
      session: this.#session,
      log: this.#log,
      clock: shared.clock,
    });
    this.#switch = new ChannelSwitch({
      channel: this,
      coordinator: shared.coordinator,
      session: this.#session,
      audience: this.#audience,
      log: this.#log,
      rungs,
      closing: this.#closing.signal,
      monotonic: () => shared.clock.monotonic(),
      refusal: () => options.schedule.refusal?.(grid.frameAt(this.now())) ?? null,
      admit: () => shared.admit(this),
      createRun: (onState) => this.#createRun(onState),
      // Removed, it has no segments any more; under its id there may be another channel by now.
      onStopped: (reason) =>
        this.#closing.signal.aborted || shared.store.dropSegments(this.channelId, reason),
    });
    this.#requests = new ViewerRequests({
      clock: shared.clock,
      time: this.#time,
      session: this.#session,
      audience: this.#audience,
      demand: new Demand(rungs, DEMAND_TARGET_DURATIONS * targetMs),
      channelSwitch: this.#switch,
      closing: this.#closing.signal,
      trigger: () => shared.coordinator.trigger(this),
    });
  }

  /** The channel's time in milliseconds since the Unix epoch: the wall clock's, but it never goes back. */
  now(): number {
    return this.#time.now();
  }

  get state(): ChannelState {
    return this.#session.state;
  }

  /** How many viewers are present. */
  get viewerCount(): number {
    return this.#session.viewerCount;
  }

  /** The present viewers, those heard of longest ago first; times are the clock's monotonic ones. */
  viewers(): Viewer[] {
    return this.#session.viewers();
  }

  /** The segments that playlists list now; null while the channel is not on. */
  get window(): SegmentRange | null {
    const { run } = this.#switch;
    return run && this.#listed.range(run, this.now());
  }

  /** The first frame that may air something else still: see {@link ListedSegments.firstFreeFrame}. */
  get firstFreeFrame(): number {
    return this.#listed.firstFreeFrame(this.#switch.run);
  }

  /** Ids of the rungs that are being made, largest first. */
  get rungsInDemand(): string[] {
    return this.#switch.run ? this.#requests.rungsInDemand : [];
  }

  /** Ids of the rungs that may be made, largest first: all of them, unless the machine is full. */
  get admittedRungs(): AdmittedRungs {
    return this.#switch.admitted;
  }

  /** The batch that is being made or was made last; null before the first. */
  get batch(): BatchState | null {
    return this.#session.getCurrentBatch();
  }

  /** Segments of the batch beyond the furthest viewer; never negative. */
  get segmentsRemaining(): number {
    const batch = this.#session.getCurrentBatch();
    if (!batch) return 0;
    const furthest = Math.max(this.#session.getFurthestPosition(), batch.startSegment - 1);
    return Math.max(0, this.#session.segmentsBeyond(furthest));
  }

  /** What went wrong last, since the channel was added. */
  get lastFault(): Fault | null {
    return this.#log.lastFault;
  }

  /** Tells a fault that arose outside of production, and writes it down. */
  fault(fault: Fault): void {
    this.#log.fault(fault);
  }

  /** The segment that is being made; null in between. */
  get inWork(): SegmentInWork | null {
    return this.#switch.run?.inWork ?? null;
  }

  /** How production is doing; null while the channel is not on. */
  get production(): ProductionStatus | null {
    const { run } = this.#switch;
    if (!run) return null;
    const { grid } = this.#options;
    return {
      producer: run.producerState,
      encoder: run.hardware.encoder,
      onDevice: run.hardware.onDevice,
      runwaySeconds: Math.max(0, (grid.instantOfSegment(run.next) - this.now()) / 1000),
      generationRatio: run.generationRatio,
      failures: run.recovery.failures,
      failure: run.recovery.failure,
      isSuspended: run.recovery.isOpen,
    };
  }

  /** What the channel costs, for admission; null while nobody watches, or nothing of it could be made. */
  get cost(): RunningCost | null {
    const { run } = this.#switch;
    if (!run || !this.#requests.isWatched) return null;
    const { num, den } = this.#options.producer.format.frameRate;
    const { generationRatio: ratio, recovery, isWaiting } = run;
    // What waits for its source, or for another try, costs nothing meanwhile.
    if (ratio === null && (isWaiting || recovery.failures > 0)) return null;
    // Before anything of it was made it counts with what players start with.
    const inDemand = ratio === null ? [this.#firstRung, ...this.rungsInDemand] : this.rungsInDemand;
    const pixels = this.#options.producer.rungs
      .filter(({ id }) => inDemand.includes(id))
      .reduce((sum, { width, height }) => sum + width * height, 0);
    return { ratio, pixelRate: (pixels * num) / den };
  }

  /** Parts that admission needs. */
  get plan(): Pick<ChannelStreamOptions, 'producer' | 'startRung'> {
    return this.#options;
  }

  /**
   * Notes that a viewer is present; without an id one is issued. Repeatable. The channel starts, and the first batch
   * begins at once.
   * @throws HeadendError `CAPACITY_EXCEEDED`, `CLOSED`, `SCHEDULE_NOT_STARTED`, `SCHEDULE_ENDED`
   */
  async register(sessionId = newSessionId()): Promise<{ readonly sessionId: string }> {
    this.#closing.signal.throwIfAborted();
    this.#requests.hear(sessionId);
    await this.#switch.on();
    this.#shared.coordinator.trigger(this);
    return { sessionId };
  }

  /** Forgets a viewer who left. Repeatable: who is not there cannot leave. */
  unregister(sessionId: string): void {
    if (this.#audience.leave(sessionId)) this.#shared.coordinator.trigger(this);
  }

  /**
   * Brings back a viewer whom a journal remembers and who had been silent for a while when the journal ended; after too
   * long a silence it is gone.
   */
  restore(
    sessionId: string,
    silentMs: number,
    position: Omit<PositionUpdate, 'sessionId'> | null,
  ): void {
    this.#audience.restore(sessionId, silentMs, position, this.#listed.existing(this.#switch.run));
  }

  /** Goes on from what is remembered of the channel's encoding; before its first start. */
  restoreEncoding(saved: SavedEncoding): void {
    this.#encoding.restore(saved);
  }

  /** What is to be remembered of the channel's encoding; null while it has never changed. */
  get savedEncoding(): SavedEncoding | null {
    return this.#encoding.saved;
  }

  /** Where the encoding of the pictures changed; the same for all renditions. */
  get encodingChanges(): EncodingChanges {
    return this.#encoding.changes;
  }

  /**
   * Takes a viewer's position.
   * @throws HeadendError `SESSION_NOT_FOUND`
   */
  reportPosition(update: PositionUpdate): PositionAnswer {
    this.#audience.report(update, this.#listed.existing(this.#switch.run));
    this.#shared.coordinator.trigger(this);
    return {
      acknowledged: true,
      currentBatch: this.batch,
      segmentsRemaining: this.segmentsRemaining,
    };
  }

  /**
   * Starts the channel if it is not on, one production however many ask.
   * @throws HeadendError `CAPACITY_EXCEEDED`, `CLOSED`, `SCHEDULE_NOT_STARTED`, `SCHEDULE_ENDED`
   */
  async start(): Promise<void> {
    await this.#switch.on();
  }

  /**
   * Ends production: cancels what is being made, joins every thread, drops the segments, forgets the viewers, and
   * fails those who wait with `ENGINE_STOPPED`. The next request starts the channel again. Calls at the same time are one.
   */
  stop(): Promise<void> {
    return this.#switch.off(stopped(this.channelId), 'removed');
  }

  /**
   * Starts the channel for a viewer who has not chosen a rung yet, and resolves with the init segments of
   * the audio and of every rung that may be made, as soon as all are known.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`; the signal's reason.
   */
  inits(request: ViewerRequest = {}): Promise<StoredInit[]> {
    return this.#requests.answer(request, this.#options.startRung, async () => {
      this.#requests.ask(this.#firstRung);
      const ids = [AUDIO_RENDITION, ...this.admittedRungs];
      return Promise.all(ids.map((id) => this.#listed.init(id, request.signal)));
    });
  }

  /**
   * What the media playlist of a rendition lists now. On a channel that has just started it waits for the
   * first fragment of the first segment; other listed segments may still be in the making, or be made when they are
   * asked for. It lists what it would have listed without the wait: players count back from its end, and so begin with
   * that fragment however long it took, and not with a segment that has not been begun. Where hardware encodes, nothing is
   * listed before it is made.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`; the signal's reason.
   */
  playlist(rendition: string, request: ViewerRequest = {}): Promise<PlaylistView> {
    return this.#requests.answer(request, rendition, async (run) => {
      this.#requireAdmitted(rendition);
      return this.#listed.view(run, rendition, request.signal);
    });
  }

  /**
   * A segment that is or was lately in the playlist; waits for it while it is being made. Notes that the viewer is
   * that far.
   * @throws HeadendError `SEGMENT_NOT_FOUND` at once when it is too old or too far in the future,
   * `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`; the signal's reason.
   */
  segment(
    rendition: string,
    sequence: number,
    request: ViewerRequest = {},
  ): Promise<StoredSegment> {
    return this.#giving(rendition, sequence, request, (run) =>
      this.#listed.made(run, rendition, sequence, request.signal),
    );
  }

  /**
   * As {@link segment}, but as soon as the first fragment of it is out.
   * @throws as {@link segment}
   */
  segmentStart(
    rendition: string,
    sequence: number,
    request: ViewerRequest = {},
  ): Promise<StoredSegment | SegmentInProgress> {
    return this.#giving(rendition, sequence, request, (run) =>
      this.#listed.started(run, rendition, sequence, request.signal),
    );
  }

  /** How long to wait for the next fragment of a segment in progress. */
  get deadlineMs(): number {
    return this.#listed.deadlineMs;
  }

  /**
   * Resolves when a segment is due to be listed. Creates no demand.
   * @throws HeadendError `CLOSED`; the signal's reason.
   */
  async listed(sequence: number, signal?: AbortSignal): Promise<void> {
    const closing = this.#closing.signal;
    await this.#listed.due(sequence, signal ? AbortSignal.any([closing, signal]) : closing);
  }

  /** Does what is due, as the coordinator asks. */
  check(): number {
    const nowMs = this.#shared.clock.monotonic();
    this.#audience.expire();
    const { run } = this.#switch;
    if (!run) return Infinity;
    if (this.#requests.isWatched) return Math.min(run.trigger(), this.#session.nextExpiry - nowMs);
    const leftMs = this.#session.lastAccess + this.#options.graceMs - nowMs;
    if (leftMs <= 0) void this.stop();
    else run.trigger();
    return leftMs > 0 ? leftMs : Infinity;
  }

  /**
   * Ends production for good, fails whoever waits, and resolves when every thread is joined. Idempotent.
   * @param sessions Whether the viewers' sessions end with it, or go on after a restart.
   */
  async close(sessions: 'removed' | 'kept' = 'removed'): Promise<void> {
    const error = closed(this.channelId);
    this.#closing.abort(error);
    this.#shared.store.removeChannel(this.channelId, error);
    this.#options.schedule.close?.();
    await this.#switch.off(error, sessions);
  }

  // Answers a viewer's request for a segment, and notes that the viewer is that far.
  async #giving<T>(
    rendition: string,
    sequence: number,
    request: ViewerRequest,
    give: (run: ProductionRun) => Promise<T>,
  ): Promise<T> {
    const { from, to } = this.#listed.fetchable;
    if (sequence < from || sequence > to) {
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'store',
        `segment ${sequence} is not available now; segments ${from} to ${to} are`,
        { channelId: this.channelId },
      );
    }
    const given = await this.#requests.answer(request, rendition, (run) => {
      this.#requireAdmitted(rendition);
      return give(run);
    });
    const { sessionId = ANONYMOUS_SESSION } = request;
    this.#audience.got({ sessionId, rendition, segmentNumber: sequence });
    this.#shared.coordinator.trigger(this);
    return given;
  }

  #createRun(onState: (state: ChannelState) => void): ProductionRun {
    const { engine, store, clock, scheduler, coordinator } = this.#shared;
    const { producer, grid, schedule, batch } = this.#options;
    return new ProductionRun({
      engine,
      producer,
      grid,
      window: this.#listed.window,
      schedule,
      store,
      session: this.#session,
      scheduler,
      clock,
      batch,
      now: () => this.now(),
      isWatched: () => this.#requests.isWatched,
      rungsInDemand: () => this.rungsInDemand,
      log: this.#log,
      encoding: this.#encoding,
      onState,
      onIdle: () => coordinator.trigger(this),
    });
  }

  // The rung that players start with, of those that may be made.
  get #firstRung(): string {
    const { startRung } = this.#options;
    const [largest = startRung] = this.admittedRungs;
    return this.admittedRungs.includes(startRung) ? startRung : largest;
  }

  #requireAdmitted(rendition: string): void {
    if (rendition === AUDIO_RENDITION || this.admittedRungs.includes(rendition)) return;
    throw capacityExceeded(this.channelId);
  }
}
