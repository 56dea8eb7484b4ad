// Finds and loads the addon, and gives its exports types. The only place that trusts native values' shapes.

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadendError } from '../errors.js';
import type {
  AbandonedSegment,
  BatchReport,
  EncoderReport,
  EngineFault,
  Fragment,
  InitSegment,
  Loudness,
  ProbeResult,
  ProduceRequest,
  ProducerOptions,
  ProgrammeStart,
  Rational,
  Segment,
  Track,
} from './engine.js';

/** A failure as the addon reports it. */
export interface NativeStatus {
  readonly code: string;
  readonly stage: string;
  readonly message: string;
  readonly averror: number;
}

/** What the addon tells about a producer, a probe or a remux, by type. */
export interface NativeEvents {
  readonly init: InitSegment;
  readonly fragment: Fragment;
  readonly segment: Segment;
  readonly abandoned: AbandonedSegment;
  readonly programme: ProgrammeStart;
  readonly wait: boolean;
  readonly fault: EngineFault;
  readonly batch: { readonly error: NativeStatus | null; readonly report: BatchReport };
  readonly stopped: null;
  readonly probe: { readonly error: NativeStatus | null; readonly result: ProbeResult | null };
  readonly hardware: {
    readonly error: NativeStatus | null;
    readonly reports: readonly EncoderReport[] | null;
  };
  readonly remux: { readonly error: NativeStatus | null; readonly data: Uint8Array | null };
  /** Seconds that a measurement has come to. */
  readonly progress: number;
  readonly loudness: { readonly error: NativeStatus | null; readonly result: Loudness | null };
}

/** One event: the number of the producer, probe, measurement or remux it is about, its type and what comes with it. */
export type NativeEvent = {
  [Type in keyof NativeEvents]: readonly [id: number, type: Type, payload: NativeEvents[Type]];
}[keyof NativeEvents];

/** The addon's engine: producers, probes and remuxes by number, one callback for all of them. */
export interface NativeEngine {
  /** The number, or why there is no producer. */
  createProducer(options: ProducerOptions): number | NativeStatus;
  /** Null when the batch was accepted; its end is a `batch` event. */
  produce(producer: number, request: ProduceRequest): NativeStatus | null;
  /** Its end is a `stopped` event. Call it once. */
  stopProducer(producer: number): void;
  /** The number, or why there is no probe. Its end is a `probe` event. */
  probe(url: string, keyFrames: boolean): number | NativeStatus;
  /** The number, or why there is no measurement. Its end is a `loudness` event. */
  measureLoudness(
    url: string,
    part: { readonly inPoint: Rational; readonly duration: Rational | null },
  ): number | NativeStatus;
  /** Of a probe or a measurement. */
  cancelProbe(probe: number): void;
  /**
   * Tries every encoder, or the one that is named, for so many milliseconds each. The number, or why nothing is tried.
   * Its end is a `hardware` event.
   */
  detectEncoders(patienceMs: number, encoder?: string): number | NativeStatus;
  /** The number, or why there is no remux. Its end is a `remux` event. */
  remux(tracks: readonly Track[]): number | NativeStatus;
  /** Joins every thread that is left. Nothing may be called afterwards. */
  close(): void;
}

/** The addon's exports. */
export interface Binding {
  readonly Engine: new (onEvent: (...event: NativeEvent) => void, caFile?: string) => NativeEngine;
  /** Version of the FFmpeg that is linked in. */
  readonly ffmpegVersion: string;
}

/** The package's root: the nearest folder above this file that holds its package.json. */
function packageRoot(): string {
  // lib/engine/ in a checkout, dist/lib/engine/ in the package.
  const here = path.dirname(fileURLToPath(import.meta.url));
  const root = path.resolve(here, '..', '..');
  return path.basename(root) === 'dist' ? path.dirname(root) : root;
}

/**
 * Loads the addon: the file given, else a build of this checkout, else the prebuilt binary of this platform.
 * @throws HeadendError `ADDON_NOT_FOUND` that says what was looked for and what to do
 */
export function loadBinding(file?: string): Binding {
  const require = createRequire(import.meta.url);
  const root = packageRoot();
  try {
    if (file !== undefined) return require(file) as Binding;
    const load = require('node-gyp-build') as (directory: string) => Binding;
    return load(root);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HeadendError(
      'ADDON_NOT_FOUND',
      'engine',
      `No native addon for ${process.platform}-${process.arch} (Node ${process.version}, Node-API ${process.versions.napi}). ` +
        `Looked for build/Release/headend.node and prebuilds/${process.platform}-${process.arch}/ in ${root}. ` +
        'Prebuilt binaries exist for linux-x64 with glibc 2.35 or newer; elsewhere build from a checkout: ' +
        `"npm run setup" (needs a C++ toolchain). The loader said: ${reason}`,
      { cause },
    );
  }
}
