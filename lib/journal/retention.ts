// Keeps the journal bounded: deletes what is too old or too much, and what is oldest where there is no room, in steps
// so small that commits do not wait for them.

import type { DatabaseSync } from 'node:sqlite';

/** What is deleted. */
export interface RetentionLimits {
  /** Entries that were over before this instant. */
  readonly beforeMs: number;
  /** The oldest entries beyond so many of a log. */
  readonly maxRows: number;
}

/** What a step has done. */
export interface PruneStep {
  /** Entries that are gone. */
  readonly deleted: number;
  /** Whether another step would find more. */
  readonly isMore: boolean;
}

/** Rows deleted of each log in one step. */
const STEP_ROWS = 500;

const LOGS = ['batches', 'aired', 'faults', 'sessions'] as const;

const OLD = {
  batches: 'started_at_ms < :beforeMs AND ended_at_ms < :beforeMs ORDER BY started_at_ms',
  aired: 'starts_at_ms < :beforeMs AND ends_at_ms < :beforeMs ORDER BY starts_at_ms',
  faults: 'at_ms < :beforeMs ORDER BY at_ms',
  // A session that nobody closed is as old as its last position.
  sessions: `opened_at_ms < :beforeMs AND coalesce(closed_at_ms,
    (SELECT seen_at_ms FROM positions WHERE session = sessions.id), opened_at_ms) < :beforeMs
    ORDER BY opened_at_ms`,
} as const;

const SURPLUS = {
  batches: 'id <= (SELECT max(id) FROM batches) - :maxRows ORDER BY id',
  aired: 'id <= (SELECT max(id) FROM aired) - :maxRows ORDER BY id',
  faults: 'id <= (SELECT max(id) FROM faults) - :maxRows ORDER BY id',
  sessions: `id <= (SELECT max(id) FROM sessions) - :maxRows AND closed_at_ms IS NOT NULL ORDER BY id`,
} as const;

/** When an entry began, and which entries may go before their time: viewers who are there stay. */
const BEGINS = {
  batches: { column: 'started_at_ms', condition: 'TRUE' },
  aired: { column: 'starts_at_ms', condition: 'TRUE' },
  faults: { column: 'at_ms', condition: 'TRUE' },
  sessions: { column: 'opened_at_ms', condition: 'closed_at_ms IS NOT NULL' },
} as const;

/** When the {@link STEP_ROWS} oldest entries of all logs had begun; null when no entry may go. */
const OLDEST = `SELECT max(begin) AS begin FROM (SELECT begin FROM (${LOGS.map((table) => {
  const { column, condition } = BEGINS[table];
  return `SELECT * FROM (SELECT ${column} AS begin FROM ${table} WHERE ${condition} ORDER BY ${column} LIMIT ${STEP_ROWS})`;
}).join(' UNION ALL ')}) ORDER BY begin LIMIT ${STEP_ROWS})`;

/** Deletes what is too old or too much: one step, in one transaction. */
export function prune(db: DatabaseSync, { beforeMs, maxRows }: RetentionLimits): PruneStep {
  const step = { deleted: 0, isMore: false };
  db.exec('BEGIN IMMEDIATE');
  for (const table of LOGS) {
    const limits = [
      [OLD[table], { beforeMs }],
      [SURPLUS[table], { maxRows }],
    ] as const;
    for (const [condition, values] of limits) {
      const deleted = remove(db, table, condition, values);
      step.deleted += deleted;
      if (deleted === STEP_ROWS) step.isMore = true;
    }
  }
  db.exec('COMMIT');
  return step;
}

/** Deletes the oldest entries of all logs, whatever their age: one step, in one transaction. How many there were. */
export function deleteOldest(db: DatabaseSync): number {
  const begin = db.prepare(OLDEST).get()?.begin ?? null;
  if (begin === null) return 0;
  let deleted = 0;
  db.exec('BEGIN IMMEDIATE');
  for (const table of LOGS) {
    const { column, condition } = BEGINS[table];
    const oldest = `${column} <= :begin AND ${condition} ORDER BY ${column}`;
    deleted += remove(db, table, oldest, { begin: Number(begin) });
  }
  db.exec('COMMIT');
  return deleted;
}

function remove(
  db: DatabaseSync,
  table: (typeof LOGS)[number],
  condition: string,
  values: Record<string, number>,
): number {
  const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ${STEP_ROWS})`;
  return Number(db.prepare(sql).run(values).changes);
}
