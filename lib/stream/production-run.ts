// One stretch of time in which somebody watches a channel: makes its segments from the one on air when it
// began to a little ahead of the wall clock, for the rungs in demand, and ends when nobody asks any more.

import { type Clock, delay } from '../clock.js';
import {
  AUDIO_RENDITION,
  type Engine,
  type ProduceRequest,
  type Producer,
  type ProducerOptions,
} from '../engine/engine.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import { entries, type ResolvedSchedule } from '../timeline/schedule.js';
import type { LiveWindow } from '../timeline/window.js';
import { BatchMaker } from './batch-maker.js';
import type { Demand } from './demand.js';
import { batchFault, engineFault, type Fault } from './fault.js';
import { SegmentFiller } from './segment-filler.js';

/** Segments made beyond the end of the playlist, so that a segment is there before it is listed. */
const LEAD_SEGMENTS = 1;
/** Segments that the filler makes for one request beyond those asked for: what a player fetches next. */
const FILL_SEGMENTS = 4;

/** Frames beyond a batch that its timeline covers: more than any preset of the encoder holds back. */
const LOOK_AHEAD_FRAMES = 300;

/** What a run works with. */
export interface RunContext {
  readonly channelId: string;
  readonly engine: Engine;
  readonly producer: ProducerOptions;
  readonly grid: Grid;
  readonly window: LiveWindow;
  readonly schedule: ResolvedSchedule;
  readonly store: SegmentStore;
  readonly demand: Demand;
  readonly clock: Clock;
  /** Wall time that never goes back. */
  readonly now: () => number;
  /** The instant at which the run ends if nobody asks for anything until then. */
  readonly idleAt: () => number;
  readonly onFault: (fault: Fault) => void;
  readonly onState: (state: RunState) => void;
}

/** Before the first batch is out; making segments; waiting to retry after a failed batch. */
export type RunState = 'starting' | 'active' | 'error';

interface Batch {
  readonly sequence: number;
  readonly rungs: readonly string[];
}

/** The production of one channel while it is watched. */
export class ProductionRun {
  readonly #context: RunContext;
  readonly #signal: AbortSignal;
  readonly #batches: BatchMaker;
  readonly #filler: SegmentFiller;
  #from: number;
  // The first segment that no batch has been asked for yet.
  #next: number;
  #batch: Batch | null = null;
  #nap: AbortController | null = null;
  #state: RunState = 'starting';
  #onAir = false;
  #ended = false;

  /** @param signal Aborts the run. */
  constructor(context: RunContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    this.#from = context.grid.segmentAt(context.now());
    this.#next = this.#from;
    this.#batches = this.#batchMaker();
    this.#filler = new SegmentFiller({
      batches: this.#batchMaker(),
      request: (rendition, sequence) =>
        this.#request(sequence, rendition === AUDIO_RENDITION ? [] : [rendition]),
      has: (rendition, sequence) => this.#has(rendition, sequence),
      isAwaited: (rendition, sequence) =>
        context.store.isAwaited({ channelId: context.channelId, rendition, sequence }),
      signal,
    });
  }

  /** The first segment that playlists of this run list. */
  get from(): number {
    return this.#from;
  }

  /** True once the first segment is out. */
  get onAir(): boolean {
    return this.#onAir;
  }

  get state(): RunState {
    return this.#state;
  }

  /** True from the moment the run has decided to end. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Makes segments until nobody asks for any, or the signal aborts; resolves when every thread is joined. */
  async run(): Promise<void> {
    try {
      while (await this.#step());
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      this.#ended = true;
      await Promise.all([this.#batches.stop(), this.#filler.joined()]);
    }
  }

  /** Sees to it that a segment of a rendition in demand gets made, when the run has already passed it. */
  ensure(rendition: string, sequence: number): void {
    // A machine that was suspended finds the run asleep with everything still to do.
    if (this.#next <= this.#horizon(this.#context.now())) this.#nap?.abort();
    if (this.#isComing(rendition, sequence)) return;
    const last = Math.min(sequence + FILL_SEGMENTS, this.#next) - 1;
    let to = sequence;
    while (to < last && !this.#isComing(rendition, to + 1)) to++;
    this.#filler.fill(rendition, sequence, to);
  }

  // One round of the run: makes a batch or waits for the next segment's time. False ends the run.
  async #step(): Promise<boolean> {
    const { grid, window, store, channelId, demand, now, idleAt } = this.#context;
    const nowMs = now();
    if (nowMs >= idleAt()) {
      this.#ended = true;
      store.dropSegments(channelId);
      return false;
    }
    const onAir = grid.segmentAt(nowMs);
    // Production has fallen behind everything that is listed: go on with what is on air.
    if (this.#next < window.listed(nowMs, 0).from) this.#from = this.#next = onAir;
    store.retain(channelId, {
      keepFrom: window.fetchable(nowMs).from,
      listedFrom: window.listed(nowMs, this.#from).from,
    });
    const horizon = this.#horizon(nowMs);
    if (this.#next > horizon) {
      await this.#sleep(Math.min(grid.instantOfSegment(onAir + 1), idleAt()) - nowMs);
      return true;
    }
    // Who waits for a segment of a new rung goes before what nobody needs for another segment's time.
    if (this.#next > onAir + 1 && this.#filler.isAwaited) {
      void this.#filler.served().then(() => this.#nap?.abort());
      await this.#sleep(grid.instantOfSegment(this.#next - 1) - nowMs);
      return true;
    }
    // One segment at a time: a parked producer goes on at no cost, the first viewer's picture comes as early
    // as it can, and a rung that somebody begins to watch is taken up with the very next segment.
    await this.#make({ sequence: this.#next, rungs: demand.rungs(nowMs) });
    return true;
  }

  #horizon(nowMs: number): number {
    return this.#context.window.edge(nowMs) + LEAD_SEGMENTS;
  }

  async #sleep(ms: number): Promise<void> {
    this.#nap = new AbortController();
    try {
      await delay(this.#context.clock, ms, AbortSignal.any([this.#signal, this.#nap.signal]));
    } catch {
      this.#signal.throwIfAborted();
    } finally {
      this.#nap = null;
    }
  }

  async #make(batch: Batch): Promise<void> {
    const { sequence, rungs } = batch;
    this.#batch = batch;
    this.#next = sequence + 1;
    const made = await this.#batches.make(this.#request(sequence, rungs), this.#signal);
    this.#batch = null;
    if (!made) {
      this.#next = sequence;
      return;
    }
    this.#onAir = true;
    this.#setState('active');
  }

  // Whether the segment is made, or will be without further ado.
  #isComing(rendition: string, sequence: number): boolean {
    if (sequence >= this.#next || this.#has(rendition, sequence)) return true;
    if (this.#filler.covers(rendition, sequence)) return true;
    const batch = this.#batch;
    if (batch?.sequence !== sequence) return false;
    return rendition === AUDIO_RENDITION || batch.rungs.includes(rendition);
  }

  #has(rendition: string, sequence: number): boolean {
    const { store, channelId } = this.#context;
    return store.get({ channelId, rendition, sequence }) !== undefined;
  }

  #request(sequence: number, rungs: readonly string[]): ProduceRequest {
    const { grid, schedule } = this.#context;
    const from = grid.firstFrame(sequence - 1);
    const lookAhead = grid.firstFrame(sequence + 1) + LOOK_AHEAD_FRAMES;
    const to = Math.max(grid.firstFrame(sequence + 3), lookAhead);
    return { from: sequence, count: 1, rungs, timeline: entries(schedule, from, to) };
  }

  #batchMaker(): BatchMaker {
    return new BatchMaker({
      clock: this.#context.clock,
      createProducer: () => this.#createProducer(),
      onFailure: (error) => {
        this.#setState('error');
        this.#context.onFault(batchFault(this.#context.channelId, error));
      },
    });
  }

  #createProducer(): Producer {
    const { engine, producer, store, channelId, grid, onFault } = this.#context;
    const maker = {};
    return engine.createProducer(producer, {
      onInit: (init) => this.#signal.aborted || store.putInit(channelId, init),
      onFragment: (fragment) =>
        this.#signal.aborted || store.putFragment(channelId, fragment, maker),
      onSegment: (segment) => this.#signal.aborted || store.put(channelId, segment, maker),
      onAbandoned: (segment) => this.#signal.aborted || store.abandon(channelId, segment, maker),
      onFault: (fault) => onFault(engineFault(channelId, fault, grid.instantOfFrame(fault.frame))),
    });
  }

  #setState(state: RunState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#context.onState(state);
  }
}
