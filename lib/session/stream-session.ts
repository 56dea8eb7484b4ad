// Who watches one channel and how far they are, the batch that is made for them, and the state of the channel's
// production. Pure: it is told the time, owns no timer and does no I/O.

import { HeadendError } from '../errors.js';
import type { SegmentRange } from '../timeline/window.js';
import { type BatchState, copyBatch } from './batch-state.js';

/**
 * Nobody watches; the first segment is being made; on the air; threads are being joined; waiting to try again
 * after a failure.
 */
export type ChannelState = 'idle' | 'starting' | 'active' | 'stopping' | 'error';

/** How far a viewer is. */
export interface ClientPosition {
  readonly sessionId: string;
  /** Media sequence number of the segment that was asked for or reported last. */
  readonly segmentNumber: number;
  readonly rendition: string;
  /** When the position was last updated, on the clock that {@link StreamSession} is told the time by. */
  readonly lastUpdated: number;
}

/** What a viewer says about its position. */
export interface PositionUpdate {
  readonly sessionId: string;
  readonly rendition: string;
  readonly segmentNumber: number;
}

/** A viewer who is present. */
export interface Viewer {
  readonly sessionId: string;
  /** When the viewer was last heard of. */
  readonly seenAt: number;
  /** Null until the first segment is asked for. */
  readonly position: ClientPosition | null;
}

/** What a {@link StreamSession} is made with. */
export interface StreamSessionOptions {
  readonly channelId: string;
  /** Milliseconds without a sign of life after which a viewer counts as gone. */
  readonly viewerTimeoutMs: number;
  /** Viewers who are kept track of at once; more are refused. */
  readonly maxViewers: number;
}

const TRANSITIONS: Readonly<Record<ChannelState, readonly ChannelState[]>> = {
  idle: ['starting'],
  starting: ['active', 'error', 'stopping'],
  active: ['error', 'stopping'],
  error: ['active', 'stopping'],
  stopping: ['idle'],
};

/**
 * The session of one channel. `nowMs` is any clock that never goes back; all calls must use the same one.
 */
export class StreamSession {
  readonly channelId: string;
  readonly #viewerTimeoutMs: number;
  readonly #maxViewers: number;
  // In the order in which they were last heard of, so that those who may be gone come first.
  readonly #viewers = new Map<string, Viewer>();
  // How many viewers are at each segment: the furthest is found without a look at every viewer.
  readonly #viewersAt = new Map<number, number>();
  #batch: BatchState | null = null;
  #state: ChannelState = 'idle';
  #lastAccess = -Infinity;

  constructor(options: StreamSessionOptions) {
    this.channelId = options.channelId;
    this.#viewerTimeoutMs = options.viewerTimeoutMs;
    this.#maxViewers = options.maxViewers;
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** @throws Error when the state cannot follow the present one, which is a mistake of the caller. */
  transition(to: ChannelState): void {
    if (!TRANSITIONS[this.#state].includes(to)) {
      throw new Error(`channel ${this.channelId} cannot go from ${this.#state} to ${to}`);
    }
    this.#state = to;
  }

  /** How many viewers are present. */
  get viewerCount(): number {
    return this.#viewers.size;
  }

  /** When a viewer was last heard of, or left, or the channel was asked for; `-Infinity` before. */
  get lastAccess(): number {
    return this.#lastAccess;
  }

  /** Notes that the channel was asked for, by nobody in particular. */
  touch(nowMs: number): void {
    this.#lastAccess = Math.max(this.#lastAccess, nowMs);
  }

  has(sessionId: string): boolean {
    return this.#viewers.has(sessionId);
  }

  /**
   * Notes that a viewer is present. True when it was not before; false also when there are too many, and it is not
   * kept track of.
   */
  register(sessionId: string, nowMs: number): boolean {
    this.touch(nowMs);
    const known = this.#viewers.get(sessionId);
    if (!known && this.#viewers.size >= this.#maxViewers) return false;
    this.#put({ sessionId, seenAt: nowMs, position: known?.position ?? null });
    return known === undefined;
  }

  /** Forgets a viewer who left. False when it was not present. */
  unregister(sessionId: string, nowMs: number): boolean {
    if (!this.#viewers.has(sessionId)) return false;
    this.touch(nowMs);
    this.#remove(sessionId);
    return true;
  }

  /** Forgets the viewers who have not been heard of for too long, and returns their session ids. */
  expire(nowMs: number): string[] {
    const gone: string[] = [];
    for (const { sessionId, seenAt } of this.#viewers.values()) {
      if (seenAt + this.#viewerTimeoutMs > nowMs) break;
      gone.push(sessionId);
    }
    for (const sessionId of gone) this.#remove(sessionId);
    return gone;
  }

  /** Forgets every viewer, and returns their session ids. */
  clearViewers(): string[] {
    const gone = [...this.#viewers.keys()];
    for (const sessionId of gone) this.#remove(sessionId);
    return gone;
  }

  /** When the viewer heard of longest ago will count as gone; `Infinity` without viewers. */
  get nextExpiry(): number {
    for (const { seenAt } of this.#viewers.values()) return seenAt + this.#viewerTimeoutMs;
    return Infinity;
  }

  /**
   * Notes how far a viewer is; `existing` are the segments that there are, within which the number is kept.
   * @throws HeadendError `SESSION_NOT_FOUND` when no such viewer is present.
   */
  updateClientPosition(
    { sessionId, rendition, segmentNumber }: PositionUpdate,
    nowMs: number,
    existing: SegmentRange,
  ): ClientPosition {
    const viewer = this.#viewers.get(sessionId);
    if (!viewer) throw sessionNotFound(this.channelId, sessionId);
    const clamped = Math.max(existing.from, Math.min(segmentNumber, existing.to));
    const position = { sessionId, segmentNumber: clamped, rendition, lastUpdated: nowMs };
    this.touch(nowMs);
    this.#put({ sessionId, seenAt: nowMs, position });
    this.#count(viewer.position, -1);
    this.#count(position, 1);
    return { ...position };
  }

  /** The present viewers, those heard of longest ago first. */
  viewers(): Viewer[] {
    return Array.from(this.#viewers.values(), (viewer) => ({ ...viewer }));
  }

  /** The position of a viewer; null when it is not present or has none yet. */
  clientPosition(sessionId: string): ClientPosition | null {
    const position = this.#viewers.get(sessionId)?.position;
    return position ? { ...position } : null;
  }

  /** The positions of the present viewers, by session id. */
  clientPositions(): Map<string, ClientPosition> {
    const positions = new Map<string, ClientPosition>();
    for (const { sessionId, position } of this.#viewers.values()) {
      if (position) positions.set(sessionId, { ...position });
    }
    return positions;
  }

  /** The highest segment number among the viewers who are present; 0 when there is none. */
  getFurthestPosition(): number {
    let furthest = 0;
    for (const segmentNumber of this.#viewersAt.keys()) {
      furthest = Math.max(furthest, segmentNumber);
    }
    return furthest;
  }

  /** The batch that is being made, or that was made last; null before the first. */
  getCurrentBatch(): BatchState | null {
    return this.#batch && copyBatch(this.#batch);
  }

  setCurrentBatch(batch: BatchState | null): void {
    this.#batch = batch && copyBatch(batch);
  }

  /** How many segments of the batch lie beyond a segment number; 0 without a batch, negative when it is past it. */
  segmentsBeyond(segmentNumber: number): number {
    return this.#batch ? this.#batch.endSegment - segmentNumber : 0;
  }

  /**
   * Whether the viewers are so near to the end of the batch that the next one is due: there is a batch, it is
   * complete, and at most `threshold` of its segments lie beyond the furthest position. `atLeast` is a segment that
   * is needed even if no viewer has said so.
   */
  shouldGenerateNextBatch(threshold: number, atLeast = 0): boolean {
    if (!this.#batch?.isComplete) return false;
    return this.segmentsBeyond(Math.max(this.getFurthestPosition(), atLeast)) <= threshold;
  }

  #put(viewer: Viewer): void {
    this.#viewers.delete(viewer.sessionId);
    this.#viewers.set(viewer.sessionId, viewer);
  }

  #remove(sessionId: string): void {
    this.#count(this.#viewers.get(sessionId)?.position ?? null, -1);
    this.#viewers.delete(sessionId);
  }

  #count(position: ClientPosition | null, change: 1 | -1): void {
    if (!position) return;
    const count = (this.#viewersAt.get(position.segmentNumber) ?? 0) + change;
    if (count > 0) this.#viewersAt.set(position.segmentNumber, count);
    else this.#viewersAt.delete(position.segmentNumber);
  }
}

function sessionNotFound(channelId: string, sessionId: string): HeadendError {
  return new HeadendError(
    'SESSION_NOT_FOUND',
    'session',
    `nobody watches channel ${channelId} in session ${sessionId}; ask for a playlist first`,
    { channelId },
  );
}
