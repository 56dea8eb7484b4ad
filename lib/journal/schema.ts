// The journal's tables, as migrations: a file knows by its user_version which of them it has seen.

import type { DatabaseSync } from 'node:sqlite';

// Only ever add to the end. All times are milliseconds since the Unix epoch.
const MIGRATIONS = [
  `
  -- The batch that was committed last, so that one that is tried again is not applied twice.
  CREATE TABLE last_batch (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;

  -- Channels saved through the API.
  CREATE TABLE channels (
    channel_id TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    saved_at_ms REAL NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Who watched what, and when; a session without closed_at_ms is open.
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    opened_at_ms REAL NOT NULL,
    closed_at_ms REAL,
    reason TEXT
  ) STRICT;
  CREATE UNIQUE INDEX open_sessions ON sessions (channel_id, session_id) WHERE closed_at_ms IS NULL;
  CREATE INDEX sessions_by_channel ON sessions (channel_id, opened_at_ms);
  CREATE INDEX sessions_by_time ON sessions (opened_at_ms);

  -- The latest position of each session: narrow rows, because they are written most.
  CREATE TABLE positions (
    session INTEGER PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    rendition TEXT NOT NULL,
    segment_number INTEGER NOT NULL,
    seen_at_ms REAL NOT NULL
  ) STRICT;

  CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL,
    batch_number INTEGER NOT NULL,
    start_segment INTEGER NOT NULL,
    end_segment INTEGER NOT NULL,
    started_at_ms REAL NOT NULL,
    ended_at_ms REAL NOT NULL,
    error TEXT
  ) STRICT;
  CREATE INDEX batches_by_channel ON batches (channel_id, started_at_ms);
  CREATE INDEX batches_by_time ON batches (started_at_ms);

  -- The as-run log. A channel airs one programme at a time, so what is recorded again replaces what was there.
  CREATE TABLE aired (
    id INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL,
    title TEXT NOT NULL,
    source TEXT NOT NULL,
    starts_at_ms REAL NOT NULL,
    ends_at_ms REAL NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX aired_by_channel ON aired (channel_id, starts_at_ms);
  CREATE INDEX aired_by_time ON aired (starts_at_ms);

  CREATE TABLE faults (
    id INTEGER PRIMARY KEY,
    channel_id TEXT NOT NULL,
    at_ms REAL NOT NULL,
    code TEXT NOT NULL,
    stage TEXT NOT NULL,
    message TEXT NOT NULL,
    averror INTEGER NOT NULL,
    source TEXT NOT NULL,
    airs_at_ms REAL
  ) STRICT;
  CREATE INDEX faults_by_channel ON faults (channel_id, at_ms);
  CREATE INDEX faults_by_time ON faults (at_ms);
  `,
  `
  -- Channels whose encoding has changed: how often, and what encodes them since.
  CREATE TABLE encodings (
    channel_id TEXT PRIMARY KEY,
    changes INTEGER NOT NULL,
    encoder TEXT NOT NULL,
    changed_at_ms REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
] as const;

/** The version that this release writes. */
const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the file to {@link SCHEMA_VERSION}, each step in a transaction of its own.
 * @throws Error when a newer release has written the file.
 */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new Error(
      `it was written by a newer Headend (version ${version}, this one knows ${SCHEMA_VERSION})`,
    );
  }
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
