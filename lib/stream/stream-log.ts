// What happens on one channel, told to the outside as events and written to the journal.

import type { Clock } from '../clock.js';
import type { SavedEncoding } from '../journal/journal.js';
import type { JournalOperation, SessionEnd } from '../journal/operations.js';
import { ANONYMOUS_SESSION } from '../session/session-id.js';
import type { ChannelState, ClientPosition } from '../session/stream-session.js';
import type { Grid } from '../timeline/grid.js';
import type { Airing } from '../timeline/schedule.js';
import { sourceName } from './batch-source.js';
import type { Fault } from './fault.js';
import type { BatchEvent, StreamEvents } from './stream-events.js';

/** What a {@link StreamLog} works with. */
export interface StreamLogOptions {
  readonly channelId: string;
  readonly grid: Grid;
  readonly clock: Clock;
  readonly events: StreamEvents;
  /** Writes an operation to the journal, if there is one. */
  readonly record: (operation: JournalOperation) => void;
}

/** Tells and writes down. Requests without a session are told of, but not written down. */
export class StreamLog {
  readonly #options: StreamLogOptions;
  #lastFault: Fault | null = null;

  constructor(options: StreamLogOptions) {
    this.#options = options;
  }

  /** What went wrong last. */
  get lastFault(): Fault | null {
    return this.#lastFault;
  }

  state(state: ChannelState): void {
    const { channelId, events } = this.#options;
    events.channel({ channelId, state });
  }

  /** @param viewers How many there are now. */
  opened(sessionId: string, viewers: number): void {
    const { channelId, clock, events, record } = this.#options;
    if (sessionId !== ANONYMOUS_SESSION) {
      record({ type: 'session-opened', channelId, sessionId, atMs: clock.now() });
    }
    events.session({ channelId, type: 'opened', sessionId, reason: null, viewers });
  }

  /** @param viewers How many there are now. */
  closed(sessionId: string, reason: SessionEnd, viewers: number): void {
    const { channelId, clock, events, record } = this.#options;
    if (sessionId !== ANONYMOUS_SESSION) {
      record({ type: 'session-closed', channelId, sessionId, atMs: clock.now(), reason });
    }
    events.session({ channelId, type: 'closed', sessionId, reason, viewers });
  }

  position({ sessionId, rendition, segmentNumber }: ClientPosition): void {
    const { channelId, clock, record } = this.#options;
    if (sessionId === ANONYMOUS_SESSION) return;
    const atMs = clock.now();
    record({ type: 'position', channelId, sessionId, rendition, segmentNumber, atMs });
  }

  batch(event: BatchEvent): void {
    const { channelId, clock, events, record } = this.#options;
    const { type, batch, error } = event;
    if (type !== 'started') {
      record({
        type: 'batch',
        channelId,
        batchNumber: batch.batchNumber,
        startSegment: batch.startSegment,
        endSegment: batch.endSegment,
        startedAtMs: batch.generationStarted,
        endedAtMs: batch.generationEnded ?? clock.now(),
        error: type === 'abandoned' ? 'it came too late to be of use' : error,
      });
    }
    events.batch(event);
  }

  aired({ programme, startFrame, endFrame }: Airing): void {
    const { channelId, grid, record } = this.#options;
    record({
      type: 'aired',
      channelId,
      title: programme.title,
      source: sourceName(programme),
      startsAtMs: grid.instantOfFrame(startFrame),
      endsAtMs: grid.instantOfFrame(endFrame),
    });
  }

  encoding({ changes, encoder }: SavedEncoding): void {
    const { channelId, clock, record } = this.#options;
    record({ type: 'encoding', channelId, changes, encoder, atMs: clock.now() });
  }

  fault(fault: Fault): void {
    const { clock, events, record } = this.#options;
    this.#lastFault = fault;
    record({ type: 'fault', atMs: clock.now(), fault });
    events.fault(fault);
  }

  /** The channel takes nearly as long to make as to play. */
  slow(ratio: number): void {
    const { channelId, events } = this.#options;
    const message = `channel ${channelId} takes ${ratio.toFixed(2)} s to make a second of itself`;
    events.warning({ channelId, type: 'slow-generation', ratio, message });
  }
}
