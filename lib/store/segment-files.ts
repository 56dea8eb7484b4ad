// The disk tier: segments as files, one each, in a folder that one process has at a time. The store decides what is kept
// and for how long. Here a file is whole under its name or not there, and what is read is what was written, or an error.

import { mkdir, open, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Clock } from '../clock.js';
import { type ErrorCode, HeadendError } from '../errors.js';

const GIB = 1024 ** 3;

/** Defaults of {@link DiskStoreOptions}. */
export const DISK_STORE_DEFAULTS = { refuseBelowBytes: 5 * GIB, warnBelowBytes: 10 * GIB } as const;

/** Where finished segments go that `storeBytes` has no room for: the option `diskStore` of `createHeadend`. */
export interface DiskStoreOptions {
  /**
   * A folder on a local disk, of one process at a time; made when it is not there, the folder around it is not. Other
   * files in it are left alone.
   */
  readonly directory: string;
  /** Nothing more is written while fewer bytes than this are free on that disk. Default 5 GiB. */
  readonly refuseBelowBytes?: number;
  /** A `warning` is raised when fewer bytes than this are free; not less than `refuseBelowBytes`. Default 10 GiB. */
  readonly warnBelowBytes?: number;
}

/** How the disk tier is doing. */
export interface DiskStatus {
  /** `refusing` while the disk has too little room, `failing` for a while after a write that failed. */
  readonly state: 'writing' | 'refusing' | 'failing';
  /** Segments that are in files. */
  readonly files: number;
  /** Their size together. */
  readonly bytes: number;
  /** Free on the disk when it was last looked at. */
  readonly freeBytes: number;
}

/** What a {@link SegmentFiles} works with besides its options. */
export interface SegmentFilesParts {
  readonly clock: Clock;
  /** `DISK_FULL` and `STORE_FAILED`; what lasts is told once, and what comes and goes once a minute at most. */
  readonly onFault: (fault: HeadendError) => void;
  /** Little room is left; told like a fault. */
  readonly onLow: (freeBytes: number, message: string) => void;
}

interface SegmentFile {
  readonly channelId: string;
  readonly bytes: number;
  readonly checksum: number;
  readers: number;
  isRemoved: boolean;
}

// Names of its own, finished or not: nothing else is ever deleted.
const OWN_NAME = /^headend\.[\w-]+\.[\w-]+\.\d+\.[0-9a-z]+\.m4s(\.part)?$/;
const LOCK_NAME = 'headend.lock';
const SWEEP_MS = 60_000;
const REST_MS = 10_000;
const QUIET_MS = 60_000;
// Segments that are read at the same time, each into a buffer of its size.
const MAX_READS = 8;

/** The segment files of one Headend instance. */
export class SegmentFiles {
  readonly #folder: string;
  readonly #limits: Required<Omit<DiskStoreOptions, 'directory'>>;
  readonly #parts: SegmentFilesParts;
  readonly #lock: DatabaseSync;
  // By name. Bounded by the store, which has an entry for each, and by the room on the disk.
  readonly #files = new Map<string, SegmentFile>();
  // What is wrong now and has been told, and when each was told last: one entry for each kind.
  readonly #lasting = new Set<string>();
  readonly #told = new Map<string, number>();
  // Work on the disk that is not done, for the end to wait for.
  readonly #busy = new Set<Promise<unknown>>();
  readonly #readers: (() => void)[] = [];
  #reads = 0;
  #bytes = 0;
  #freeBytes = 0;
  #count = 0;
  #writing = '';
  #isRefusing = false;
  #restsUntil = -Infinity;
  #cancelSweep: (() => void) | null = null;
  #isClosed = false;

  private constructor(options: DiskStoreOptions, parts: SegmentFilesParts, lock: DatabaseSync) {
    this.#folder = resolve(options.directory);
    this.#limits = { ...DISK_STORE_DEFAULTS, ...options };
    this.#parts = parts;
    this.#lock = lock;
  }

  /**
   * Takes the folder, and deletes the segments that a process left there which is gone.
   * @throws HeadendError `STORE_FAILED` when the folder cannot be used: the message says why.
   */
  static async open(options: DiskStoreOptions, parts: SegmentFilesParts): Promise<SegmentFiles> {
    const folder = resolve(options.directory);
    const lock = await takeFolder(folder);
    const files = new SegmentFiles(options, parts, lock);
    try {
      await files.#sweep();
      await files.#hasRoom();
    } catch (error) {
      lock.close();
      throw failure(`the folder ${folder} cannot be used: ${textOf(error)}`, error);
    }
    files.#sweepLater();
    return files;
  }

  get status(): DiskStatus {
    const isFailing = this.#parts.clock.monotonic() < this.#restsUntil;
    return {
      state: isFailing ? 'failing' : this.#isRefusing ? 'refusing' : 'writing',
      files: this.#files.size,
      bytes: this.#bytes,
      freeBytes: this.#freeBytes,
    };
  }

  /** The name of the file that has the segment now; null when it could not be written, of which a fault tells. */
  async write(
    key: { readonly channelId: string; readonly rendition: string; readonly sequence: number },
    data: Uint8Array,
  ): Promise<string | null> {
    if (this.#isClosed || this.#parts.clock.monotonic() < this.#restsUntil) return null;
    const { channelId, rendition, sequence } = key;
    const serial = (this.#count++).toString(36);
    const name = `headend.${channelId}.${rendition}.${sequence}.${serial}.m4s`;
    return this.#whileOpen(async () => {
      this.#writing = name;
      try {
        if (!(await this.#hasRoom())) return null;
        await this.#writeWhole(name, data);
        this.#lasting.delete('write');
      } catch (error) {
        this.#onFailedWrite(error);
        return null;
      } finally {
        this.#writing = '';
      }
      const { byteLength: bytes } = data;
      const checksum = crc32(data);
      this.#files.set(name, { channelId, bytes, checksum, readers: 0, isRemoved: false });
      this.#bytes += bytes;
      return name;
    });
  }

  /**
   * The bytes that were written.
   * @throws HeadendError `STORE_FAILED` when the file is gone or has other bytes; a fault tells of it as well.
   */
  async read(name: string): Promise<Uint8Array> {
    const file = this.#files.get(name);
    if (!file) throw failure(`there is no file ${name}`);
    file.readers++;
    try {
      const data = await this.#whileOpen(() => this.#inTurn(() => this.#readWhole(name, file)));
      this.#lasting.delete('read');
      return data;
    } catch (error) {
      const message = `${join(this.#folder, name)}: ${textOf(error)}; the segment is made again`;
      const fault = failure(message, error, file.channelId);
      this.#tell('read', () => this.#parts.onFault(fault));
      throw fault;
    } finally {
      file.readers--;
      if (file.isRemoved) this.#unlink(name, file);
    }
  }

  /** Deletes a file, when nobody reads it any more. */
  remove(name: string): void {
    const file = this.#files.get(name);
    if (!file || file.isRemoved) return;
    file.isRemoved = true;
    this.#unlink(name, file);
  }

  /** Deletes every file and lets go of the folder. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelSweep?.();
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
    for (const name of this.#files.keys()) this.remove(name);
    await Promise.allSettled(this.#busy);
    this.#lock.close();
  }

  async #writeWhole(name: string, data: Uint8Array): Promise<void> {
    const path = join(this.#folder, name);
    try {
      await writeFile(`${path}.part`, data, { flag: 'wx' });
      await rename(`${path}.part`, path);
    } catch (error) {
      await rm(`${path}.part`, { force: true }).catch(() => {});
      throw error;
    }
  }

  async #readWhole(name: string, { bytes, checksum }: SegmentFile): Promise<Uint8Array> {
    const handle = await open(join(this.#folder, name));
    try {
      const { size } = await handle.stat();
      if (size !== bytes) throw new Error(`it has ${size} bytes instead of ${bytes}`);
      const data = Buffer.allocUnsafeSlow(bytes);
      for (let done = 0; done < bytes; ) {
        const { bytesRead } = await handle.read(data, done, bytes - done);
        if (bytesRead === 0) throw new Error(`it has ${done} bytes instead of ${bytes}`);
        done += bytesRead;
      }
      if (crc32(data) !== checksum) throw new Error('it has other bytes than were written');
      return data;
    } finally {
      await handle.close();
    }
  }

  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    if (this.#reads >= MAX_READS) {
      await new Promise<void>((resume) => this.#readers.push(resume));
    } else this.#reads++;
    try {
      return await action();
    } finally {
      // Whoever is next takes the place over.
      const next = this.#readers.shift();
      if (next) next();
      else this.#reads--;
    }
  }

  #unlink(name: string, file: SegmentFile): void {
    if (file.readers > 0 || !this.#files.delete(name)) return;
    this.#bytes -= file.bytes;
    // One that cannot be deleted now is no longer known, so the next sweep finds it.
    void this.#whileOpen(() => rm(join(this.#folder, name), { force: true })).catch(() => {});
  }

  #whileOpen<T>(action: () => Promise<T>): Promise<T> {
    const work = action();
    const done: Promise<unknown> = work.catch(() => {}).then(() => this.#busy.delete(done));
    this.#busy.add(done);
    return work;
  }

  async #hasRoom(): Promise<boolean> {
    const { refuseBelowBytes, warnBelowBytes } = this.#limits;
    const { bavail, bsize } = await statfs(this.#folder);
    this.#freeBytes = bavail * bsize;
    this.#isRefusing = this.#freeBytes < refuseBelowBytes;
    const free = `${megabytes(this.#freeBytes)} are free on the disk of ${this.#folder}`;
    if (this.#isRefusing) {
      const message = `${free}: segments are kept in memory alone below ${megabytes(refuseBelowBytes)}`;
      this.#raise('room', 'DISK_FULL', message);
    } else this.#lasting.delete('room');
    if (this.#freeBytes >= warnBelowBytes) this.#lasting.delete('low');
    else if (!this.#isRefusing) this.#tell('low', () => this.#parts.onLow(this.#freeBytes, free));
    return !this.#isRefusing;
  }

  #onFailedWrite(error: unknown): void {
    this.#restsUntil = this.#parts.clock.monotonic() + REST_MS;
    const isFull = /^(ENOSPC|EDQUOT)\b/.test(textOf(error));
    const message = `a segment cannot be written to ${this.#folder}: ${textOf(error)}`;
    const code = isFull ? 'DISK_FULL' : 'STORE_FAILED';
    this.#raise('write', code, `${message}; it stays in memory`, error);
  }

  #raise(what: string, code: ErrorCode, message: string, cause?: unknown): void {
    const fault = new HeadendError(code, 'store', message, { retryable: true, cause });
    this.#tell(what, () => this.#parts.onFault(fault));
  }

  #tell(what: string, tell: () => void): void {
    const now = this.#parts.clock.monotonic();
    const toldAt = this.#told.get(what) ?? -Infinity;
    if (this.#lasting.has(what) || now - toldAt < QUIET_MS) return;
    this.#lasting.add(what);
    this.#told.set(what, now);
    tell();
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#parts.clock.setTimer(() => {
      this.#sweepLater();
      const reason = `the folder ${this.#folder} cannot be looked through`;
      this.#whileOpen(() => this.#sweep()).catch((error: unknown) =>
        this.#raise('sweep', 'STORE_FAILED', `${reason}: ${textOf(error)}`, error),
      );
    }, SWEEP_MS);
  }

  // Deletes what is its own by name and belongs to no segment: left by a process that was killed, or by a failure.
  async #sweep(): Promise<void> {
    for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
      const { name } = entry;
      const isKnown = this.#files.has(name) || name.startsWith(this.#writing || '/');
      if (isKnown || !entry.isFile() || !OWN_NAME.test(name)) continue;
      await rm(join(this.#folder, name), { force: true });
    }
    this.#lasting.delete('sweep');
  }
}

// SQLite's lock on an empty file: the system takes it from a process that ends, however it ends.
async function takeFolder(folder: string): Promise<DatabaseSync> {
  // Only here: Node.js 22 prints a warning when it is loaded.
  const { DatabaseSync } = await import('node:sqlite');
  let lock: DatabaseSync | undefined;
  try {
    await mkdir(folder).catch((error: unknown) => {
      if (!textOf(error).startsWith('EEXIST')) throw error;
    });
    lock = new DatabaseSync(join(folder, LOCK_NAME), { timeout: 0 });
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    const isBusy = textOf(error).includes('locked');
    const reason = isBusy ? 'another process has it' : textOf(error);
    throw failure(`the folder ${folder} cannot be used: ${reason}`, error);
  }
}

function failure(message: string, cause?: unknown, channelId?: string): HeadendError {
  const details = { retryable: true, cause, ...(channelId !== undefined && { channelId }) };
  return new HeadendError('STORE_FAILED', 'store', message, details);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
