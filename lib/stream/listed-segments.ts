// What the playlists of one channel list, have listed, and so promise; and the waits for it.

import { type Clock, delay } from '../clock.js';
import type { SegmentInProgress } from '../store/segment-in-progress.js';
import type {
  SegmentKey,
  SegmentStore,
  StoredInit,
  StoredSegment,
  StoreWait,
} from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import { LiveWindow, type SegmentRange } from '../timeline/window.js';
import type { ProductionRun } from './production-run.js';

// A cold start takes as long with short segments as with long ones.
const LEAST_DEADLINE_MS = 10_000;

/** What a media playlist is written from. */
export interface PlaylistView {
  readonly init: StoredInit;
  /** The segments to list. */
  readonly range: SegmentRange;
}

/** What {@link ListedSegments} work with. */
export interface ListedSegmentsOptions {
  readonly channelId: string;
  readonly grid: Grid;
  /** How many segments a playlist lists at most. */
  readonly playlistSegments: number;
  readonly store: SegmentStore;
  readonly clock: Clock;
  /** The channel's time. */
  readonly now: () => number;
}

/** The segments of one channel as playlists name them. */
export class ListedSegments {
  readonly window: LiveWindow;
  /** How long a request waits for a segment, or for the next fragment of one. */
  readonly deadlineMs: number;
  readonly #options: ListedSegmentsOptions;
  // The last segment that a playlist has listed.
  #promised = -1;

  constructor(options: ListedSegmentsOptions) {
    const { grid, playlistSegments } = options;
    this.#options = options;
    this.window = new LiveWindow(grid, playlistSegments);
    this.deadlineMs = Math.max(2000 * grid.targetDuration, LEAST_DEADLINE_MS);
  }

  /** The segments that a client may ask for now. */
  get fetchable(): SegmentRange {
    return this.window.fetchable(this.#options.now());
  }

  /** The segments that a viewer can be at. */
  existing(run: ProductionRun | null): SegmentRange {
    const { from, to } = this.fetchable;
    return { from, to: Math.max(from, Math.min(to, (run?.next ?? to + 1) - 1)) };
  }

  /** The segments that playlists list at an instant. */
  range(run: ProductionRun, nowMs: number): SegmentRange {
    const { from, to } = this.window.listed(nowMs, run.from);
    const last = Math.max(run.from, Math.min(to, run.listedTo));
    return { from: Math.max(run.from, Math.min(from, this.window.latestFrom(last))), to: last };
  }

  /**
   * The first frame that may air something else still: of a segment that no playlist has listed and that is neither made
   * nor in the making, and not on air.
   */
  firstFreeFrame(run: ProductionRun | null): number {
    const { grid, now } = this.#options;
    const nowMs = now();
    // Of a time before the wall clock was set back nothing is left.
    const promised = Math.min(this.#promised, this.window.edge(nowMs));
    const unmade = run?.firstFreeFrame ?? -Infinity;
    return Math.max(grid.frameAt(nowMs) + 1, grid.firstFrame(promised + 1), unmade);
  }

  /**
   * What the media playlist of a rendition lists now, once the run has begun what the first one waits for.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CLOSED`; the signal's reason.
   */
  async view(run: ProductionRun, rendition: string, signal?: AbortSignal): Promise<PlaylistView> {
    const askedAt = this.#options.now();
    const [init] = await Promise.all([
      this.init(rendition, signal),
      run.onAir || this.#begun(run, rendition, signal),
    ]);
    const range = this.range(run, askedAt);
    this.#promised = Math.max(this.#promised, range.to);
    return { init, range };
  }

  /** The latest init segment of a rendition, as soon as there is one. */
  init(rendition: string, signal?: AbortSignal): Promise<StoredInit> {
    const { store, channelId } = this.#options;
    return store.waitForInit(channelId, rendition, { signal, deadlineMs: this.deadlineMs });
  }

  /** A segment, as soon as it is made. */
  made(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal?: AbortSignal,
  ): Promise<StoredSegment> {
    const { store } = this.#options;
    return this.#ensured(run, rendition, sequence, signal, (...wait) => store.waitFor(...wait));
  }

  /** A segment, as soon as its first fragment is out. */
  started(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal?: AbortSignal,
  ): Promise<StoredSegment | SegmentInProgress> {
    const { store } = this.#options;
    return this.#ensured(run, rendition, sequence, signal, (...wait) =>
      store.waitForStart(...wait),
    );
  }

  /** Resolves when a segment is due to be listed. */
  async due(sequence: number, signal: AbortSignal): Promise<void> {
    const { clock, now } = this.#options;
    signal.throwIfAborted();
    while (this.window.edge(now()) < sequence) {
      await delay(clock, this.window.listedAt(sequence) - now(), signal);
    }
  }

  // What the first playlist waits for.
  #begun(run: ProductionRun, rendition: string, signal?: AbortSignal): Promise<unknown> {
    const { from, to } = run.listedFirst;
    if (!run.mayChangeEncoder) return this.started(run, rendition, from, signal);
    const sequences = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return Promise.all(sequences.map((n) => this.made(run, rendition, n, signal)));
  }

  // Waits first, so that nothing that is made at once is missed.
  #ensured<T>(
    run: ProductionRun,
    rendition: string,
    sequence: number,
    signal: AbortSignal | undefined,
    waitFor: (key: SegmentKey, wait: StoreWait) => Promise<T>,
  ): Promise<T> {
    const onLost = () => run.ensure(rendition, sequence);
    const key = { channelId: this.#options.channelId, rendition, sequence };
    const made = waitFor(key, { signal, deadlineMs: this.deadlineMs, onLost });
    run.ensure(rendition, sequence);
    return made;
  }
}
