// What has been found out about files, so that it is not found out again: by path, and good for as long as the
// file's size and time of change stay the same. In memory; sqlite-probe-cache.ts keeps it in a file.

import type { Loudness, ProbeResult } from '../engine/engine.js';

/** What is known about a file. */
export interface Known {
  readonly result?: ProbeResult;
  readonly loudness?: Loudness;
}

/** Remembers what is known about files. Bounded: what has not been asked for longest goes first. */
export interface ProbeCache {
  /** Whether the loudness of any file may be known. */
  readonly knowsLoudness: boolean;
  /** @param stamp Changes when the file does. */
  get(path: string, stamp: string): Known;
  /** Adds to what is known; forgets what was known of the file with another stamp. */
  set(path: string, stamp: string, known: Known): void;
  close(): void;
}

/** Files that are remembered in memory: a few KiB each. */
const MAX_FILES = 5000;

/** Forgets with the process. */
export class MemoryProbeCache implements ProbeCache {
  // In the order of use, the longest unused first.
  readonly #files = new Map<string, { readonly stamp: string; readonly known: Known }>();
  readonly #maxFiles: number;
  #knowsLoudness = false;

  /** @param maxFiles How many files are remembered. */
  constructor(maxFiles = MAX_FILES) {
    this.#maxFiles = maxFiles;
  }

  get knowsLoudness(): boolean {
    return this.#knowsLoudness;
  }

  get(path: string, stamp: string): Known {
    const file = this.#files.get(path);
    if (file?.stamp !== stamp) return {};
    this.#files.delete(path);
    this.#files.set(path, file);
    return file.known;
  }

  set(path: string, stamp: string, known: Known): void {
    const before = this.get(path, stamp);
    this.#files.delete(path);
    this.#files.set(path, { stamp, known: { ...before, ...known } });
    this.#knowsLoudness ||= known.loudness !== undefined;
    const [oldest] = this.#files.keys();
    if (this.#files.size > this.#maxFiles && oldest !== undefined) this.#files.delete(oldest);
  }

  close(): void {
    this.#files.clear();
  }
}
