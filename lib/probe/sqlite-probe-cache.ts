// The probe cache in an SQLite file of its own: what is known about files outlives the process, and several
// processes may share it. It is a cache: a row that is not understood counts as none, a write that fails is left out.

import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { HeadendError } from '../errors.js';
import type { Known, ProbeCache } from './probe-cache.js';
import { LoudnessSchema, ProbeResultSchema } from './schema.js';

/** Rows that are kept, a few KiB each. */
const MAX_FILES = 200_000;
/** Writes between two looks at the number of rows. */
const WRITES_PER_TRIM = 1000;

// `user_version`; of another version the table is made anew.
const VERSION = 1;
// "Hdnd": tells the file from other databases.
const APPLICATION_ID = 0x48_64_6e_64;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    result TEXT,
    loudness TEXT,
    usedAt INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS fileUsedAt ON file (usedAt);
`;

/** Keeps what is known in a file. */
export class SqliteProbeCache implements ProbeCache {
  readonly knowsLoudness = true;
  readonly #database: DatabaseSync;
  readonly #now: () => number;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  #writes = 0;

  private constructor(database: DatabaseSync, now: () => number) {
    this.#database = database;
    this.#now = now;
    prepare(database);
    this.#select = database.prepare(
      'SELECT result, loudness FROM file WHERE path = ? AND stamp = ?',
    );
    this.#insert = database.prepare(
      'INSERT OR REPLACE INTO file (path, stamp, result, loudness, usedAt) VALUES (?, ?, ?, ?, ?)',
    );
  }

  /**
   * Opens the file or makes it.
   * @param now Milliseconds since the Unix epoch.
   * @throws HeadendError `INVALID_OPTIONS` when it cannot be opened or holds something else.
   */
  static async open(path: string, now: () => number): Promise<SqliteProbeCache> {
    // Only those who use it get Node's warning that the module is new.
    const { DatabaseSync } = await import('node:sqlite');
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path);
      return new SqliteProbeCache(database, now);
    } catch (cause) {
      database?.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HeadendError(
        'INVALID_OPTIONS',
        'options',
        `createHeadend: probeCache must be a file that can be made or was made by Headend; ${path}: ${reason}`,
        { cause },
      );
    }
  }

  get(path: string, stamp: string): Known {
    const row = this.#select.get(path, stamp);
    const result = parsed(ProbeResultSchema, row?.result);
    const loudness = parsed(LoudnessSchema, row?.loudness);
    return { ...(result && { result }), ...(loudness && { loudness }) };
  }

  set(path: string, stamp: string, known: Known): void {
    try {
      const { result, loudness } = { ...this.get(path, stamp), ...known };
      const text = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
      this.#insert.run(path, stamp, text(result), text(loudness), this.#now());
      if (++this.#writes % WRITES_PER_TRIM === 0) this.#trim();
    } catch {
      // Found out again next time.
    }
  }

  close(): void {
    this.#database.close();
  }

  #trim(): void {
    this.#database.exec(
      `DELETE FROM file WHERE path IN (SELECT path FROM file ORDER BY usedAt DESC LIMIT -1 OFFSET ${MAX_FILES})`,
    );
  }
}

function prepare(database: DatabaseSync): void {
  database.exec('PRAGMA busy_timeout = 5000');
  const application = pragma(database, 'application_id');
  const empty = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count === 0;
  if (application !== APPLICATION_ID && !empty) throw new Error('it is another database');
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  if (!empty && pragma(database, 'user_version') !== VERSION) database.exec('DROP TABLE file');
  database.exec(SCHEMA);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}`);
}

function pragma(database: DatabaseSync, name: string): SQLOutputValue | undefined {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

function parsed<Schema extends TSchema>(
  schema: Schema,
  text: SQLOutputValue | undefined,
): Static<Schema> | undefined {
  if (typeof text !== 'string') return undefined;
  const value: unknown = JSON.parse(text);
  return Value.Check(schema, value) ? value : undefined;
}
