// Looks at sources and measures them, and remembers what was found of files that have not changed since.

import type { Engine, Loudness, MeasureOptions, ProbeResult } from '../engine/engine.js';
import { type StampedFile, stampedFile } from './file-stamp.js';
import type { Known, ProbeCache } from './probe-cache.js';

/** What is known about a source. */
export interface SourceFacts extends ProbeResult {
  /** Null while it has not been measured, and where there is no sound. */
  readonly loudness: Loudness | null;
}

/** Options of `headend.probe`. */
export interface ProbeOptions {
  /** Ends the look at the source, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Whether to list the key frames; see `ProbeResult.keyFrames`. They are read anew each time. Channels of the same
   * engine then find them in local MPEG transport and programme streams without a search. Default false.
   */
  readonly keyFrames?: boolean;
  /** Whether to measure the loudness where it is not known yet, which decodes all of the sound. Default false. */
  readonly loudness?: boolean;
  /** Called with the seconds that the measurement has come to. */
  readonly onProgress?: (seconds: number) => void;
}

/** Looks at sources with the engine, through a cache. */
export class Prober {
  readonly #engine: Engine;
  readonly #cache: ProbeCache;

  /** The cache stays the caller's. */
  constructor(engine: Engine, cache: ProbeCache) {
    this.#engine = engine;
    this.#cache = cache;
  }

  /** Whether the loudness of any source may be known without measuring. */
  get knowsLoudness(): boolean {
    return this.#cache.knowsLoudness;
  }

  /** @throws HeadendError what the engine's probe and measurement throw; the signal's reason. */
  async probe(source: string, options: ProbeOptions = {}): Promise<SourceFacts> {
    const { signal, keyFrames = false } = options;
    const file = await stampedFile(source);
    signal?.throwIfAborted();
    const known = this.#known(file);
    let { result } = known;
    if (result === undefined || keyFrames) {
      result = await this.#engine.probe(source, { ...(signal && { signal }), keyFrames });
      this.#remember(file, { result: { ...result, keyFrames: null } });
    }
    let loudness = known.loudness ?? null;
    if (loudness === null && options.loudness && result.audio !== null) {
      loudness = await this.measureLoudness(source, options);
    }
    return { ...result, loudness };
  }

  /**
   * The loudness of the whole source from the cache, else measured; of a part of it always measured.
   * @throws HeadendError what the engine's measurement throws; the signal's reason.
   */
  async measureLoudness(source: string, options: MeasureOptions = {}): Promise<Loudness> {
    const { signal, onProgress, inPoint, duration } = options;
    const whole = inPoint === undefined && duration === undefined;
    const file = whole ? await stampedFile(source) : null;
    signal?.throwIfAborted();
    const known = this.#known(file).loudness;
    if (known !== undefined) return known;
    const loudness = await this.#engine.measureLoudness(source, {
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(inPoint && { inPoint }),
      ...(duration && { duration }),
    });
    this.#remember(file, { loudness });
    return loudness;
  }

  /** The loudness of the whole source if it is known. */
  async knownLoudness(source: string): Promise<Loudness | null> {
    return this.#known(await stampedFile(source)).loudness ?? null;
  }

  #known(file: StampedFile | null): Known {
    return file === null ? {} : this.#cache.get(file.path, file.stamp);
  }

  #remember(file: StampedFile | null, known: Known): void {
    if (file !== null) this.#cache.set(file.path, file.stamp, known);
  }
}
