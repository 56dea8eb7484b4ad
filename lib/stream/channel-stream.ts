// What viewers ask of one channel, and what follows from it: who is present, which rungs are in demand, and whether
// the channel is on. Requests for what is not made yet wait for it and wake with it.

import { type Clock, delay } from '../clock.js';
import { AUDIO_RENDITION, type Engine, type ProducerOptions } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
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
import type { SegmentStore, StoredInit, StoredSegment } from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import type { ResolvedSchedule } from '../timeline/schedule.js';
import { LiveWindow, type SegmentRange } from '../timeline/window.js';
import type { AdmittedRungs, RunningCost } from './admission.js';
import { Audience } from './audience.js';
import type { BatchCoordinator, Coordinated } from './batch-coordinator.js';
import { ChannelTime } from './channel-time.js';
import { Demand } from './demand.js';
import { type Fault, failedBatchFault } from './fault.js';
import { type BatchSize, ProductionRun, type SegmentInWork } from './production-run.js';
import type { StreamEvents } from './stream-events.js';
import { StreamLog } from './stream-log.js';
import type { Scheduler } from './work-scheduler.js';

// A cold start takes as long with short segments as with long ones.
const LEAST_DEADLINE_MS = 10_000;
// A player asks for a playlist once per target duration, and may miss one: a viewer who was forgotten, or a rung that
// was dropped, sooner than this would come and go all the time.
const PATIENCE_TARGET_DURATIONS = 3;
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

/** For whom a request is answered. */
export interface ViewerRequest {
  /** The viewer's session; requests without one count together as one viewer. */
  readonly sessionId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a media playlist is written from. */
export interface PlaylistView {
  readonly init: StoredInit;
  /** The segments to list. */
  readonly range: SegmentRange;
}

/** Answer to a reported position. */
export interface PositionAnswer {
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
  /** Seconds of finished segments beyond what is on air now; 0 when the channel is behind. */
  readonly runwaySeconds: number;
  /** Generation time / content time, as a moving mean; null before the first segment. */
  readonly generationRatio: number | null;
  /** Failed attempts since the last one that succeeded. */
  readonly failures: number;
  /** Whether repeated attempts failed, and the next is made after a pause. */
  readonly isSuspended: boolean;
}

/** The live stream of one channel. */
export class ChannelStream implements Coordinated {
  readonly channelId: string;
  readonly #shared: SharedParts;
  readonly #options: ChannelStreamOptions;
  readonly #session: StreamSession;
  readonly #window: LiveWindow;
  readonly #demand: Demand;
  readonly #time: ChannelTime;
  readonly #log: StreamLog;
  readonly #audience: Audience;
  readonly #deadlineMs: number;
  readonly #closing = new AbortController();
  #run: ProductionRun | null = null;
  #admitted: AdmittedRungs;
  #stopping: Promise<void> | null = null;
  #waiting = 0;

  constructor(options: ChannelStreamOptions, shared: SharedParts) {
    const { grid, producer } = options;
    const targetMs = grid.targetDuration * 1000;
    const patienceMs = PATIENCE_TARGET_DURATIONS * targetMs;
    const rungs = producer.rungs.map((rung) => rung.id);
    this.channelId = producer.channelId;
    this.#options = options;
    this.#shared = shared;
    this.#time = new ChannelTime(shared.clock);
    this.#log = new StreamLog({ ...shared, channelId: producer.channelId, grid });
    this.#window = new LiveWindow(grid, options.playlistSegments);
    this.#demand = new Demand(rungs, patienceMs);
    this.#deadlineMs = Math.max(2 * targetMs, LEAST_DEADLINE_MS);
    this.#admitted = rungs;
    this.#session = new StreamSession({
      channelId: producer.channelId,
      viewerTimeoutMs: Math.max(options.viewerTimeoutMs, patienceMs),
      maxViewers: MAX_VIEWERS,
    });
    this.#audience = new Audience({
      session: this.#session,
      log: this.#log,
      clock: shared.clock,
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
    return this.#run && this.#listed(this.#run, this.now());
  }

  /** Ids of the rungs that are being made, largest first. */
  get rungsInDemand(): string[] {
    if (!this.#run) return [];
    const nowMs = this.#shared.clock.monotonic();
    return this.#demand.rungs(nowMs).filter((rung) => this.#admitted.includes(rung));
  }

  /** Ids of the rungs that may be made, largest first: all of them, unless the machine is full. */
  get admittedRungs(): AdmittedRungs {
    return this.#admitted;
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

  /** The segment that is being made; null in between. */
  get inWork(): SegmentInWork | null {
    return this.#run?.inWork ?? null;
  }

  /** How production is doing; null while the channel is not on. */
  get production(): ProductionStatus | null {
    const run = this.#run;
    if (!run) return null;
    const { grid } = this.#options;
    return {
      producer: run.producerState,
      runwaySeconds: Math.max(0, (grid.instantOfSegment(run.next) - this.now()) / 1000),
      generationRatio: run.generationRatio,
      failures: run.recovery.failures,
      isSuspended: run.recovery.isOpen,
    };
  }

  /** What the channel costs, for admission; null while nobody watches. */
  get cost(): RunningCost | null {
    if (!this.#run || !this.#isWatched()) return null;
    const { num, den } = this.#options.producer.format.frameRate;
    const inDemand = this.rungsInDemand;
    const pixels = this.#options.producer.rungs
      .filter(({ id }) => inDemand.includes(id))
      .reduce((sum, { width, height }) => sum + width * height, 0);
    return { ratio: this.#run.generationRatio, pixelRate: (pixels * num) / den };
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
    this.#hear(sessionId);
    await this.#onceStarted();
    this.#shared.coordinator.trigger(this);
    return { sessionId };
  }

  /** Forgets a viewer who left. Repeatable: who is not there cannot leave. */
  unregister(sessionId: string): void {
    if (this.#audience.leave(sessionId)) this.#shared.coordinator.trigger(this);
  }

  /**
   * Brings back a viewer whom a journal remembers, heard of last at an instant of wall time; who was heard of too
   * long ago is gone.
   */
  restore(
    sessionId: string,
    seenAtMs: number,
    position: Omit<PositionUpdate, 'sessionId'> | null,
  ): void {
    this.#audience.restore(sessionId, seenAtMs, position, this.#existing());
  }

  /**
   * Takes a viewer's position.
   * @throws HeadendError `SESSION_NOT_FOUND`
   */
  reportPosition(update: PositionUpdate): PositionAnswer {
    this.#audience.report(update, this.#existing());
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
    await this.#onceStarted();
  }

  /**
   * Ends production: cancels what is being made, joins every thread, drops the segments, forgets the viewers, and
   * fails those who wait with `ENGINE_STOPPED`. The next request starts the channel again. Calls at the same time are one.
   */
  stop(): Promise<void> {
    return this.#stop(stopped(this.channelId), 'removed');
  }

  /**
   * Starts the channel for a viewer who has not chosen a rung yet, and resolves with the init segments of
   * the audio and of every rung that may be made, as soon as all are known.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`; the signal's reason.
   */
  inits(request: ViewerRequest = {}): Promise<StoredInit[]> {
    const { startRung } = this.#options;
    return this.#answering(request, startRung, async () => {
      if (!this.#admitted.includes(startRung)) this.#ask(this.#admitted[0] ?? startRung);
      const ids = [AUDIO_RENDITION, ...this.#admitted];
      return Promise.all(ids.map((id) => this.#init(id, request.signal)));
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
    return this.#answering(request, rendition, async (run) => {
      this.#requireAdmitted(rendition);
      const askedAt = this.now();
      const [init] = await Promise.all([
        this.#init(rendition, request.signal),
        run.onAir || this.#begun(run, rendition, request.signal),
      ]);
      return { init, range: this.#listed(run, askedAt) };
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
      this.#made(run, rendition, sequence, request.signal),
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
      this.#started(run, rendition, sequence, request.signal),
    );
  }

  /** How long to wait for the next fragment of a segment in progress. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /**
   * Resolves when a segment is due to be listed. Creates no demand.
   * @throws HeadendError `CLOSED`; the signal's reason.
   */
  async listed(sequence: number, signal?: AbortSignal): Promise<void> {
    const closing = this.#closing.signal;
    const stop = signal ? AbortSignal.any([closing, signal]) : closing;
    stop.throwIfAborted();
    while (this.#window.edge(this.now()) < sequence) {
      await delay(this.#shared.clock, this.#window.listedAt(sequence) - this.now(), stop);
    }
  }

  /** Does what is due, as the coordinator asks. */
  check(): number {
    const nowMs = this.#shared.clock.monotonic();
    this.#audience.expire();
    if (!this.#run) return Infinity;
    if (this.#isWatched()) return Math.min(this.#run.trigger(), this.#session.nextExpiry - nowMs);
    const leftMs = this.#session.lastAccess + this.#options.graceMs - nowMs;
    if (leftMs <= 0) void this.stop();
    else this.#run.trigger();
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
    await this.#stop(error, sessions);
  }

  // Answers a viewer's request with what the run gives; who waits for an answer keeps the channel awake.
  async #answering<T>(
    { sessionId = ANONYMOUS_SESSION, signal }: ViewerRequest,
    rendition: string,
    answer: (run: ProductionRun) => Promise<T>,
  ): Promise<T> {
    this.#closing.signal.throwIfAborted();
    this.#hear(sessionId);
    this.#ask(rendition);
    const release = this.#demand.hold(rendition);
    this.#waiting++;
    try {
      const run = this.#run ?? (await this.#onceStarted());
      this.#closing.signal.throwIfAborted();
      signal?.throwIfAborted();
      this.#shared.coordinator.trigger(this);
      const result = await answer(run);
      this.#audience.hearAgain(sessionId);
      this.#ask(rendition);
      return result;
    } finally {
      release();
      this.#waiting--;
      this.#shared.coordinator.trigger(this);
    }
  }

  // Answers a viewer's request for a segment, and notes that the viewer is that far.
  async #giving<T>(
    rendition: string,
    sequence: number,
    request: ViewerRequest,
    give: (run: ProductionRun) => Promise<T>,
  ): Promise<T> {
    const { from, to } = this.#window.fetchable(this.now());
    if (sequence < from || sequence > to) {
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'store',
        `segment ${sequence} is not available now; segments ${from} to ${to} are`,
        { channelId: this.channelId },
      );
    }
    const given = await this.#answering(request, rendition, (run) => {
      this.#requireAdmitted(rendition);
      return give(run);
    });
    const { sessionId = ANONYMOUS_SESSION } = request;
    this.#audience.got({ sessionId, rendition, segmentNumber: sequence });
    this.#shared.coordinator.trigger(this);
    return given;
  }

  #hear(sessionId: string): void {
    if (!this.#run && !this.#stopping) this.#time.rejoin();
    this.#audience.hear(sessionId);
  }

  #ask(rendition: string): void {
    if (rendition !== AUDIO_RENDITION) this.#demand.ask(rendition, this.#shared.clock.monotonic());
  }

  async #onceStarted(): Promise<ProductionRun> {
    for (;;) {
      this.#closing.signal.throwIfAborted();
      if (this.#run) return this.#run;
      if (!this.#stopping) return this.#start();
      await this.#stopping;
    }
  }

  #start(): ProductionRun {
    const { coordinator } = this.#shared;
    try {
      this.#admitted = this.#mayStart();
    } catch (error) {
      this.#audience.forget('removed');
      throw error;
    }
    const run = this.#createRun();
    this.#run = run;
    this.#session.touch(this.#shared.clock.monotonic());
    this.#setState('starting');
    coordinator.add(this);
    coordinator.trigger(this);
    return run;
  }

  // The rungs that the channel may make; throws when nothing airs now, or when the machine is full.
  #mayStart(): AdmittedRungs {
    const { grid, schedule } = this.#options;
    const refusal = schedule.refusal?.(grid.frameAt(this.now()));
    if (refusal) throw refusal;
    const admitted = this.#shared.admit(this);
    if (admitted.length === 0) throw capacityExceeded(this.channelId);
    return admitted;
  }

  #createRun(): ProductionRun {
    const { engine, store, clock, scheduler, coordinator } = this.#shared;
    const { producer, grid, schedule, batch } = this.#options;
    return new ProductionRun({
      engine,
      producer,
      grid,
      window: this.#window,
      schedule,
      store,
      session: this.#session,
      scheduler,
      clock,
      batch,
      now: () => this.now(),
      isWatched: () => this.#isWatched(),
      rungsInDemand: () => this.rungsInDemand,
      log: this.#log,
      onState: (state) => this.#setState(state),
      onIdle: () => coordinator.trigger(this),
    });
  }

  #stop(reason: HeadendError, sessions: 'removed' | 'kept'): Promise<void> {
    if (this.#run) {
      this.#audience.forget(sessions === 'removed' ? 'removed' : null);
      this.#stopping = this.#stopRun(this.#run, reason);
    }
    return this.#stopping ?? Promise.resolve();
  }

  async #stopRun(run: ProductionRun, reason: HeadendError): Promise<void> {
    const { coordinator, store } = this.#shared;
    this.#run = null;
    coordinator.remove(this);
    this.#setState('stopping');
    await run
      .stop(reason)
      .catch((error) => this.#log.fault(failedBatchFault(this.channelId, error)));
    // Removed, it has no segments any more; under its id there may be another channel by now.
    if (!this.#closing.signal.aborted) store.dropSegments(this.channelId, reason);
    this.#session.setCurrentBatch(null);
    this.#stopping = null;
    this.#setState('idle');
  }

  // Somebody is present, or waits for an answer.
  #isWatched(): boolean {
    return this.#waiting > 0 || this.#session.viewerCount > 0;
  }

  // The segments that a viewer can be at.
  #existing(): SegmentRange {
    const { from, to } = this.#window.fetchable(this.now());
    return { from, to: Math.max(from, Math.min(to, (this.#run?.next ?? to + 1) - 1)) };
  }

  #init(rendition: string, signal: AbortSignal | undefined): Promise<StoredInit> {
    const { store } = this.#shared;
    return store.waitForInit(this.channelId, rendition, { signal, deadlineMs: this.#deadlineMs });
  }

  #made(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal: AbortSignal | undefined,
  ): Promise<StoredSegment> {
    const key = { channelId: this.channelId, rendition, sequence };
    const made = this.#shared.store.waitFor(key, { signal, deadlineMs: this.#deadlineMs });
    run.ensure(rendition, sequence);
    return made;
  }

  #started(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal: AbortSignal | undefined,
  ): Promise<StoredSegment | SegmentInProgress> {
    const key = { channelId: this.channelId, rendition, sequence };
    const started = this.#shared.store.waitForStart(key, { signal, deadlineMs: this.#deadlineMs });
    run.ensure(rendition, sequence);
    return started;
  }

  // What the first playlist waits for.
  #begun(run: ProductionRun, rendition: string, signal: AbortSignal | undefined): Promise<unknown> {
    const { from, to } = run.listedFirst;
    if (!run.mayChangeEncoder) return this.#started(run, rendition, from, signal);
    const sequences = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return Promise.all(sequences.map((n) => this.#made(run, rendition, n, signal)));
  }

  #listed(run: ProductionRun, nowMs: number): SegmentRange {
    const { from, to } = this.#window.listed(nowMs, run.from);
    return { from, to: Math.max(from, Math.min(to, run.listedTo)) };
  }

  #requireAdmitted(rendition: string): void {
    if (rendition === AUDIO_RENDITION || this.#admitted.includes(rendition)) return;
    throw capacityExceeded(this.channelId);
  }

  #setState(state: ChannelState): void {
    if (state === this.#session.state) return;
    this.#session.transition(state);
    this.#log.state(state);
  }
}

function closed(channelId: string): HeadendError {
  return new HeadendError(
    'CLOSED',
    'engine',
    `channel ${channelId} was removed or Headend was closed`,
    { channelId },
  );
}

function stopped(channelId: string): HeadendError {
  return new HeadendError('ENGINE_STOPPED', 'engine', `channel ${channelId} was stopped`, {
    channelId,
    retryable: true,
  });
}

function capacityExceeded(channelId: string): HeadendError {
  return new HeadendError(
    'CAPACITY_EXCEEDED',
    'session',
    `the machine makes all it can; channel ${channelId} must wait for others to end`,
    { channelId, retryable: true },
  );
}
