// The viewers of one channel: who comes, goes, falls silent or comes back after a restart, and how far they are. Told
// of and written down as it happens.

import type { Clock } from '../clock.js';
import { AUDIO_RENDITION } from '../engine/engine.js';
import type { SessionEnd } from '../journal/operations.js';
import type { ClientPosition, PositionUpdate, StreamSession } from '../session/stream-session.js';
import type { SegmentRange } from '../timeline/window.js';
import type { StreamLog } from './stream-log.js';

/** A player loads sound at most so far ahead of its pictures. */
const SOUND_AHEAD_SEGMENTS = 3;

/** What an {@link Audience} works with. */
export interface AudienceOptions {
  readonly session: StreamSession;
  readonly log: StreamLog;
  readonly clock: Clock;
}

/** Keeps a session's viewers up to date. */
export class Audience {
  readonly #session: StreamSession;
  readonly #log: StreamLog;
  readonly #clock: Clock;

  constructor({ session, log, clock }: AudienceOptions) {
    this.#session = session;
    this.#log = log;
    this.#clock = clock;
  }

  /** Notes a sign of life of a viewer, known or new. */
  hear(sessionId: string): void {
    if (!this.#session.register(sessionId, this.#now())) return;
    this.#log.opened(sessionId, this.#session.viewerCount);
  }

  /** Notes a sign of life of a viewer, unless it has left in the meantime. */
  hearAgain(sessionId: string): void {
    if (this.#session.has(sessionId)) this.hear(sessionId);
  }

  /** Forgets a viewer who left. False when it was not there. */
  leave(sessionId: string): boolean {
    if (!this.#session.unregister(sessionId, this.#now())) return false;
    this.#log.closed(sessionId, 'left', this.#session.viewerCount);
    return true;
  }

  /** Forgets those who have not been heard of for too long. */
  expire(): void {
    for (const sessionId of this.#session.expire(this.#now())) {
      this.#log.closed(sessionId, 'timeout', this.#session.viewerCount);
    }
  }

  /** Forgets everybody; without a reason their sessions go on after a restart. */
  forget(reason: SessionEnd | null): void {
    for (const sessionId of this.#session.clearViewers()) {
      if (reason) this.#log.closed(sessionId, reason, 0);
    }
  }

  /** Brings back a viewer whom a journal remembers; after too long a silence it is gone. */
  restore(
    sessionId: string,
    silentMs: number,
    position: Omit<PositionUpdate, 'sessionId'> | null,
    existing: SegmentRange,
  ): void {
    const seenAt = this.#now() - silentMs;
    this.#session.register(sessionId, seenAt);
    if (position) this.#session.updateClientPosition({ sessionId, ...position }, seenAt, existing);
    this.expire();
  }

  /**
   * Takes the position that a viewer reports.
   * @throws HeadendError `SESSION_NOT_FOUND`
   */
  report(update: PositionUpdate, existing: SegmentRange): void {
    const before = this.#session.clientPosition(update.sessionId);
    const after = this.#session.updateClientPosition(update, this.#now(), existing);
    if (hasMoved(before, after)) this.#log.position(after);
  }

  /** Notes that a viewer, if it is still there, has got a segment. */
  got(update: PositionUpdate): void {
    const { sessionId, rendition, segmentNumber } = update;
    if (!this.#session.has(sessionId)) return;
    // A viewer gets every segment twice, as pictures and as sound: the pictures say where it is, unless it goes on
    // without them.
    const position = this.#session.clientPosition(sessionId);
    const hasPictures = position !== null && position.rendition !== AUDIO_RENDITION;
    const isNear = segmentNumber <= (position?.segmentNumber ?? 0) + SOUND_AHEAD_SEGMENTS;
    if (rendition === AUDIO_RENDITION && hasPictures && isNear) return;
    this.report(update, { from: segmentNumber, to: segmentNumber });
  }

  #now(): number {
    return this.#clock.monotonic();
  }
}

function hasMoved(before: ClientPosition | null, after: ClientPosition): boolean {
  return before?.segmentNumber !== after.segmentNumber || before.rendition !== after.rendition;
}
