// What a file that is begun in the place of a lost one gets from memory: what is said once and then holds, so that a
// restart would miss it. The logs are history, and sessions are opened by the next sign of their viewers.

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { StoredOperation } from './apply.js';

type Rows = readonly Record<string, SQLOutputValue>[];

/** Saved channels and encodings: at most two rows for each channel that there ever was. */
export interface KeptState {
  readonly channels: Rows;
  readonly encodings: Rows;
}

/** Whether an operation changes it. */
export function changesKeptState({ type }: StoredOperation): boolean {
  return type === 'channel-saved' || type === 'channel-deleted' || type === 'encoding';
}

/** Reads it from a file. */
export function readKeptState(db: DatabaseSync): KeptState {
  return {
    channels: db.prepare('SELECT * FROM channels').all(),
    encodings: db.prepare('SELECT * FROM encodings').all(),
  };
}

/** Writes it to another file, within the caller's transaction. */
export function writeKeptState(db: DatabaseSync, { channels, encodings }: KeptState): void {
  const channel = db.prepare(
    'INSERT OR REPLACE INTO channels VALUES (:channel_id, :definition, :saved_at_ms)',
  );
  for (const row of channels) channel.run(row);
  const encoding = db.prepare(
    'INSERT OR REPLACE INTO encodings VALUES (:channel_id, :changes, :encoder, :changed_at_ms)',
  );
  for (const row of encodings) encoding.run(row);
}
