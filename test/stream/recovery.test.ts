// What a channel does after failures: every pause, the breaker, and what is told of the failure. C8.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ErrorCode, HeadendError } from '../../lib/errors.js';
import { type FailureClass, Recovery } from '../../lib/stream/recovery.js';
import { createStreams } from './streams.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const SEGMENT_MS = 100;

/** The pause that follows a failure. */
function pauseAfter(recovery: Recovery, nowMs: number): number {
  recovery.failed('encoder', nowMs);
  return recovery.retryAt - nowMs;
}

test('C8: pauses are 1, 2, 4 and then 8 s while restarts help for less than a minute', () => {
  const recovery = new Recovery();
  // Too far apart for the breaker: of any three, two lie within a minute.
  const pauses = [0, 1, 2, 3, 4, 5].map((n) => {
    const pause = pauseAfter(recovery, n * 35 * SECOND);
    assert.is(recovery.isOpen, false);
    recovery.succeeded();
    return pause;
  });
  assert.equal(pauses, [1000, 2000, 4000, 8000, 8000, 8000]);
});

test('C8: pauses begin with 1 s again after a minute without a failure, and after the breaker has closed', () => {
  const recovery = new Recovery();
  assert.is(pauseAfter(recovery, 0), 1000);
  recovery.succeeded();
  assert.is(pauseAfter(recovery, MINUTE - 1), 2000);
  recovery.succeeded();
  assert.is(pauseAfter(recovery, 2 * MINUTE - 1), 1000);
  recovery.succeeded();
  assert.is(pauseAfter(recovery, 2 * MINUTE), 2000);
  recovery.succeeded();
  assert.is(pauseAfter(recovery, 2 * MINUTE + 1), 30_000, 'the breaker has opened');
  recovery.succeeded();
  assert.is(pauseAfter(recovery, 2 * MINUTE + 2), 1000);
});

test('C8: three restarts in a row, however slowly they fail, and then the breaker', () => {
  const recovery = new Recovery();
  const slowly = [0, 2, 4, 6].map((minute) => pauseAfter(recovery, minute * MINUTE));
  assert.equal(slowly, [1000, 2000, 4000, 30_000]);
  assert.is(recovery.isOpen, true);
  recovery.succeeded();
  assert.is(recovery.isOpen, false);
});

test('C8: the third failure within a minute opens the breaker, the third in a whole minute does not', () => {
  for (const [third, isOpen] of [
    [MINUTE - 1, true],
    [MINUTE, false],
  ] as const) {
    const recovery = new Recovery();
    for (const nowMs of [0, 30 * SECOND]) {
      recovery.failed('source', nowMs);
      recovery.succeeded();
    }
    recovery.failed('source', third);
    assert.is(recovery.isOpen, isOpen, `at ${third} ms`);
  }
});

test('C8: a channel that fails now and then waits each of the pauses, and every viewer and segment is there after it', async () => {
  const { clock, engine, add, states, streams } = createStreams({ segmentMs: SEGMENT_MS });
  const tries: { readonly sequence: number; readonly at: number; readonly fails: boolean }[] = [];
  let isDue = false;
  engine.fails = (sequence) => {
    tries.push({ sequence, at: clock.monotonic(), fails: isDue });
    const fails = isDue;
    isDue = false;
    return fails;
  };
  const stream = add('c', { batch: { segments: 2, threshold: 1 } });
  for (let second = 0; second < 200; second += 4) {
    // The next segment is made within 8 s: no three failures lie within a minute, and no two further apart.
    if (second % 40 === 0) isDue = true;
    await stream.register('a');
    await clock.advance(4 * SECOND);
  }
  const pauses = tries.flatMap(({ fails, at, sequence }, index) => {
    const next = tries[index + 1];
    if (!fails || !next) return [];
    assert.is(next.sequence, sequence, 'it goes on with the segment that failed');
    return [next.at - SEGMENT_MS - at];
  });
  assert.equal(pauses, [1000, 2000, 4000, 8000, 8000]);
  const made = tries.filter(({ fails }) => !fails).map(({ sequence }) => sequence);
  assert.equal(
    made,
    Array.from(made, (_, n) => (made[0] ?? 0) + n),
    'each segment once, in order',
  );
  assert.equal(states.slice(0, 5), ['starting', 'error', 'active', 'error', 'active']);
  assert.is(stream.viewerCount, 1);
  assert.is(stream.production?.failure, null);
  await streams.shutdown();
});

const CLASSES: readonly (readonly [Error, FailureClass])[] = [
  ...(
    [
      ['SOURCE_NOT_FOUND', 'source'],
      ['SOURCE_DENIED', 'source'],
      ['SOURCE_INVALID', 'source'],
      ['SOURCE_TIMEOUT', 'source'],
      ['DECODE_FAILED', 'source'],
      ['ENCODE_FAILED', 'encoder'],
      ['ENGINE_FAILED', 'engine'],
      ['SCHEDULE_ENDED', 'schedule'],
    ] as const satisfies readonly (readonly [ErrorCode, FailureClass])[]
  ).map(([code, failure]) => [new HeadendError(code, 'engine', code), failure] as const),
  [new TypeError('a mistake'), 'engine'],
];

test('C8: what failed is told with the channel until it works again; where nothing is to air no restart helps', async () => {
  for (const [error, failure] of CLASSES) {
    const { clock, engine, add, faults, streams } = createStreams({ segmentMs: SEGMENT_MS });
    const name = error instanceof HeadendError ? error.code : error.name;
    engine.fails = () => true;
    engine.failure = error;
    const stream = add('c');
    await stream.register('a');
    assert.is(stream.production?.failure, null);
    await clock.advance(SEGMENT_MS);
    engine.fails = () => false;
    assert.is(stream.state, 'error', name);
    assert.is(stream.production?.failure, failure, name);
    assert.is(stream.production?.failures, 1);
    assert.is(stream.production?.isSuspended, failure === 'schedule', name);
    assert.is(faults[0]?.message, error.message);
    const pause = failure === 'schedule' ? 30 * SECOND : SECOND;
    for (let ms = 0; ms < pause - SECOND; ms += SECOND) {
      await stream.register('a');
      await clock.advance(SECOND);
    }
    await clock.advance(SECOND - 1);
    assert.is(engine.batches.length, 1, `${name}: too early for another attempt`);
    await clock.advance(1 + SEGMENT_MS);
    assert.is(stream.state, 'active', name);
    assert.is(stream.production?.failure, null, name);
    assert.is(stream.production?.failures, 0);
    await streams.shutdown();
  }
});

test.run();
