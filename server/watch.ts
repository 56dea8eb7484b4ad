// Notices that something in folders has changed: by the system's notifications, or by looking again where there are
// none.

import { type FSWatcher, lstatSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Clock, systemClock } from '../lib/clock.js';
import type { Logger } from '../lib/index.js';

/** How long it must be quiet: files are written in many steps. */
const QUIET_MS = 1000;

/** Somebody may write all the time: nobody waits longer than this. */
const LONGEST_WAIT_MS = 15_000;

/** Where folders cannot be watched they are looked at this often. */
const POLL_MS = 15_000;

interface Watched {
  readonly watcher: FSWatcher;
  /** Of the folder that had this path when the watch began: another one may be mounted or moved there. */
  readonly identity: string | null;
}

/** Watches folders, not those in them, and a file. */
export class FolderWatcher implements Disposable {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #clock: Clock;
  readonly #watchers = new Map<string, Watched>();
  // By folder, the only name in it that counts; null where all do.
  #wanted: ReadonlyMap<string, string | null> = new Map();
  #changed = Promise.withResolvers<void>();
  // Each cancels its timer; undefined while there is none.
  #quiet: (() => void) | undefined;
  #latest: (() => void) | undefined;
  #poll: (() => void) | undefined;

  constructor(log: Pick<Logger, 'warn'>, clock: Clock = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Watches these folders, and a file in its own; no others. What becomes watched may have changed just before, so that
   * is a change.
   */
  watch(folders: ReadonlySet<string>, file?: string): void {
    const wanted = new Map<string, string | null>();
    // What a link leads to changes under other names, as where Kubernetes mounts a ConfigMap.
    if (file !== undefined) wanted.set(dirname(file), isLink(file) ? null : basename(file));
    for (const folder of folders) wanted.set(folder, null);
    this.#wanted = wanted;
    for (const [path, { watcher, identity }] of this.#watchers) {
      if (wanted.has(path) && identity === identityOf(path)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const path of wanted.keys()) {
      if (!this.#watchers.has(path) && this.#begin(path)) this.#noticed();
    }
  }

  /**
   * Resolves when something has changed since it resolved last, and it is quiet again; or when the signal aborts; or after
   * so many milliseconds.
   */
  async changed(signal: AbortSignal, withinMs = Infinity): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) return;
    const cancel = withinMs < Infinity ? this.#clock.setTimer(stop, withinMs) : undefined;
    await Promise.race([this.#changed.promise, promise]);
    cancel?.();
    signal.removeEventListener('abort', stop);
    this.#changed = Promise.withResolvers();
  }

  /** Counts as a change, at once. */
  trigger(): void {
    this.#quiet?.();
    this.#latest?.();
    this.#latest = undefined;
    this.#changed.resolve();
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.#quiet?.();
    this.#latest?.();
    this.#poll?.();
  }

  #begin(path: string): boolean {
    try {
      const identity = identityOf(path);
      const watcher = watch(path, (_event, name) => this.#onChange(path, name));
      watcher.on('error', (error) => {
        watcher.close();
        this.#watchers.delete(path);
        this.#pollFor(path, error);
      });
      this.#watchers.set(path, { watcher, identity });
      return true;
    } catch (error) {
      this.#pollFor(path, error);
      return false;
    }
  }

  #onChange(folder: string, name: string | null): void {
    const only = this.#wanted.get(folder) ?? null;
    if (only === null || name === null || name === only) this.#noticed();
  }

  #noticed(): void {
    this.#quiet?.();
    this.#quiet = this.#clock.setTimer(() => this.trigger(), QUIET_MS);
    this.#latest ??= this.#clock.setTimer(() => this.trigger(), LONGEST_WAIT_MS);
  }

  #pollFor(path: string, error: unknown): void {
    if (this.#poll) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.warn(
      { folder: path },
      `Cannot watch ${path}, looking every ${POLL_MS / 1000} s instead: ${reason}`,
    );
    this.#pollLater();
  }

  #pollLater(): void {
    this.#poll = this.#clock.setTimer(() => {
      this.#pollLater();
      this.trigger();
    }, POLL_MS);
  }
}

function identityOf(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats ? `${stats.dev} ${stats.ino}` : null;
}

function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
