// Reports of viewers on their way to the journal: in order, of a viewer's positions only the last, and none lost.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openJournal } from '../../lib/journal/open-journal.js';
import { type SessionOperation, SessionReports } from '../../lib/journal/session-reports.js';
import { FakeClock, settle } from '../stream/fake-clock.js';

const NEWS = { channelId: 'news', atMs: 0 } as const;

const opened = (sessionId: string): SessionOperation => ({
  ...{ type: 'session-opened', sessionId },
  ...NEWS,
});
const closed = (sessionId: string): SessionOperation => ({
  ...{ type: 'session-closed', sessionId, reason: 'left' },
  ...NEWS,
});
const position = (sessionId: string, segmentNumber: number): SessionOperation => ({
  ...{ type: 'position', sessionId, rendition: '720p', segmentNumber },
  ...NEWS,
});

function setUp(maxSize = 100) {
  const clock = new FakeClock(0);
  const written: SessionOperation[] = [];
  const disk: { error: Error | null } = { error: null };
  const reports = new SessionReports({
    write: async (operation) => {
      if (disk.error) throw disk.error;
      written.push(operation);
    },
    maxSize,
    maxLatencyMs: 100,
    clock,
  });
  return { clock, written, reports, disk };
}

test('of the positions of a viewer in one window the last is written, and settles those before it', async () => {
  const { clock, written, reports } = setUp();
  const settled: string[] = [];
  const add = (name: string, operation: SessionOperation) =>
    void reports.add(operation).then(() => settled.push(name));
  add('anna opens', opened('anna'));
  for (let n = 0; n < 6; n++) add(`anna ${n}`, position('anna', n));
  add('ben', position('ben', 7));
  await clock.advance(99);
  assert.equal([written, settled], [[], []]);
  assert.is(reports.waiting, 8);
  await clock.advance(1);
  assert.equal(written, [opened('anna'), position('anna', 5), position('ben', 7)]);
  assert.is(settled.length, 8);
  assert.is(reports.waiting, 0);
  assert.is(clock.pending, 0);
});

test('who comes back is somebody else: positions before and after stay apart', async () => {
  const { written, reports } = setUp();
  const all = [opened('anna'), position('anna', 1), closed('anna'), opened('anna')];
  for (const operation of all) void reports.add(operation);
  void reports.add(position('anna', 2));
  await reports.flush();
  assert.equal(written, [...all, position('anna', 2)]);
});

test('a write that fails is told to everybody whose report was in it', async () => {
  const { reports, disk } = setUp();
  const outcomes = [1, 2].map((n) =>
    reports.add(position('anna', n)).catch((error: unknown) => String(error)),
  );
  disk.error = new Error('full');
  await reports.flush();
  assert.equal(await Promise.all(outcomes), ['Error: full', 'Error: full']);
});

test('whatever comes, whenever it is flushed: what is written leads to the same state', async () => {
  const session = fc.constantFrom('anna', 'ben');
  const step = fc.oneof(
    session.map(opened),
    session.map(closed),
    fc.tuple(session, fc.nat(9)).map(([id, n]) => position(id, n)),
    fc.constantFrom('flush' as const, 'wait' as const),
  );
  // What the journal ends with: for each session whether it is open, and the positions at which it closed and is.
  const state = (operations: readonly SessionOperation[]) => {
    const now = new Map<string, string>();
    for (const operation of operations) {
      const { sessionId } = operation;
      const before = now.get(sessionId) ?? '';
      if (operation.type !== 'position') now.set(sessionId, `${before} ${operation.type}`);
      else now.set(sessionId, `${before.replace(/ @\d+$/, '')} @${operation.segmentNumber}`);
    }
    return [...now].sort();
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      async (steps, maxSize) => {
        const { clock, written, reports } = setUp(maxSize);
        const given: SessionOperation[] = [];
        const settled: Promise<void>[] = [];
        for (const each of steps) {
          if (each === 'flush') void reports.flush();
          else if (each === 'wait') await clock.advance(100);
          else {
            given.push(each);
            settled.push(reports.add(each));
          }
        }
        await reports.flush();
        await Promise.all(settled);
        assert.equal(state(written), state(given));
        assert.ok(written.length <= given.length);
        assert.is(clock.pending, 0);
      },
    ),
    { numRuns: 100 },
  );
});

test('the journal keeps them in order, flushed at any time, and what was acknowledged is there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-reports-'));
  const file = join(folder, 'journal.db');
  const clock = new FakeClock(0);
  const journal = await openJournal({ file, clock });
  const acknowledged: Promise<void>[] = [];
  for (let n = 0; n < 2500; n++) {
    const id = `viewer-${n % 10}`;
    if (n < 10) acknowledged.push(journal.record(opened(id)));
    acknowledged.push(journal.record(position(id, n)));
    if (n % 700 === 0) void journal.flush();
  }
  void journal.record(closed('viewer-0'));
  await settle();
  const flushed = journal.flush();
  void journal.record(position('viewer-1', 9999));
  await flushed;
  await Promise.all(acknowledged);
  const byId = new Map((await journal.sessions()).map((entry) => [entry.sessionId, entry]));
  assert.is(byId.size, 10);
  for (let n = 1; n < 10; n++) {
    const entry = byId.get(`viewer-${n}`);
    assert.ok([2490 + n, 9999].includes(entry?.segmentNumber ?? 0));
    assert.is(entry?.closedAtMs, null);
  }
  assert.is(byId.get('viewer-0')?.segmentNumber, 2490);
  assert.is(byId.get('viewer-0')?.reason, 'left');
  await journal.close();
  assert.is(journal.status.queued, 0);
  await rm(folder, { recursive: true });
});

test.run();
