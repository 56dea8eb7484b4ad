// What viewers ask of one channel, and the demand that this creates: playlists and segments that wait for
// the engine, wake with it, and keep production going while somebody asks.

import { type Clock, delay } from '../clock.js';
import { AUDIO_RENDITION, type Engine, type ProducerOptions } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { SegmentInProgress } from '../store/segment-in-progress.js';
import type { SegmentStore, StoredInit, StoredSegment } from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import type { ResolvedSchedule } from '../timeline/schedule.js';
import { LiveWindow, type SegmentRange } from '../timeline/window.js';
import { ChannelTime } from './channel-time.js';
import { Demand } from './demand.js';
import { batchFault, type Fault } from './fault.js';
import { ProductionRun } from './production-run.js';

/**
 * Nobody watches; the first segment is being made; on the air; waiting to try again after a failed batch.
 */
export type ChannelState = 'idle' | 'starting' | 'active' | 'error';

// A cold start takes as long with short segments as with long ones.
const LEAST_DEADLINE_MS = 10_000;

/** What a {@link ChannelStream} works with. */
export interface ChannelStreamOptions {
  readonly engine: Engine;
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly grid: Grid;
  readonly schedule: ResolvedSchedule;
  readonly producer: ProducerOptions;
  /** The rung that players start with; made as soon as somebody asks for the multivariant playlist. */
  readonly startRung: string;
  /** How many segments a playlist lists at most. */
  readonly playlistSegments: number;
  /** Milliseconds without a request after which production ends. */
  readonly idleMs: number;
  readonly onFault: (fault: Fault) => void;
  readonly onState: (state: ChannelState) => void;
}

/** What a media playlist is written from. */
export interface PlaylistView {
  readonly init: StoredInit;
  /** The segments to list. */
  readonly range: SegmentRange;
}

/** The live stream of one channel. */
export class ChannelStream {
  readonly #options: ChannelStreamOptions;
  readonly #window: LiveWindow;
  readonly #demand: Demand;
  readonly #deadlineMs: number;
  readonly #closing = new AbortController();
  // Runs that have not joined their threads yet; the last one added may still be going on.
  readonly #runs = new Set<Promise<void>>();
  #run: ProductionRun | null = null;
  #askedAt = -Infinity;
  #waiting = 0;
  readonly #time: ChannelTime;

  constructor(options: ChannelStreamOptions) {
    this.#options = options;
    this.#time = new ChannelTime(options.clock);
    const { grid, producer } = options;
    const targetMs = grid.targetDuration * 1000;
    this.#window = new LiveWindow(grid, options.playlistSegments);
    this.#demand = new Demand(
      producer.rungs.map((rung) => rung.id),
      3 * targetMs,
    );
    this.#deadlineMs = Math.max(2 * targetMs, LEAST_DEADLINE_MS);
  }

  /** The channel's time in milliseconds since the Unix epoch: the wall clock's, but it never goes back. */
  now(): number {
    return this.#time.now();
  }

  get state(): ChannelState {
    return this.#current?.state ?? 'idle';
  }

  /** The segments that playlists list now; null while nobody watches. */
  get window(): SegmentRange | null {
    const run = this.#current;
    return run ? this.#window.listed(this.now(), run.from) : null;
  }

  /** Ids of the rungs that are being made, largest first. */
  get rungsInDemand(): string[] {
    return this.#current ? this.#demand.rungs(this.now()) : [];
  }

  /**
   * Starts the channel for a viewer who has not chosen a rung yet, and resolves with the init segments of
   * the audio and of every rung, as soon as all are known.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CLOSED`; the signal's reason.
   */
  async inits(signal?: AbortSignal): Promise<StoredInit[]> {
    this.#ask(this.#options.startRung);
    const { rungs } = this.#options.producer;
    return this.#waitingFor(() =>
      Promise.all(
        [AUDIO_RENDITION, ...rungs.map((rung) => rung.id)].map((id) => this.#init(id, signal)),
      ),
    );
  }

  /**
   * What the media playlist of a rendition lists now. On a channel that has just started it waits for the
   * first fragment of the first segment, with which players begin; other listed segments may still be in the making, or be made
   * when they are asked for.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CLOSED`; the signal's reason.
   */
  async playlist(rendition: string, signal?: AbortSignal): Promise<PlaylistView> {
    const run = this.#ask(rendition);
    const [init] = await this.#waitingFor(() =>
      Promise.all([
        this.#init(rendition, signal),
        run.onAir || this.#started(run, rendition, run.from, signal),
      ]),
    );
    return { init, range: this.#window.listed(this.now(), run.from) };
  }

  /**
   * A segment that is or was lately in the playlist; waits for it while it is being made.
   * @throws HeadendError `SEGMENT_NOT_FOUND` at once when it is too old or too far in the future,
   * `SEGMENT_TIMEOUT`, `CLOSED`; the signal's reason.
   */
  async segment(rendition: string, sequence: number, signal?: AbortSignal): Promise<StoredSegment> {
    const run = this.#askForSegment(rendition, sequence);
    return this.#waitingFor(() => this.#made(run, rendition, sequence, signal));
  }

  /**
   * As {@link segment}, but as soon as the first fragment of it is out.
   * @throws as {@link segment}
   */
  async segmentStart(
    rendition: string,
    sequence: number,
    signal?: AbortSignal,
  ): Promise<StoredSegment | SegmentInProgress> {
    const run = this.#askForSegment(rendition, sequence);
    return this.#waitingFor(() => this.#started(run, rendition, sequence, signal));
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
      await delay(this.#options.clock, this.#window.listedAt(sequence) - this.now(), stop);
    }
  }

  /** Ends production, fails whoever waits, and resolves when every thread is joined. Idempotent. */
  async close(): Promise<void> {
    const { channelId } = this.#options.producer;
    const error = closed(channelId);
    this.#closing.abort(error);
    this.#options.store.removeChannel(channelId, error);
    await Promise.all(this.#runs);
  }

  get #current(): ProductionRun | null {
    return this.#run?.ended ? null : this.#run;
  }

  // Notes a viewer's request, and starts production if need be.
  #ask(rendition: string): ProductionRun {
    this.#closing.signal.throwIfAborted();
    if (this.#current === null) this.#time.rejoin();
    const nowMs = this.now();
    this.#askedAt = nowMs;
    if (rendition !== AUDIO_RENDITION) this.#demand.ask(rendition, nowMs);
    return this.#current ?? this.#start();
  }

  #start(): ProductionRun {
    const { engine, store, clock, grid, schedule, producer, idleMs, onFault, onState } =
      this.#options;
    const run = new ProductionRun(
      {
        channelId: producer.channelId,
        engine,
        producer,
        grid,
        window: this.#window,
        schedule,
        store,
        demand: this.#demand,
        clock,
        now: () => this.now(),
        idleAt: () => (this.#waiting > 0 ? Infinity : this.#askedAt + idleMs),
        onFault,
        onState,
      },
      this.#closing.signal,
    );
    this.#run = run;
    const running = run
      .run()
      .catch((error: unknown) => onFault(batchFault(producer.channelId, error)))
      .finally(() => {
        this.#runs.delete(running);
        if (this.#current === null) onState('idle');
      });
    this.#runs.add(running);
    onState('starting');
    return run;
  }

  #askForSegment(rendition: string, sequence: number): ProductionRun {
    const { from, to } = this.#window.fetchable(this.now());
    if (sequence < from || sequence > to) {
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'store',
        `segment ${sequence} is not available now; segments ${from} to ${to} are`,
        { channelId: this.#options.producer.channelId },
      );
    }
    return this.#ask(rendition);
  }

  #init(rendition: string, signal: AbortSignal | undefined): Promise<StoredInit> {
    const { store, producer } = this.#options;
    return store.waitForInit(producer.channelId, rendition, {
      signal,
      deadlineMs: this.#deadlineMs,
    });
  }

  #made(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal: AbortSignal | undefined,
  ): Promise<StoredSegment> {
    run.ensure(rendition, sequence);
    const { store, producer } = this.#options;
    const key = { channelId: producer.channelId, rendition, sequence };
    return store.waitFor(key, { signal, deadlineMs: this.#deadlineMs });
  }

  #started(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal: AbortSignal | undefined,
  ): Promise<StoredSegment | SegmentInProgress> {
    run.ensure(rendition, sequence);
    const { store, producer } = this.#options;
    const key = { channelId: producer.channelId, rendition, sequence };
    return store.waitForStart(key, { signal, deadlineMs: this.#deadlineMs });
  }

  // A viewer who waits for an answer keeps the channel awake.
  async #waitingFor<T>(wait: () => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      return await wait();
    } finally {
      this.#waiting--;
    }
  }
}

function closed(channelId: string): HeadendError {
  return new HeadendError(
    'CLOSED',
    'engine',
    `channel ${channelId} was removed or Headend was closed`,
    {
      channelId,
    },
  );
}
