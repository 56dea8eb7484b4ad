// Reads the journal's logs.

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { isErrorCode } from '../errors.js';
import type { AiredEntry, BatchEntry, FaultEntry, HistoryQuery, SessionEntry } from './history.js';
import type { SessionEnd } from './operations.js';

type Row = Record<string, SQLOutputValue>;

interface Log {
  readonly from: string;
  readonly columns: string;
  readonly channel: string;
  /** When an entry begins; there is an index on it, alone and after the channel. */
  readonly begin: string;
  readonly end: string;
}

const LOGS = {
  aired: {
    from: 'aired',
    columns: '*',
    channel: 'channel_id',
    begin: 'starts_at_ms',
    end: 'ends_at_ms',
  },
  batches: {
    from: 'batches',
    columns: '*',
    channel: 'channel_id',
    begin: 'started_at_ms',
    end: 'ended_at_ms',
  },
  faults: { from: 'faults', columns: '*', channel: 'channel_id', begin: 'at_ms', end: 'at_ms' },
  sessions: {
    from: 'sessions s LEFT JOIN positions p ON p.session = s.id',
    columns:
      's.*, coalesce(p.seen_at_ms, s.opened_at_ms) AS seen_at_ms, p.rendition, p.segment_number',
    channel: 's.channel_id',
    begin: 's.opened_at_ms',
    end: 'coalesce(s.closed_at_ms, p.seen_at_ms, s.opened_at_ms)',
  },
} as const satisfies Record<string, Log>;

/** Answers queries on one connection. */
export class HistoryReader {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  aired(query: HistoryQuery): AiredEntry[] {
    return this.#rows(LOGS.aired, query).map((row) => ({
      channelId: String(row.channel_id),
      title: String(row.title),
      source: String(row.source),
      startsAtMs: Number(row.starts_at_ms),
      endsAtMs: Number(row.ends_at_ms),
    }));
  }

  batches(query: HistoryQuery): BatchEntry[] {
    return this.#rows(LOGS.batches, query).map((row) => ({
      channelId: String(row.channel_id),
      batchNumber: Number(row.batch_number),
      startSegment: Number(row.start_segment),
      endSegment: Number(row.end_segment),
      startedAtMs: Number(row.started_at_ms),
      endedAtMs: Number(row.ended_at_ms),
      error: text(row.error),
    }));
  }

  faults(query: HistoryQuery): FaultEntry[] {
    return this.#rows(LOGS.faults, query).map((row) => {
      const code = String(row.code);
      const airsAtMs = number(row.airs_at_ms);
      return {
        atMs: Number(row.at_ms),
        fault: {
          code: isErrorCode(code) ? code : 'INTERNAL_ERROR',
          channelId: String(row.channel_id),
          stage: String(row.stage),
          message: String(row.message),
          averror: Number(row.averror),
          source: String(row.source),
          airsAt: airsAtMs === null ? null : new Date(airsAtMs),
        },
      };
    });
  }

  sessions(query: HistoryQuery): SessionEntry[] {
    return this.#rows(LOGS.sessions, query).map((row) => ({
      channelId: String(row.channel_id),
      sessionId: String(row.session_id),
      openedAtMs: Number(row.opened_at_ms),
      seenAtMs: Number(row.seen_at_ms),
      closedAtMs: number(row.closed_at_ms),
      reason: sessionEnd(row.reason),
      rendition: text(row.rendition),
      segmentNumber: number(row.segment_number),
    }));
  }

  #rows(log: Log, { channelId, fromMs, toMs, limit = 100, first = 'newest' }: HistoryQuery): Row[] {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const require = (condition: string, value: string | number | undefined) => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    require(`${log.channel} = ?`, channelId);
    require(`${log.end} >= ?`, fromMs);
    require(`${log.begin} < ?`, toMs);
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const order = first === 'newest' ? 'DESC' : 'ASC';
    const sql = `SELECT ${log.columns} FROM ${log.from} ${where} ORDER BY ${log.begin} ${order} LIMIT ?`;
    return this.#db.prepare(sql).all(...values, limit);
  }
}

function text(value: SQLOutputValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function number(value: SQLOutputValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function sessionEnd(value: SQLOutputValue | undefined): SessionEnd | null {
  return value === 'left' || value === 'timeout' || value === 'removed' ? value : null;
}
