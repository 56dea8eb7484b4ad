// MPEG-TS segments, made from stored CMAF segments when somebody asks: requests at the same time share one remux,
// and the latest results are kept. They cost nothing while nobody wants them.

import type { Engine, Track } from '../engine/engine.js';
import type { StoredInit, StoredSegment } from '../store/segment-store.js';

/** One rendition of a segment, as the store has it. */
export interface StoredTrack {
  readonly init: StoredInit;
  readonly segment: StoredSegment;
}

/** An MPEG-TS segment as it is served. */
export interface TsSegment {
  /** The whole segment. */
  readonly data: Uint8Array;
  /** Strong HTTP entity tag, with its quotes. */
  readonly etag: string;
}

/** Makes the MPEG-TS segments of all channels of one Headend instance. */
export class TsSegments {
  readonly #engine: Engine;
  readonly #maxBytes: number;
  // By entity tag, the one used last at the end. Bounded in bytes; those being made are waited for by somebody.
  readonly #kept = new Map<string, TsSegment>();
  readonly #making = new Map<string, Promise<TsSegment>>();
  #bytes = 0;

  /** @param options.maxBytes Memory for results that are kept. */
  constructor(options: { readonly engine: Engine; readonly maxBytes: number }) {
    this.#engine = options.engine;
    this.#maxBytes = options.maxBytes;
  }

  /** Bytes of the results that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The segments of one number (the video's, the audio's, or both in this order) as one MPEG-TS segment.
   * @throws HeadendError `ENCODE_FAILED`, `ENGINE_STOPPED`
   */
  async of(tracks: readonly StoredTrack[]): Promise<TsSegment> {
    const etag = `"${tracks.map(({ segment }) => segment.etag.replaceAll('"', '')).join('.')}"`;
    const kept = this.#kept.get(etag);
    if (kept) {
      this.#kept.delete(etag);
      this.#kept.set(etag, kept);
      return kept;
    }
    const making = this.#making.get(etag) ?? this.#make(etag, tracks);
    this.#making.set(etag, making);
    return making;
  }

  async #make(etag: string, tracks: readonly StoredTrack[]): Promise<TsSegment> {
    try {
      const data = await this.#engine.remux(
        tracks.map(({ init, segment }): Track => ({ init: init.data, segment: segment.data })),
      );
      const segment: TsSegment = { data, etag };
      this.#keep(segment);
      return segment;
    } finally {
      this.#making.delete(etag);
    }
  }

  #keep(segment: TsSegment): void {
    this.#kept.set(segment.etag, segment);
    this.#bytes += segment.data.byteLength;
    for (const [etag, { data }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#kept.delete(etag);
      this.#bytes -= data.byteLength;
    }
  }
}
