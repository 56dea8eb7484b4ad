// Looks at any number of sources, a few at a time; one that cannot be read is a result like the others.

import { HeadendError } from '../errors.js';
import type { ProbeOptions, Prober, SourceFacts } from './prober.js';

/** What came of one source. */
export type ProbeOutcome =
  | {
      /** The file or URL, as it was given. */
      readonly source: string;
      /** What was found out. */
      readonly facts: SourceFacts;
      /** Nothing went wrong. */
      readonly error: null;
    }
  | {
      /** The file or URL, as it was given. */
      readonly source: string;
      /** Nothing was found out. */
      readonly facts: null;
      /** Why not. */
      readonly error: HeadendError;
    };

/** How far `headend.probeAll` is. */
export interface ProbeProgress {
  /** How many sources are done. */
  readonly done: number;
  /** Null when the sources are not counted beforehand. */
  readonly total: number | null;
  /** The source that is done. */
  readonly source: string;
}

/** Options of `headend.probeAll`. */
export interface ProbeAllOptions {
  /** How many sources are looked at at the same time, 1 to 64. Default 4. */
  readonly concurrency?: number;
  /** Whether to measure loudness too; see `ProbeOptions.loudness`. Default false. */
  readonly loudness?: boolean;
  /** Whether to list key frames; see `ProbeOptions.keyFrames`. Default false. */
  readonly keyFrames?: boolean;
  /** Ends the iteration, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each source. */
  readonly onProgress?: (progress: ProbeProgress) => void;
}

/** Default of {@link ProbeAllOptions.concurrency}. */
const DEFAULT_PROBE_CONCURRENCY = 4;

/**
 * The outcomes in the order in which they are known. No source is begun while as many outcomes as `concurrency` wait
 * to be taken; leaving the loop early cancels what is in flight.
 * @throws the signal's reason.
 */
export async function* probeAll(
  prober: Prober,
  sources: Iterable<string>,
  options: ProbeAllOptions = {},
): AsyncGenerator<ProbeOutcome, void, void> {
  const { concurrency = DEFAULT_PROBE_CONCURRENCY, loudness, keyFrames, onProgress } = options;
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const each: ProbeOptions = {
    signal,
    ...(loudness !== undefined && { loudness }),
    ...(keyFrames !== undefined && { keyFrames }),
  };
  const total = Array.isArray(sources) ? sources.length : null;
  const queue = sources[Symbol.iterator]();
  const inFlight = new Set<Promise<Landed>>();
  try {
    for (let done = 0; ; ) {
      signal.throwIfAborted();
      while (inFlight.size < concurrency) {
        const next = queue.next();
        if (next.done) break;
        const landing: Promise<Landed> = outcomeOf(prober, next.value, each).then((outcome) => ({
          outcome,
          landing,
        }));
        inFlight.add(landing);
      }
      if (inFlight.size === 0) return;
      const { outcome, landing } = await Promise.race(inFlight);
      inFlight.delete(landing);
      onProgress?.({ done: ++done, total, source: outcome.source });
      yield outcome;
    }
  } finally {
    left.abort();
    await Promise.allSettled(inFlight);
  }
}

interface Landed {
  readonly outcome: ProbeOutcome;
  readonly landing: Promise<Landed>;
}

async function outcomeOf(
  prober: Prober,
  source: string,
  options: ProbeOptions,
): Promise<ProbeOutcome> {
  try {
    return { source, facts: await prober.probe(source, options), error: null };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof HeadendError)) throw error;
    return { source, facts: null, error };
  }
}
