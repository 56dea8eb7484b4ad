// One stretch of time in which a channel is on: makes its segments batch by batch, from the one on air when it began,
// for the rungs in demand, and recovers from failures. Says when a batch is due, but is told when to look.

import type { Clock } from '../clock.js';
import { AUDIO_RENDITION } from '../engine/engine.js';
import type { BatchState } from '../session/batch-state.js';
import type { StreamSession } from '../session/stream-session.js';
import { airings } from '../timeline/schedule.js';
import type { LiveWindow, SegmentRange } from '../timeline/window.js';
import { sourceAt } from './batch-source.js';
import { failedBatchFault } from './fault.js';
import { GenerationMeter } from './generation-meter.js';
import { failureClass, Recovery } from './recovery.js';
import { RunEngine, type RunEngineOptions } from './run-engine.js';
import { SegmentFiller } from './segment-filler.js';
import type { SegmentMaker } from './segment-maker.js';
import type { BatchEvent } from './stream-events.js';
import type { Scheduler, Turn } from './work-scheduler.js';

/** Segments that the filler makes for one request beyond those asked for: what a player fetches next. */
const FILL_SEGMENTS = 4;

/** How many segments a batch has, and how few of them may be left when the next one is begun. */
export interface BatchSize {
  readonly segments: number;
  readonly threshold: number;
}

/** A segment that is being made. */
export interface SegmentInWork {
  readonly sequence: number;
  readonly rungs: readonly string[];
}

/** What a run works with. */
export interface RunContext extends RunEngineOptions {
  readonly window: LiveWindow;
  readonly session: StreamSession;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly batch: BatchSize;
  /** The channel's time: wall time that never goes back. */
  readonly now: () => number;
  /** Whether there is somebody to make segments for. */
  readonly isWatched: () => boolean;
  /** The rungs to make now. */
  readonly rungsInDemand: () => readonly string[];
  readonly onState: (state: 'active' | 'error') => void;
  /** A batch has ended, well or not; the run should be looked at again. */
  readonly onIdle: () => void;
}

/** The production of one channel while it is watched. */
export class ProductionRun {
  readonly #context: RunContext;
  readonly #stopping = new AbortController();
  readonly #maker: SegmentMaker;
  readonly #filler: SegmentFiller;
  readonly #recovery = new Recovery();
  readonly #meter = new GenerationMeter();
  readonly #startedAt: number;
  readonly #engine: RunEngine;
  #from: number;
  // The last segment of the first playlist that lists #from.
  #firstTo: number;
  // The first segment that has not been made yet.
  #next: number;
  #rungsInWork: readonly string[] | null = null;
  #batches = 0;
  #generating: Promise<void> | null = null;
  #wasUnwatched = false;
  #onAir = false;
  // The airing that was written down last.
  #aired = { startFrame: -Infinity, endFrame: -Infinity };

  constructor(context: RunContext) {
    const { clock, store, scheduler, producer, grid, now } = context;
    const { channelId } = producer;
    this.#context = context;
    this.#startedAt = now();
    this.#from = grid.segmentAt(this.#startedAt);
    this.#next = this.#from;
    this.#engine = new RunEngine(context, this.#stopping.signal);
    this.#firstTo = this.#firstEdge();
    this.#retain();
    this.#maker = this.#engine.createMaker(true);
    this.#filler = new SegmentFiller({
      clock,
      maker: this.#engine.createMaker(false),
      scheduler,
      make: (maker, { rendition, sequence }, turn) => {
        const rungs = rendition === AUDIO_RENDITION ? [] : [rendition];
        const request = this.#engine.request(sequence, rungs);
        return maker.make(request, this.#stopping.signal, turn);
      },
      now,
      airsAt: (sequence) => grid.instantOfSegment(sequence),
      has: (rendition, sequence) => this.#has(rendition, sequence),
      isAwaited: (rendition, sequence) => store.isAwaited({ channelId, rendition, sequence }),
      onFailure: (error) => context.log.fault(failedBatchFault(channelId, error)),
      signal: this.#stopping.signal,
    });
  }

  /** The first segment that playlists of this run list. */
  get from(): number {
    return this.#from;
  }

  /** The first segment that is not made yet. */
  get next(): number {
    return this.#next;
  }

  /** The first frame that is in no segment made or in the making, nor to be heard in one. */
  get firstFreeFrame(): number {
    return this.#context.grid.firstFrameApart(this.#next + (this.#rungsInWork ? 1 : 0));
  }

  /** True once the segments of {@link listedFirst} are out. */
  get onAir(): boolean {
    return this.#onAir;
  }

  /**
   * Whether the encoder may change. Then no segment is listed before it is made: players do not bear that a listed
   * segment changes.
   */
  get mayChangeEncoder(): boolean {
    return this.#engine.mayChangeEncoder;
  }

  /** What the first playlist waits for: the segment that players begin with, or all that it lists. */
  get listedFirst(): SegmentRange {
    return { from: this.#from, to: this.#firstTo };
  }

  /** The last segment that playlists may list; `Infinity` for any. */
  get listedTo(): number {
    return this.#engine.mayChangeEncoder ? Math.max(this.#firstTo, this.#next - 1) : Infinity;
  }

  /** The segment that is being made and the rungs that it is made of, besides the audio; null in between. */
  get inWork(): SegmentInWork | null {
    const rungs = this.#rungsInWork;
    return rungs && { sequence: this.#next, rungs };
  }

  /** Whether the segment in work waits for its source. */
  get isWaiting(): boolean {
    return this.#maker.isWaiting;
  }

  get recovery(): Pick<Recovery, 'failures' | 'failure' | 'retryAt' | 'isOpen'> {
    return this.#recovery;
  }

  /** Generation time / content time; null before the first segment. */
  get generationRatio(): number | null {
    return this.#meter.ratio;
  }

  /** What encodes the rungs, and whether files are decoded and scaled on its device. */
  get hardware(): Pick<RunEngine, 'encoder' | 'onDevice'> {
    return this.#engine;
  }

  get producerState(): SegmentMaker['state'] {
    return this.#maker.state;
  }

  /**
   * Begins the next batch, or goes on with one that was left unfinished, if that is due; at most one is in work at a
   * time. Never waits. Returns the milliseconds after which a failed batch may be tried again, `Infinity` for nothing
   * to try again.
   */
  trigger(): number {
    if (this.#stopping.signal.aborted || this.#generating) return Infinity;
    if (!this.#context.isWatched()) {
      this.#wasUnwatched = true;
      return Infinity;
    }
    const pause = this.#recovery.retryAt - this.#context.clock.monotonic();
    if (pause > 0) return pause;
    if (!this.#isBatchDue()) return Infinity;
    this.#generating = this.#generate().finally(() => {
      this.#generating = null;
      this.#context.onIdle();
    });
    return Infinity;
  }

  /** Sees to it that a segment of a rendition in demand gets made, when the run has already passed it. */
  ensure(rendition: string, sequence: number): void {
    if (this.#isComing(rendition, sequence)) return;
    const last = Math.min(sequence + FILL_SEGMENTS, this.#next) - 1;
    let to = sequence;
    while (to < last && !this.#isComing(rendition, to + 1)) to++;
    this.#filler.fill(rendition, sequence, to);
  }

  /** Cancels what is in work and resolves when every thread is joined. Idempotent. */
  async stop(reason: unknown): Promise<void> {
    this.#stopping.abort(reason);
    await Promise.all([this.#generating, this.#maker.stop(), this.#filler.joined()]);
  }

  #isBatchDue(): boolean {
    const { session, batch, window, now } = this.#context;
    const unfinished = !session.getCurrentBatch()?.isComplete;
    return unfinished || session.shouldGenerateNextBatch(batch.threshold, window.edge(now()));
  }

  // One batch, or as much of it as can be made. Never rejects.
  async #generate(): Promise<void> {
    const { session, isWatched } = this.#context;
    try {
      const batch = this.#openBatch();
      while (this.#next <= batch.endSegment) {
        if (!isWatched() || this.#isBehind()) return;
        await this.#makeNext();
      }
      const completed = { ...batch, generationEnded: this.#context.now(), isComplete: true };
      session.setCurrentBatch(completed);
      this.#tell('completed', completed);
      this.#retain();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#onFailure(error);
    }
  }

  // The batch to work on: the one that was left unfinished, if it still matters, or the next.
  #openBatch(): BatchState {
    const { session, batch: size, grid, schedule, now } = this.#context;
    const unfinished = session.getCurrentBatch();
    if (unfinished && !unfinished.isComplete) {
      if (!this.#rejoin()) return unfinished;
      this.#tell('abandoned', { ...unfinished, generationEnded: now() });
    } else this.#rejoin();
    const batch: BatchState = {
      batchNumber: this.#batches++,
      startSegment: this.#next,
      endSegment: this.#next + size.segments - 1,
      ...sourceAt(schedule, grid, grid.firstFrame(this.#next)),
      generationStarted: now(),
      generationEnded: null,
      isComplete: false,
    };
    session.setCurrentBatch(batch);
    this.#tell('started', batch);
    return batch;
  }

  // Goes on with what is on air, when what comes next is of no use any more: everything listed lies ahead of it,
  // nobody watched for a while, or repeated attempts at it failed. True when the run has jumped.
  #rejoin(): boolean {
    const { grid, now } = this.#context;
    const onAir = grid.segmentAt(now());
    const isBehind = this.#isBehind();
    const isLate = (this.#wasUnwatched || this.#recovery.isOpen) && this.#next < onAir;
    this.#wasUnwatched = false;
    if (isBehind) this.#listFrom(onAir);
    if (isBehind || isLate) this.#next = onAir;
    return isBehind || isLate;
  }

  #listFrom(sequence: number): void {
    this.#from = sequence;
    this.#firstTo = this.#firstEdge();
    this.#onAir &&= !this.#engine.mayChangeEncoder;
  }

  #firstEdge(): number {
    const { window, now } = this.#context;
    return this.#engine.mayChangeEncoder ? Math.max(this.#from, window.edge(now())) : this.#from;
  }

  #isBehind(): boolean {
    const { window, now } = this.#context;
    return this.#next < window.listed(now(), 0).from;
  }

  // One segment at a time: a parked producer goes on at no cost, the first viewer's picture comes as early as it can,
  // other channels get their turn, and a rung that somebody begins to watch is taken up with the very next segment.
  async #makeNext(): Promise<void> {
    const { scheduler, grid, now } = this.#context;
    const dueAt = Math.max(grid.instantOfSegment(this.#next), this.#startedAt);
    await scheduler.run(
      () => dueAt - now(),
      (turn) => this.#make(this.#next, turn),
      this.#stopping.signal,
    );
    this.#next++;
    this.#recovery.succeeded();
    this.#onAir ||= this.#next > this.#firstTo;
    this.#context.onState('active');
  }

  async #make(sequence: number, turn: Turn): Promise<void> {
    const { clock, rungsInDemand, log } = this.#context;
    const rungs = rungsInDemand();
    const begin = clock.monotonic();
    this.#rungsInWork = rungs;
    try {
      const request = this.#engine.request(sequence, rungs);
      await this.#maker.make(request, this.#stopping.signal, turn);
    } finally {
      this.#rungsInWork = null;
    }
    this.#noteAired(sequence);
    // What a source takes to answer says nothing about the machine.
    const workMs = clock.monotonic() - begin - turn.waitedMs;
    if (this.#meter.add(workMs, this.#segmentMs())) {
      log.slow(this.#meter.ratio ?? 0);
    }
  }

  #onFailure(error: unknown): void {
    const { clock, producer, session, now, log, onState } = this.#context;
    this.#recovery.failed(failureClass(error), clock.monotonic());
    onState('error');
    const fault = failedBatchFault(producer.channelId, error);
    log.fault(fault);
    const batch = session.getCurrentBatch();
    if (!batch || batch.isComplete) return;
    this.#tell('failed', { ...batch, generationEnded: now() }, fault.message);
  }

  // Drops what no client may ask for any more; once a batch has succeeded, never in the hope of it.
  #retain(): void {
    const { store, window, producer, now } = this.#context;
    store.retain(producer.channelId, {
      keepFrom: window.fetchable(now()).from,
      listedFrom: window.listed(now(), this.#from).from,
    });
  }

  #noteAired(sequence: number): void {
    const { schedule, grid, log } = this.#context;
    const [from, to] = [grid.firstFrame(sequence), grid.firstFrame(sequence + 1)];
    for (const airing of airings(schedule, from, to)) {
      const { startFrame, endFrame } = airing;
      const isKnown = startFrame === this.#aired.startFrame && endFrame === this.#aired.endFrame;
      if (startFrame < this.#aired.startFrame || isKnown) continue;
      // One that ends otherwise than was expected, because the schedule has changed, takes its place in the journal.
      this.#aired = { startFrame, endFrame };
      log.aired(airing);
    }
  }

  // Whether the segment is made, or will be without further ado.
  #isComing(rendition: string, sequence: number): boolean {
    if (sequence > this.#next || this.#has(rendition, sequence)) return true;
    if (this.#filler.covers(rendition, sequence)) return true;
    if (sequence < this.#next) return false;
    const rungs = this.#rungsInWork;
    return rungs === null || rendition === AUDIO_RENDITION || rungs.includes(rendition);
  }

  #has(rendition: string, sequence: number): boolean {
    const { store, producer } = this.#context;
    return store.has({ channelId: producer.channelId, rendition, sequence });
  }

  #segmentMs(): number {
    const { num, den } = this.#context.grid.segmentDuration;
    return (1000 * num) / den;
  }

  #tell(type: BatchEvent['type'], batch: BatchState, error: string | null = null): void {
    const { log, producer } = this.#context;
    log.batch({ channelId: producer.channelId, type, batch, error });
  }
}
