// One schedule up to a frame and another one from there on, any number of times: how a channel's schedule
// changes while it airs. Immutable.

import type { Rational } from '../engine/engine.js';
import type { HeadendError } from '../errors.js';
import { type Airing, cut, identityOf, type ResolvedSchedule, slate } from './airing.js';

/** A schedule and the frame from which it airs, up to the next piece's. */
export interface SplicePiece {
  readonly fromFrame: number;
  readonly schedule: ResolvedSchedule;
}

/** Schedules that take over from each other. */
export class SplicedSchedule implements ResolvedSchedule {
  /** At least one, in order. Before the first piece the slate airs. */
  readonly pieces: readonly SplicePiece[];
  readonly #frameRate: Rational;

  private constructor(pieces: readonly SplicePiece[], frameRate: Rational) {
    this.pieces = pieces;
    this.#frameRate = frameRate;
  }

  /** A schedule that nothing has taken over from yet. */
  static of(schedule: ResolvedSchedule, frameRate: Rational): SplicedSchedule {
    return new SplicedSchedule([{ fromFrame: -Infinity, schedule }], frameRate);
  }

  /** The same up to `fromFrame`, and from there on `schedule`, whatever was to follow before. */
  with(schedule: ResolvedSchedule, fromFrame: number): SplicedSchedule {
    const kept = this.pieces.filter((piece) => piece.fromFrame < fromFrame);
    return new SplicedSchedule([...kept, { fromFrame, schedule }], this.#frameRate);
  }

  /** The same without the pieces that were over before a frame. */
  since(frame: number): SplicedSchedule {
    const first = this.#positionAt(frame);
    return first <= 0 ? this : new SplicedSchedule(this.pieces.slice(first), this.#frameRate);
  }

  get identity(): string {
    return this.identityOf(-Infinity, Infinity);
  }

  /**
   * Identity of what airs in frames [from, to): a single schedule's own where no other has a part in it, so
   * that it does not matter what came before or follows.
   */
  identityOf(from: number, to: number): string {
    const first = Math.max(0, this.#positionAt(from));
    const parts = this.pieces.slice(first).filter(({ fromFrame }) => fromFrame < to);
    const [only, ...others] = parts;
    if (only && others.length === 0) return only.schedule.identity;
    return identityOf(
      parts.map(({ fromFrame, schedule }) => [String(fromFrame), schedule.identity]),
    );
  }

  get knownUntil(): number {
    for (const [position, { schedule }] of this.pieces.entries()) {
      const known = schedule.knownUntil ?? Infinity;
      if (known < this.#endOf(position)) return known;
    }
    return Infinity;
  }

  airingAt(frame: number): Airing {
    const position = this.#positionAt(frame);
    const piece = this.pieces[position];
    if (!piece) return slate(frame, -Infinity, this.#endOf(position));
    const { schedule, fromFrame } = piece;
    return cut(schedule.airingAt(frame), fromFrame, this.#endOf(position), this.#frameRate);
  }

  settle(frame: number): void {
    for (const [position, { schedule, fromFrame }] of this.pieces.entries()) {
      if (fromFrame < frame) schedule.settle?.(Math.min(frame, this.#endOf(position)));
    }
  }

  refusal(frame: number): HeadendError | null {
    return this.pieces[this.#positionAt(frame)]?.schedule.refusal?.(frame) ?? null;
  }

  // Position of the piece that airs at a frame; -1 before the first.
  #positionAt(frame: number): number {
    return this.pieces.findLastIndex(({ fromFrame }) => fromFrame <= frame);
  }

  #endOf(position: number): number {
    return this.pieces[position + 1]?.fromFrame ?? Infinity;
  }
}
