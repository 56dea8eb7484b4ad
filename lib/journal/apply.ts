// Turns operations into rows: one prepared statement or two for each kind.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type {
  BatchEnded,
  EncodingChanged,
  FaultRaised,
  JournalOperation,
  PositionReported,
  ProgrammeAired,
  SessionClosed,
} from './operations.js';

const SQL = {
  saveChannel: `
    INSERT INTO channels (channel_id, definition, saved_at_ms) VALUES (?, ?, ?)
    ON CONFLICT (channel_id) DO UPDATE SET definition = excluded.definition, saved_at_ms = excluded.saved_at_ms`,
  deleteChannel: 'DELETE FROM channels WHERE channel_id = ?',
  openSession: `
    INSERT INTO sessions (channel_id, session_id, opened_at_ms) VALUES (?, ?, ?)
    ON CONFLICT (channel_id, session_id) WHERE closed_at_ms IS NULL DO NOTHING`,
  findSession:
    'SELECT id FROM sessions WHERE channel_id = ? AND session_id = ? AND closed_at_ms IS NULL',
  closeSession: `
    UPDATE sessions SET closed_at_ms = ?, reason = ?
    WHERE channel_id = ? AND session_id = ? AND closed_at_ms IS NULL`,
  position: `
    INSERT INTO positions (session, rendition, segment_number, seen_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (session) DO UPDATE SET
      rendition = excluded.rendition, segment_number = excluded.segment_number, seen_at_ms = excluded.seen_at_ms`,
  batch: `
    INSERT INTO batches (channel_id, batch_number, start_segment, end_segment, started_at_ms, ended_at_ms, error)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  aired: `
    INSERT INTO aired (channel_id, title, source, starts_at_ms, ends_at_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (channel_id, starts_at_ms) DO UPDATE SET
      title = excluded.title, source = excluded.source, ends_at_ms = excluded.ends_at_ms`,
  encoding: `
    INSERT INTO encodings (channel_id, changes, encoder, changed_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (channel_id) DO UPDATE SET
      changes = excluded.changes, encoder = excluded.encoder, changed_at_ms = excluded.changed_at_ms`,
  fault: `
    INSERT INTO faults (channel_id, at_ms, code, stage, message, averror, source, airs_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
} as const;

/** Row numbers of open sessions that are kept at hand, so that a position is one statement. */
const MAX_KNOWN_SESSIONS = 100_000;

/** An operation as it comes out of its JSON, in which a fault's instant is text. */
export type StoredOperation =
  | Exclude<JournalOperation, FaultRaised>
  | (Omit<FaultRaised, 'fault'> & {
      fault: Omit<FaultRaised['fault'], 'airsAt'> & { airsAt: string | null };
    });

type StoredFault = Extract<StoredOperation, { type: 'fault' }>;

/** Applies operations within the caller's transaction. */
export class OperationWriter {
  readonly #statements: { readonly [Name in keyof typeof SQL]: StatementSync };
  readonly #sessions = new Map<string, number>();

  constructor(db: DatabaseSync) {
    this.#statements = {
      saveChannel: db.prepare(SQL.saveChannel),
      deleteChannel: db.prepare(SQL.deleteChannel),
      openSession: db.prepare(SQL.openSession),
      findSession: db.prepare(SQL.findSession),
      closeSession: db.prepare(SQL.closeSession),
      position: db.prepare(SQL.position),
      batch: db.prepare(SQL.batch),
      aired: db.prepare(SQL.aired),
      encoding: db.prepare(SQL.encoding),
      fault: db.prepare(SQL.fault),
    };
  }

  apply(operation: StoredOperation): void {
    const { saveChannel, deleteChannel, openSession } = this.#statements;
    switch (operation.type) {
      case 'position':
        this.#position(operation);
        break;
      case 'session-opened':
        openSession.run(operation.channelId, operation.sessionId, operation.atMs);
        break;
      case 'session-closed':
        this.#closeSession(operation);
        break;
      case 'channel-saved':
        saveChannel.run(operation.channelId, operation.definition, operation.atMs);
        break;
      case 'channel-deleted':
        deleteChannel.run(operation.channelId);
        break;
      case 'batch':
        this.#batch(operation);
        break;
      case 'aired':
        this.#aired(operation);
        break;
      case 'encoding':
        this.#encoding(operation);
        break;
      case 'fault':
        this.#fault(operation);
        break;
    }
  }

  /** To be called when rows of sessions were deleted. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  #position(operation: PositionReported): void {
    const { channelId, sessionId, rendition, segmentNumber, atMs } = operation;
    const session = this.#sessionRow(channelId, sessionId, atMs);
    this.#statements.position.run(session, rendition, segmentNumber, atMs);
  }

  #closeSession({ channelId, sessionId, atMs, reason }: SessionClosed): void {
    this.#sessions.delete(keyOf(channelId, sessionId));
    this.#statements.closeSession.run(atMs, reason, channelId, sessionId);
  }

  #batch(operation: BatchEnded): void {
    const { channelId, batchNumber, startSegment, endSegment, startedAtMs, endedAtMs } = operation;
    this.#statements.batch.run(
      ...[channelId, batchNumber, startSegment, endSegment, startedAtMs, endedAtMs],
      operation.error,
    );
  }

  #aired({ channelId, title, source, startsAtMs, endsAtMs }: ProgrammeAired): void {
    this.#statements.aired.run(channelId, title, source, startsAtMs, endsAtMs);
  }

  #encoding({ channelId, changes, encoder, atMs }: EncodingChanged): void {
    this.#statements.encoding.run(channelId, changes, encoder, atMs);
  }

  #fault({ atMs, fault }: StoredFault): void {
    const { channelId, code, stage, message, averror, source } = fault;
    const airsAtMs = fault.airsAt === null ? null : Date.parse(fault.airsAt);
    this.#statements.fault.run(
      ...[channelId, atMs, code, stage, message, averror, source],
      airsAtMs,
    );
  }

  /** The row of an open session. One that the file does not know, because an older file was lost, is opened. */
  #sessionRow(channelId: string, sessionId: string, atMs: number): number {
    const key = keyOf(channelId, sessionId);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const { openSession, findSession } = this.#statements;
    const row = findSession.get(channelId, sessionId) ?? {
      id: openSession.run(channelId, sessionId, atMs).lastInsertRowid,
    };
    const id = Number(row.id);
    if (this.#sessions.size >= MAX_KNOWN_SESSIONS) this.#sessions.clear();
    this.#sessions.set(key, id);
    return id;
  }
}

function keyOf(channelId: string, sessionId: string): string {
  return `${channelId}\n${sessionId}`;
}
