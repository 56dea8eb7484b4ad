// The gain that brings a programme to the channel's loudness: one number, settled before the programme airs.

import type { Loudness } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { Prober } from './prober.js';

/** How programmes are brought to one loudness. */
export interface LoudnessOptions {
  /** Integrated loudness that programmes are brought to, in LUFS, -40 to -10. Default -23, by EBU R 128. */
  readonly target?: number;
  /**
   * `cached` uses what has been measured before (`probe` with `loudness`, `measureLoudness`) and leaves other files as
   * they are; `before` measures those when the channel is added, which decodes the sound of every file. Default
   * `cached`.
   */
  readonly measure?: 'cached' | 'before';
}

/** Default of {@link LoudnessOptions.target}. */
const DEFAULT_TARGET_LUFS = -23;
/** No gain lifts the true peak above this (EBU R 128). */
const MAX_TRUE_PEAK = -1;
/** Who is quieter than this below the target is meant to be, or is noise. */
const MAX_GAIN = 20;

/** How many sources are asked about at the same time. */
const CONCURRENCY = 4;

/** The gain in dB, to the hundredth; 0 for silence. */
export function plannedGain({ integrated, truePeak }: Loudness, target: number): number {
  if (integrated === null) return 0;
  const room = truePeak === null ? MAX_GAIN : MAX_TRUE_PEAK - truePeak;
  return Math.floor(Math.min(target - integrated, room, MAX_GAIN) * 100) / 100;
}

/**
 * The gains of sources, by source. A source that is not known or cannot be measured has none.
 * @throws the signal's reason.
 */
export async function plannedGains(
  sources: Iterable<string>,
  prober: Prober,
  { target = DEFAULT_TARGET_LUFS, measure = 'cached' }: LoudnessOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const gains = new Map<string, number>();
  if (measure === 'cached' && !prober.knowsLoudness) return gains;
  const queue = new Set(sources).values();
  const worker = async () => {
    for (const source of queue) {
      signal.throwIfAborted();
      const loudness =
        measure === 'cached'
          ? await prober.knownLoudness(source)
          : await measured(source, prober, signal);
      const gain = loudness === null ? 0 : plannedGain(loudness, target);
      if (gain !== 0) gains.set(source, gain);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return gains;
}

// What is wrong with a source is told when it airs.
async function measured(
  source: string,
  prober: Prober,
  signal: AbortSignal,
): Promise<Loudness | null> {
  try {
    return await prober.measureLoudness(source, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HeadendError) return null;
    throw error;
  }
}
