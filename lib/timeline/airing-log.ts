// What airs one after the other as it becomes known: grows at its end, is forgotten at its beginning, and
// never changes in between.

import { type Airing, type ResolvedProgramme, slate } from './airing.js';

/** An append-only, gapless list of airings. Bounded by whoever appends and forgets. */
export class AiringLog {
  // Sorted, each begins where the one before ends.
  #airings: Airing[] = [];
  #from: number;

  /** @param from The frame at which the first airing will begin. */
  constructor(from: number) {
    this.#from = from;
  }

  /** The first frame that is known: frames before it are slate. */
  get from(): number {
    return this.#from;
  }

  /** The first frame that is not known yet. */
  get until(): number {
    return this.#airings.at(-1)?.endFrame ?? this.#from;
  }

  /** Appends a programme. */
  append(programme: ResolvedProgramme, index: number): void {
    const startFrame = this.until;
    const endFrame = startFrame + programme.frames;
    this.#airings.push({
      kind: 'programme',
      programme,
      index,
      startFrame,
      endFrame,
      offsetFrames: 0,
    });
  }

  /** Appends slate up to a frame, if it lies behind what is known. */
  appendSlate(until: number): void {
    if (until > this.until) this.#airings.push(slate(this.until, this.until, until));
  }

  /** What airs at a frame; slate where nothing is known. */
  airingAt(frame: number): Airing {
    if (frame < this.#from) return slate(frame, -Infinity, this.#from);
    if (frame >= this.until) return slate(frame, this.until, Infinity);
    const airing = this.#airings[this.#positionAt(frame)];
    if (!airing) throw new RangeError(`no airing at frame ${frame}`);
    return { ...airing, offsetFrames: frame - airing.startFrame };
  }

  /** Forgets the airings that ended at or before a frame, except the last one. */
  forget(before: number): void {
    const kept = this.#positionAt(before);
    if (kept <= 0) return;
    this.#airings = this.#airings.slice(kept);
    this.#from = this.#airings[0]?.startFrame ?? this.#from;
  }

  /** How many airings end behind a frame. */
  countFrom(frame: number): number {
    return frame >= this.until ? 0 : this.#airings.length - this.#positionAt(frame);
  }

  // Position of the airing around a frame; of the first or last one for frames before or behind them.
  #positionAt(frame: number): number {
    let low = 0;
    let high = this.#airings.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#airings[middle]?.startFrame ?? Infinity) <= frame) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
