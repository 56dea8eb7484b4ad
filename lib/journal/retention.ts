// Keeps the journal bounded: deletes what is too old or too much, in steps so small that commits do not wait for them.

import type { DatabaseSync } from 'node:sqlite';

/** What is deleted. */
export interface RetentionLimits {
  /** Entries that were over before this instant. */
  readonly beforeMs: number;
  /** The oldest entries beyond so many of a log. */
  readonly maxRows: number;
}

/** Rows deleted of each log in one step. */
const STEP_ROWS = 500;

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

/** One step, in one transaction. Whether another step would find more. */
export function prune(db: DatabaseSync, { beforeMs, maxRows }: RetentionLimits): boolean {
  let isMore = false;
  db.exec('BEGIN IMMEDIATE');
  for (const table of ['batches', 'aired', 'faults', 'sessions'] as const) {
    const remove = (condition: string, limits: Record<string, number>) => {
      const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ${STEP_ROWS})`;
      if (Number(db.prepare(sql).run(limits).changes) === STEP_ROWS) isMore = true;
    };
    remove(OLD[table], { beforeMs });
    remove(SURPLUS[table], { maxRows });
  }
  db.exec('COMMIT');
  return isMore;
}
