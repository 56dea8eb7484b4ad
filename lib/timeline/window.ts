// Which segments a live playlist lists at an instant: a pure function of the grid and the wall clock,
// the same for every rendition, so that the variants of a channel are always aligned.

import type { Grid } from './grid.js';

/** An inclusive run of segments. */
export interface SegmentRange {
  /** Media sequence number of the first segment. */
  readonly from: number;
  /** Media sequence number of the last segment. */
  readonly to: number;
}

/** The rules of one channel's live window. */
export class LiveWindow {
  readonly #grid: Grid;
  readonly #size: number;
  readonly #ahead: number;

  /** @param size How many segments a playlist lists at most. */
  constructor(grid: Grid, size: number) {
    this.#grid = grid;
    this.#size = size;
    const { num, den } = grid.segmentDuration;
    // Enough segments, the one on air included, to make three target durations.
    this.#ahead = Math.ceil((3 * grid.targetDuration * den) / num);
  }

  /**
   * The last segment to list: a player that starts three target durations before its end starts with
   * the segment that is on air, and has the following ones, already made, to fill its buffer with.
   */
  edge(nowMs: number): number {
    return this.#grid.segmentAt(nowMs) + this.#ahead - 1;
  }

  /** The instant from which {@link edge} is at least `sequence`. */
  listedAt(sequence: number): number {
    return this.#grid.instantOfSegment(sequence - this.#ahead + 1);
  }

  /** The segments that a playlist lists now, of a run that began with segment `runFrom`. */
  listed(nowMs: number, runFrom: number): SegmentRange {
    const to = this.edge(nowMs);
    return { from: Math.max(runFrom, to - this.#size + 1), to };
  }

  /** The latest segment that a playlist may begin with: three target durations before its end (RFC 8216 6.2.2). */
  latestFrom(to: number): number {
    return to - this.#ahead + 1;
  }

  /**
   * The segments that a client may ask for now: the listed ones, and those that left the playlist less
   * than their own duration plus the longest playlist's ago (RFC 8216 6.2.2).
   */
  fetchable(nowMs: number): SegmentRange {
    const to = this.edge(nowMs);
    return { from: Math.max(0, to - 2 * this.#size - 1), to };
  }
}
