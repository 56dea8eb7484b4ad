// How often the encoding of a channel's pictures has changed, for EXT-X-DISCONTINUITY and its sequence: counted by the
// store while the channel is there, and on from there over a restart of the server.

import type { InitSegment } from '../engine/engine.js';
import type { SavedEncoding } from '../journal/journal.js';
import type { EncodingChanges, SegmentStore } from '../store/segment-store.js';
import type { StreamLog } from './stream-log.js';

/** What an {@link EncodingHistory} works with. */
export interface EncodingHistoryOptions {
  readonly channelId: string;
  readonly store: SegmentStore;
  readonly log: StreamLog;
}

/** The changes of one channel's encoding. */
export class EncodingHistory {
  readonly #options: EncodingHistoryOptions;
  #saved: SavedEncoding | null = null;
  // Where the first segments of this process begin, when another encoder made those of the last one.
  readonly #restartedAt: number[] = [];
  #encoder: string | null = null;
  #told = 0;

  constructor(options: EncodingHistoryOptions) {
    this.#options = options;
  }

  /** Goes on from what is remembered of the channel; before its first segment. */
  restore(saved: SavedEncoding): void {
    this.#saved = saved;
    this.#told = saved.changes;
  }

  /** Where the encoding changed, and how many changes there were before. */
  get changes(): EncodingChanges {
    const { store, channelId } = this.#options;
    const { past, at } = store.encodingChanges(channelId);
    return { past: past + (this.#saved?.changes ?? 0), at: [...this.#restartedAt, ...at] };
  }

  /** What a restart has to know; null while the encoding has never changed. */
  get saved(): SavedEncoding | null {
    const { past, at } = this.changes;
    const changes = past + at.length;
    const encoder = this.#encoder ?? this.#saved?.encoder;
    if (changes === 0 || encoder === undefined) return null;
    return { channelId: this.#options.channelId, changes, encoder };
  }

  /** Keeps the init segment of a rung that segments still to be made belong to. */
  put(init: InitSegment): void {
    const { store, channelId, log } = this.#options;
    const isOther = this.#saved !== null && this.#saved.encoder !== init.encoder;
    if (this.#encoder === null && isOther) this.#restartedAt.push(init.from);
    this.#encoder = init.encoder;
    store.putInit(channelId, init);
    const { saved } = this;
    if (saved === null || saved.changes === this.#told) return;
    this.#told = saved.changes;
    log.encoding(saved);
  }
}
