// The journal's file: opens it, applies batches to it, each in one transaction, reads from it, and keeps it small.
// Everything here is synchronous and runs in the journal's thread (worker.ts).

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperationWriter, type StoredOperation } from './apply.js';
import { HistoryReader } from './history-reader.js';
import type { SavedEncoding, SavedSession } from './journal.js';
import { changesKeptState, type KeptState, readKeptState, writeKeptState } from './kept-state.js';
import { deleteOldest, type PruneStep, prune } from './retention.js';
import { migrate } from './schema.js';
import { asStoreError, StoreError } from './store-error.js';

/** What a {@link JournalStore} works with. */
export interface StoreSettings {
  readonly file: string;
  /** Milliseconds to wait for another process to let go of the file. */
  readonly lockTimeoutMs: number;
  /** Sessions that were silent for so long when the last entry was written are over. */
  readonly sessionTimeoutMs: number;
  readonly maxAgeMs: number;
  /** Rows kept in each log. */
  readonly maxRows: number;
  /** Bytes to which commits let the database file grow; then they delete the oldest entries to make room. */
  readonly maxFileBytes: number;
}

/** What a restart needs to know. */
export interface SavedState {
  readonly sessions: readonly SavedSession[];
  readonly encodings: readonly SavedEncoding[];
  readonly channels: readonly (readonly [channelId: string, definition: string])[];
  /** Set when the file was damaged; then there is nothing to restart from. */
  readonly setAside: SetAside | null;
}

/** What a commit did besides its work. */
export interface CommitReport {
  /** Where a damaged file was moved to, and what was wrong with it. */
  readonly setAside: SetAside | null;
  /** Operations that were left out, by their place in the batch, and why: they can never be stored, or have no room. */
  readonly refusals: ReadonlyMap<number, string>;
  /** Entries that were deleted before their time, to make room. */
  readonly deletedEarly: number;
}

/** A damaged file that was renamed. */
export interface SetAside {
  readonly path: string;
  readonly reason: string;
}

/** "Head": marks the file as a journal of Headend. */
const APPLICATION_ID = 0x48656164;
const SQLITE_MAGIC = 'SQLite format 3\0';
const PAGE_BYTES = 4096;
/** Lifts the bound of the file's size: what deletes, migrates or closes may need a page to free others. */
const UNBOUNDED = 'PRAGMA max_page_count = 0xfffffffe';

interface Connection {
  readonly db: DatabaseSync;
  readonly writer: OperationWriter;
  readonly inode: number;
}

/** One journal file. */
export class JournalStore {
  readonly #settings: StoreSettings;
  #connection: Connection | null = null;
  #isDamaged = false;
  #setAside: SetAside | null = null;
  /** What was left out of the last batch, also for one whose commit is made when it is tried again. */
  #refusals = new Map<number, string>();
  /** What the file has of it; null until it is opened. */
  #kept: KeptState | null = null;
  /** The batch that the file has last, and the one that was tried last, which it may have: by them it is known again. */
  #lastBatch = '';
  #triedBatch = '';

  constructor(settings: StoreSettings) {
    this.#settings = settings;
  }

  /**
   * Opens the file, or makes it, and reads what a restart needs. A damaged file is renamed and a new one begun.
   * @throws StoreError
   */
  open(): SavedState {
    return this.#attempt(() => {
      const { db } = this.#connect();
      closeSilentSessions(db, this.#settings.sessionTimeoutMs);
      return { ...savedState(db), setAside: this.#takeSetAside() };
    });
  }

  /**
   * Applies a batch in one transaction, durable when it returns; a batch of the same name as the last one is applied
   * already. An operation that can never be stored does not hold up the others. Where the file is full the oldest
   * entries are deleted. After an error the file is opened anew for the next call.
   * @throws StoreError
   */
  commit(name: string, operations: readonly StoredOperation[], nowMs: number): CommitReport {
    return this.#attempt(() => {
      const connection = this.#connect();
      this.#checkFile(connection);
      this.#triedBatch = name;
      const isWritten = lastBatch(connection.db) === name;
      const deletedEarly = isWritten ? 0 : this.#write(connection, name, operations, nowMs);
      this.#lastBatch = name;
      return { setAside: this.#takeSetAside(), refusals: this.#refusals, deletedEarly };
    });
  }

  /** Deletes what is too old or too much, a little at a time. Whether there is more to delete. */
  prune(nowMs: number): boolean {
    return this.#attempt(() => this.#prune(this.#connect(), nowMs).isMore);
  }

  /** Reads the logs. */
  read<T>(query: (history: HistoryReader) => T): T {
    return this.#attempt(() => query(new HistoryReader(this.#connect().db)));
  }

  /** Idempotent. */
  close(): void {
    this.#connection?.db.close();
    this.#connection = null;
  }

  /** Writes a batch, and makes room for it as long as there is something to delete. How much was, before its time. */
  #write(
    connection: Connection,
    name: string,
    operations: readonly StoredOperation[],
    nowMs: number,
  ): number {
    const maxPages = Math.floor(this.#settings.maxFileBytes / PAGE_BYTES);
    this.#refusals = new Map();
    const batch = { name, operations, refusals: this.#refusals };
    let deletedEarly = 0;
    for (;;) {
      const fullAt = write(connection, batch, maxPages);
      if (fullAt === null) break;
      if (this.#prune(connection, nowMs).deleted > 0) continue;
      const deleted = deleteOldest(connection.db);
      deletedEarly += deleted;
      if (deleted > 0) continue;
      const type = operations[fullAt]?.type;
      batch.refusals.set(fullAt, `${type}: maxFileBytes is too small for what must be kept`);
    }
    if (operations.some(changesKeptState)) this.#kept = readKeptState(connection.db);
    return deletedEarly;
  }

  #prune({ db, writer }: Connection, nowMs: number): PruneStep {
    const { maxAgeMs, maxRows } = this.#settings;
    const step = prune(db, { beforeMs: nowMs - maxAgeMs, maxRows });
    writer.forgetSessions();
    return step;
  }

  #takeSetAside(): SetAside | null {
    const setAside = this.#setAside;
    this.#setAside = null;
    return setAside;
  }

  #attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const storeError = asStoreError(this.#settings.file, error);
      this.#isDamaged ||= storeError.isDamage;
      this.#drop();
      throw storeError;
    }
  }

  #drop(): void {
    try {
      this.close();
    } catch {
      // The error that led here says more.
      this.#connection = null;
    }
  }

  #connect(): Connection {
    if (this.#connection !== null) return this.#connection;
    const { file } = this.#settings;
    if (!existsSync(dirname(file))) throw new StoreError(file, 'its folder does not exist');
    checkAccess(file);
    if (this.#isDamaged) this.#moveAway('SQLite met broken pages');
    checkHeader(file);
    try {
      this.#connection = this.#openDatabase();
    } catch (error) {
      const storeError = asStoreError(file, error);
      if (!storeError.isDamage) throw storeError;
      this.#moveAway(storeError.reason);
      this.#connection = this.#openDatabase();
    }
    return this.#connection;
  }

  #openDatabase(): Connection {
    const { file, lockTimeoutMs } = this.#settings;
    const db = new DatabaseSync(file, { timeout: lockTimeoutMs });
    try {
      // The lock is held until the end: two servers on one file would mix their histories.
      db.exec('PRAGMA locking_mode = EXCLUSIVE');
      checkApplication(file, db);
      // FULL makes each commit reach the disk before it is acknowledged, on macOS only with fullfsync.
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON');
      db.exec('PRAGMA cache_size = -16384; PRAGMA foreign_keys = ON');
      db.exec(`PRAGMA journal_size_limit = ${16 * 1024 * 1024}`);
      checkPages(file, db);
      migrate(db);
      // Writing shows whether the file may be written at all.
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      this.#keep(db);
      return { db, writer: new OperationWriter(db), inode: statSync(file).ino };
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Learns what a file has to keep, or writes it to one that has come in the place of the file before. */
  #keep(db: DatabaseSync): void {
    const last = lastBatch(db);
    if (this.#kept === null) this.#lastBatch = last;
    if (this.#kept === null || last === this.#lastBatch || last === this.#triedBatch) {
      this.#kept = readKeptState(db);
      return;
    }
    db.exec('BEGIN IMMEDIATE');
    writeKeptState(db, this.#kept);
    setLastBatch(db, this.#lastBatch);
    db.exec('COMMIT');
  }

  /** SQLite goes on writing to a file that was deleted or replaced; what is written there is lost. */
  #checkFile({ inode }: Connection): void {
    const { file } = this.#settings;
    if (statSync(file, { throwIfNoEntry: false })?.ino !== inode) {
      throw new StoreError(file, 'the file was deleted or replaced');
    }
  }

  #moveAway(reason: string): void {
    const { file } = this.#settings;
    const path = freeName(`${file}.damaged-${new Date().toISOString().replaceAll(':', '')}`);
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(file + suffix)) renameSync(file + suffix, path + suffix);
    }
    this.#isDamaged = false;
    this.#setAside = { path, reason };
  }
}

function freeName(path: string): string {
  let name = path;
  for (let n = 2; existsSync(name); n++) name = `${path}-${n}`;
  return name;
}

/** SQLite keeps its log beside the file, so both must be writable. */
function checkAccess(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const reason =
      'it may not be written: this process must be able to write the file and its folder';
    throw new StoreError(file, reason, { cause });
  }
}

/** A file that never was a database is somebody else's and stays where it is. */
function checkHeader(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.size === 0) return;
  if (!stats.isFile()) throw new StoreError(file, 'it is not a file');
  const header = Buffer.alloc(SQLITE_MAGIC.length);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, header, 0, header.length, 0);
  } finally {
    closeSync(fd);
  }
  // A crash may leave zeros where the first page was.
  if (header.toString('latin1') !== SQLITE_MAGIC && header.some((byte) => byte !== 0)) {
    throw new StoreError(file, 'it is not a journal; move it away or name another file');
  }
}

function checkApplication(file: string, db: DatabaseSync): void {
  const id = Number(db.prepare('PRAGMA application_id').get()?.application_id);
  if (id === APPLICATION_ID) return;
  const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n);
  if (id !== 0 || tables > 0) {
    throw new StoreError(file, 'it is the database of another program; name another file');
  }
}

function checkPages(file: string, db: DatabaseSync): void {
  const verdict = String(db.prepare('PRAGMA quick_check(1)').get()?.quick_check);
  if (verdict !== 'ok')
    throw new StoreError(file, verdict.replaceAll(/\s+/g, ' '), { isDamage: true });
}

/** Sessions that nobody closed and nobody heard of towards the end were left behind by a crash; they are over. */
function closeSilentSessions(db: DatabaseSync, timeoutMs: number): void {
  db.prepare(`
    WITH open AS (
      SELECT s.id, coalesce(p.seen_at_ms, s.opened_at_ms) AS seen
      FROM sessions s LEFT JOIN positions p ON p.session = s.id WHERE s.closed_at_ms IS NULL
    )
    UPDATE sessions SET closed_at_ms = open.seen + :timeout, reason = 'timeout'
    FROM open WHERE open.id = sessions.id AND open.seen + :timeout <= (SELECT max(seen) FROM open)
  `).run({ timeout: timeoutMs });
}

function savedState(db: DatabaseSync): Omit<SavedState, 'setAside'> {
  const sessions = db.prepare(`
    SELECT s.channel_id, s.session_id, s.opened_at_ms, coalesce(p.seen_at_ms, s.opened_at_ms) AS seen_at_ms,
      p.rendition, p.segment_number
    FROM sessions s LEFT JOIN positions p ON p.session = s.id
    WHERE s.closed_at_ms IS NULL ORDER BY s.id
  `);
  const encodings = db.prepare('SELECT channel_id, changes, encoder FROM encodings');
  const channels = db.prepare('SELECT channel_id, definition FROM channels ORDER BY channel_id');
  return {
    sessions: sessions.all().map((row) => ({
      channelId: String(row.channel_id),
      sessionId: String(row.session_id),
      openedAtMs: Number(row.opened_at_ms),
      seenAtMs: Number(row.seen_at_ms),
      rendition: row.rendition === null ? null : String(row.rendition),
      segmentNumber: row.segment_number === null ? null : Number(row.segment_number),
    })),
    encodings: encodings.all().map((row) => ({
      channelId: String(row.channel_id),
      changes: Number(row.changes),
      encoder: String(row.encoder),
    })),
    channels: channels
      .all()
      .map((row) => [String(row.channel_id), String(row.definition)] as const),
  };
}

/** The name of the batch that the file has last; empty when it has none. */
function lastBatch(db: DatabaseSync): string {
  return String(db.prepare('SELECT name FROM last_batch').get()?.name ?? '');
}

function setLastBatch(db: DatabaseSync, name: string): void {
  db.prepare(
    'INSERT INTO last_batch (id, name) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name',
  ).run(name);
}

/** A batch on its way into the file. */
interface Batch {
  readonly name: string;
  readonly operations: readonly StoredOperation[];
  /** Operations that are left out, by their place, and why. */
  readonly refusals: Map<number, string>;
}

/**
 * Writes a batch in one transaction, in which the file grows to so many pages at most. Where they do not suffice nothing
 * is written; the place of the operation for which there is no room.
 */
function write({ db, writer }: Connection, batch: Batch, maxPages: number): number | null {
  const { name, operations, refusals } = batch;
  db.exec(`PRAGMA max_page_count = ${maxPages}; BEGIN IMMEDIATE`);
  for (const [index, operation] of operations.entries()) {
    if (refusals.has(index)) continue;
    try {
      writer.apply(operation);
    } catch (error) {
      const { isFull, isRefusal, reason } = asStoreError('', error);
      if (isFull) {
        rollBack(db);
        db.exec(UNBOUNDED);
        writer.forgetSessions();
        return index;
      }
      if (!isRefusal) throw error;
      refusals.set(index, `${operation.type}: ${reason}`);
    }
  }
  setLastBatch(db, name);
  db.exec(`COMMIT; ${UNBOUNDED}`);
  return null;
}

function rollBack(db: DatabaseSync): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // SQLite has done it itself, as it mostly does when there is no room.
  }
}
