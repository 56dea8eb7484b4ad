// The session of a channel: batch, positions, presence and states, as a program could write them down.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import type { BatchState } from '../../lib/session/batch-state.js';
import { isSessionId, newSessionId } from '../../lib/session/session-id.js';
import { type ChannelState, StreamSession } from '../../lib/session/stream-session.js';

const EVERYTHING = { from: 0, to: 1_000_000 };

function createSession(maxViewers = 100) {
  return new StreamSession({ channelId: 'c', viewerTimeoutMs: 30_000, maxViewers });
}

function createBatch(batch: Partial<BatchState> = {}): BatchState {
  return {
    batchNumber: 0,
    startSegment: 10,
    endSegment: 19,
    source: '/a.mp4',
    offset: { num: 1001, den: 30 },
    generationStarted: 1000,
    generationEnded: 2000,
    isComplete: true,
    ...batch,
  };
}

function at(session: StreamSession, sessionId: string, segmentNumber: number, nowMs = 0) {
  session.register(sessionId, nowMs);
  session.updateClientPosition({ sessionId, rendition: '720p', segmentNumber }, nowMs, EVERYTHING);
}

test('A1: a batch that was handed out or taken in shares nothing with the session', () => {
  const session = createSession();
  const offset = { num: 1, den: 3 };
  const batch = { ...createBatch(), offset };
  session.setCurrentBatch(batch);
  offset.num = 99;
  const taken = session.getCurrentBatch();
  assert.equal(taken, createBatch({ offset: { num: 1, den: 3 } }));
  Object.assign(taken ?? {}, { endSegment: 0 });
  assert.is(session.getCurrentBatch()?.endSegment, 19);
});

test('A2: positions are a map by session id, and copies', () => {
  const session = createSession();
  at(session, 'a', 12, 5);
  at(session, 'b', 14, 6);
  session.register('silent', 7);
  const positions = session.clientPositions();
  assert.equal([...positions.keys()], ['a', 'b']);
  assert.equal(positions.get('a'), {
    sessionId: 'a',
    segmentNumber: 12,
    rendition: '720p',
    lastUpdated: 5,
  });
  Object.assign(positions.get('b') ?? {}, { segmentNumber: 0 });
  assert.is(session.clientPosition('b')?.segmentNumber, 14);
  assert.is(session.clientPosition('silent'), null);
});

test('A3: a report updates or inserts, refreshes the time, and stays within what exists', () => {
  const session = createSession();
  session.register('a', 0);
  const existing = { from: 100, to: 109 };
  const report = (segmentNumber: number, nowMs: number) =>
    session.updateClientPosition(
      { sessionId: 'a', rendition: '480p', segmentNumber },
      nowMs,
      existing,
    );
  assert.equal(report(104, 1000), {
    sessionId: 'a',
    segmentNumber: 104,
    rendition: '480p',
    lastUpdated: 1000,
  });
  assert.is(report(5000, 2000).segmentNumber, 109);
  assert.is(report(-1, 3000).segmentNumber, 100);
  assert.is(session.clientPosition('a')?.lastUpdated, 3000);
  assert.is(session.clientPositions().size, 1);
});

test('A3: a report of an unknown session is refused, and registers nobody', () => {
  const session = createSession();
  try {
    session.updateClientPosition(
      { sessionId: 'ghost', rendition: '720p', segmentNumber: 1 },
      0,
      EVERYTHING,
    );
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof HeadendError && error.code, 'SESSION_NOT_FOUND');
  }
  assert.is(session.viewerCount, 0);
});

test('A4: the furthest is that of the viewers who are present, and 0 without any', () => {
  const session = createSession();
  assert.is(session.getFurthestPosition(), 0);
  at(session, 'a', 12);
  at(session, 'b', 40);
  assert.is(session.getFurthestPosition(), 40);
  session.unregister('b', 1);
  assert.is(session.getFurthestPosition(), 12);
  at(session, 'a', 7);
  assert.is(session.getFurthestPosition(), 7, 'who goes back is further back');
  session.unregister('a', 2);
  assert.is(session.getFurthestPosition(), 0);
});

test('A4: whatever viewers do, the furthest is the maximum of the positions', () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    segment: fc.nat(50),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const session = createSession();
      steps.forEach(({ id, segment, leaves }, nowMs) => {
        if (leaves) session.unregister(id, nowMs);
        else at(session, id, segment, nowMs);
        const numbers = Array.from(
          session.clientPositions().values(),
          ({ segmentNumber }) => segmentNumber,
        );
        assert.is(session.getFurthestPosition(), Math.max(0, ...numbers));
      });
    }),
  );
});

test('A4: a hundred thousand viewers who leave one after the other cost no look at all the others each', () => {
  const count = 100_000;
  const session = createSession(count);
  for (let n = 0; n < count; n++) at(session, `v${n}`, 1000 + (n % 3));
  for (let n = 0; n < count - 1; n++) {
    session.unregister(`v${n}`, 1);
    if (session.getFurthestPosition() < 1000) assert.unreachable('somebody is still there');
  }
  assert.is(session.getFurthestPosition(), 1000 + ((count - 1) % 3));
});

test('A5: the next batch is due when at most the threshold is left of a complete one', () => {
  const session = createSession();
  assert.is(session.shouldGenerateNextBatch(5), false, 'without a batch');
  session.setCurrentBatch(createBatch({ isComplete: false, generationEnded: null }));
  at(session, 'a', 25);
  assert.is(session.shouldGenerateNextBatch(5), false, 'while it is being made');
  session.setCurrentBatch(createBatch());
  const dueAt = (segment: number) => {
    at(session, 'a', segment);
    return session.shouldGenerateNextBatch(5);
  };
  assert.is(dueAt(13), false);
  assert.is(dueAt(14), true);
  assert.is(dueAt(25), true, 'also past its end');
});

test('A5: a segment that is needed anyway counts like a viewer who is there', () => {
  const session = createSession();
  session.setCurrentBatch(createBatch());
  assert.is(session.shouldGenerateNextBatch(5, 13), false);
  assert.is(session.shouldGenerateNextBatch(5, 14), true);
  at(session, 'a', 16);
  assert.is(session.shouldGenerateNextBatch(5, 3), true);
});

test('A6: no batch is no batch', () => {
  const session = createSession();
  assert.is(session.getCurrentBatch(), null);
  session.setCurrentBatch(createBatch());
  session.setCurrentBatch(null);
  assert.is(session.getCurrentBatch(), null);
  assert.is(session.segmentsBeyond(3), 0);
});

test('A7: who has not been heard of for the time-out is gone, with its position', () => {
  const session = createSession();
  at(session, 'far', 90, 0);
  at(session, 'near', 20, 1000);
  assert.is(session.nextExpiry, 30_000);
  session.register('far', 15_000);
  assert.equal(session.expire(30_999), []);
  assert.is(session.nextExpiry, 31_000);
  assert.equal(session.expire(31_000), ['near']);
  assert.equal(session.expire(45_000), ['far']);
  assert.is(session.viewerCount, 0);
  assert.is(session.getFurthestPosition(), 0, 'a ghost needs no segments');
  assert.is(session.nextExpiry, Infinity);
});

test('A7: at the instant that was named for the next to go it goes, whatever is lost in rounding', () => {
  const instants = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(instants, (seenAt) => {
      const session = createSession();
      session.register('a', seenAt);
      assert.equal(session.expire(session.nextExpiry), ['a']);
    }),
    { numRuns: 1000 },
  );
});

test('A7: coming and leaving are counted once', () => {
  const session = createSession();
  assert.is(session.register('a', 0), true);
  assert.is(session.register('a', 1), false);
  assert.is(session.viewerCount, 1);
  assert.is(session.unregister('a', 2), true);
  assert.is(session.unregister('a', 3), false);
  assert.is(session.viewerCount, 0);
  assert.is(session.lastAccess, 2, 'who was not there did not leave');
});

test('A7: viewers beyond the bound are not kept track of', () => {
  const session = createSession(2);
  for (const id of ['a', 'b', 'c']) session.register(id, 0);
  assert.equal(
    session.viewers().map(({ sessionId }) => sessionId),
    ['a', 'b'],
  );
});

test('A8: states follow each other as they must, and nothing else is possible', () => {
  const states: ChannelState[] = ['idle', 'starting', 'active', 'stopping', 'error'];
  const allowed = new Set([
    'idle starting',
    'starting active',
    'starting error',
    'starting stopping',
    'active error',
    'active stopping',
    'error active',
    'error stopping',
    'stopping idle',
  ]);
  const ways: Record<ChannelState, ChannelState[]> = {
    idle: [],
    starting: ['starting'],
    active: ['starting', 'active'],
    error: ['starting', 'error'],
    stopping: ['starting', 'stopping'],
  };
  for (const from of states) {
    for (const to of states) {
      const session = createSession();
      for (const state of ways[from]) session.transition(state);
      assert.is(session.state, from);
      if (allowed.has(`${from} ${to}`)) {
        session.transition(to);
        assert.is(session.state, to);
      } else {
        assert.throws(() => session.transition(to), new RegExp(`cannot go from ${from} to ${to}`));
        assert.is(session.state, from);
      }
    }
  }
});

test('session ids are long, different and fit into URLs', () => {
  const ids = new Set(Array.from({ length: 1000 }, newSessionId));
  assert.is(ids.size, 1000);
  for (const id of ids) assert.ok(id.length >= 20 && isSessionId(id));
  for (const id of ['', '(anonymous)', 'a b', 'a/b', 'ä', 'x'.repeat(65)]) {
    assert.not.ok(isSessionId(id), id);
  }
});

test.run();
