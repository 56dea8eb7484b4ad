// The BatchProcessor on the fake clock, over a store that takes time, fails when told to, and keeps what it was given.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { delay } from '../../lib/clock.js';
import { HeadendError } from '../../lib/errors.js';
import { BatchProcessor, type BatchProcessorOptions } from '../../lib/flow/batch-processor.js';
import { BatchSize } from '../../lib/flow/batch-size.js';
import { FakeClock, settle } from '../stream/fake-clock.js';

interface Commit {
  readonly at: number;
  readonly operations: readonly number[];
}

/** A store in memory whose commits take `latencyMs`. */
class Store {
  readonly #clock: FakeClock;
  readonly commits: Commit[] = [];
  readonly attempts: Commit[] = [];
  latencyMs = 0;
  /** How many of the next commits fail. */
  failing = 0;
  #isBusy = false;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get contents(): number[] {
    return this.commits.flatMap(({ operations }) => operations);
  }

  async commit(operations: readonly number[]): Promise<void> {
    if (this.#isBusy) throw new Error('two commits at a time');
    this.#isBusy = true;
    this.attempts.push({ at: this.#clock.now(), operations });
    if (this.latencyMs > 0) await delay(this.#clock, this.latencyMs);
    this.#isBusy = false;
    if (this.failing > 0) {
      this.failing--;
      throw new Error('disk full');
    }
    this.commits.push({ at: this.#clock.now(), operations });
  }
}

function setUp(options: Partial<BatchProcessorOptions<number>> = {}) {
  const clock = new FakeClock(0);
  const store = new Store(clock);
  const commit = (batch: readonly number[]) => store.commit(batch);
  return { clock, store, processor: new BatchProcessor<number>({ commit, clock, ...options }) };
}

function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof HeadendError ? error.code : String(error)),
  );
}

test('G7 operations are committed every 100 ms by default, and an idle processor has no timer', async () => {
  const { clock, store, processor } = setUp();
  await processor.start();
  assert.is(clock.pending, 0);
  for (let ms = 0; ms < 300; ms += 20) {
    void processor.add(ms);
    await clock.advance(20);
  }
  await clock.advance(100);
  assert.equal(
    store.commits.map(({ at, operations }) => [at, operations.length]),
    [
      [100, 5],
      [200, 5],
      [300, 5],
    ],
  );
  assert.is(clock.pending, 0);
});

test('G7 the interval is an option', async () => {
  const { clock, store, processor } = setUp({ intervalMs: 7 });
  await processor.start();
  void processor.add(1);
  await clock.advance(6);
  assert.is(store.commits.length, 0);
  await clock.advance(1);
  assert.equal(store.contents, [1]);
});

test('G7 what came during a commit is due an interval after it came, not after the commit', async () => {
  const { clock, store, processor } = setUp();
  await processor.start();
  store.latencyMs = 80;
  void processor.add(1);
  await clock.advance(110);
  void processor.add(2);
  await clock.advance(500);
  assert.equal(
    store.attempts.map(({ at }) => at),
    [100, 210],
  );
});

test('G8 flushNow resolves when everything added is committed, without the timer', async () => {
  const { clock, store, processor } = setUp({ maxBatchOperations: 2, minBatchOperations: 2 });
  await processor.start();
  store.latencyMs = 10;
  const added = [1, 2, 3, 4, 5].map((operation) => processor.add(operation));
  let done = false;
  const flush = processor.flushNow().then(() => {
    done = true;
  });
  await clock.advance(29);
  assert.is(done, false);
  await clock.advance(1);
  assert.is(done, true);
  await Promise.all([flush, ...added]);
  assert.equal(store.contents, [1, 2, 3, 4, 5]);
  await processor.flushNow();
});

test('G8 flushNow rejects with the error of the commit, and the operations are kept', async () => {
  const { clock, store, processor } = setUp();
  await processor.start();
  const added = processor.add(1);
  store.failing = 1;
  assert.is(await outcome(processor.flushNow()), 'Error: disk full');
  assert.is(processor.queued, 1);
  assert.is(await outcome(processor.flushNow()), 'done', 'does not wait for the backoff');
  await added;
  assert.equal(store.contents, [1]);
  assert.is(clock.pending, 0);
});

test('G9 shutdown commits what is queued and what is pending before it resolves; later adds are refused', async () => {
  const { clock, store, processor } = setUp({ maxBatchOperations: 4, maxQueuedOperations: 6 });
  await processor.start();
  store.latencyMs = 10;
  const added = numbers(11).map((operation) => processor.add(operation));
  await clock.advance(5);
  assert.is(store.commits.length, 0, 'one commit is in flight, five wait for room');
  const shutdown = processor.shutdown();
  assert.is(processor.shutdown(), shutdown, 'idempotent');
  assert.is(await outcome(processor.add(99)), 'CLOSED');
  await clock.advance(100);
  await shutdown;
  assert.equal(store.contents, numbers(11));
  await Promise.all(added);
  assert.is(clock.pending, 0);
  assert.is(await outcome(processor.start()), 'CLOSED');
});

test('G9 a shutdown that cannot commit tries three times and tells everybody who waits', async () => {
  const { clock, store, processor } = setUp();
  await processor.start();
  const added = outcome(processor.add(1));
  store.failing = 100;
  const shutdown = outcome(processor.shutdown());
  await clock.advance(60_000);
  assert.is(await shutdown, 'Error: disk full');
  assert.is(await added, 'Error: disk full');
  assert.is(store.attempts.length, 3);
  assert.is(clock.pending, 0);
});

test('G9 operations of a processor that was never started are committed by its shutdown', async () => {
  const { store, processor } = setUp();
  const added = [processor.add(1), processor.add(2)];
  await processor.shutdown();
  await Promise.all(added);
  assert.equal(store.contents, [1, 2]);
});

test('G10 operations added before start are kept in order; a second start is refused', async () => {
  const { clock, store, processor } = setUp();
  void processor.add(1);
  void processor.add(2);
  await clock.advance(1000);
  assert.is(store.attempts.length, 0);
  await processor.start();
  void processor.add(3);
  assert.is(await outcome(processor.start()), 'ALREADY_STARTED');
  await clock.advance(100);
  assert.equal(store.contents, [1, 2, 3]);
});

test('G11 a batch has at most 1000 operations, and 10 000 wait at most', async () => {
  const { clock, store, processor } = setUp();
  const added = numbers(12_000).map((operation) => processor.add(operation));
  assert.is(processor.queued, 10_000);
  assert.ok(processor.full);
  store.latencyMs = 5;
  await processor.start();
  assert.is(store.attempts[0]?.operations.length, 1000);
  await clock.advance(5);
  assert.is(processor.queued, 10_000, 'those who waited for room came in');
  await clock.advance(1000);
  await Promise.all(added);
  assert.equal(store.contents, numbers(12_000));
  assert.ok(store.commits.every(({ operations }) => operations.length <= 1000));
});

test('G11 a batch has at most 1 MiB, and a larger operation goes alone', async () => {
  const sizes = [600_000, 400_000, 100_000, 2_000_000, 1, 2];
  const { clock, store, processor } = setUp({ sizeOf: (index) => sizes[index] ?? 0 });
  for (const index of sizes.keys()) void processor.add(index);
  await processor.start();
  await clock.advance(100);
  assert.equal(
    store.commits.map(({ operations }) => operations),
    [[0, 1], [2], [3], [4, 5]],
  );
  void processor.add(0);
  void processor.add(0);
  await settle();
  assert.equal(store.commits[4]?.operations, [0], 'a full batch does not wait for the timer');
});

test('G11 limits are options, and wrong ones are refused', () => {
  const commit = async () => {};
  const invalid: [object, RegExp][] = [
    [{ intervalMs: 0 }, /intervalMs must be >= 1, got 0/],
    [{ maxBatchOperations: 0 }, /maxBatchOperations/],
    [{ maxQueuedOperations: -1 }, /maxQueuedOperations/],
    [{ maxBatchBytes: 0.5 }, /maxBatchBytes/],
    [
      { minBatchOperations: 20, maxBatchOperations: 10 },
      /minBatchOperations must not be above maxBatchOperations \(10\), got 20/,
    ],
    [{ commit: 5 }, /commit must be a function/],
    [{ size: 5 }, /unknown options: size/],
  ];
  for (const [options, message] of invalid) {
    assert.throws(
      () => new BatchProcessor({ commit, ...options }),
      (error: unknown) =>
        error instanceof HeadendError &&
        error.code === 'INVALID_OPTIONS' &&
        message.test(error.message),
      String(message),
    );
  }
});

test('G12 the control law: size = rate * latency / 0.25, between its bounds', () => {
  const size = new BatchSize({ min: 16, max: 1000 });
  // After so many measurements the averages are at the measured value, but for the last bits.
  const measure = (take: () => void, expected: number) => {
    for (let n = 0; n < 100; n++) take();
    assert.ok(Math.abs(size.current - expected) <= 1, `${size.current}, not ${expected}`);
  };
  assert.is(size.current, 16);
  measure(() => size.measureLoad(500, 100), 16);
  measure(() => size.measureCommit(8), 160);
  measure(() => size.measureCommit(2), 40);
  measure(() => size.measureLoad(4000, 100), 320);
  measure(() => size.measureCommit(500), 1000);
  measure(() => size.measureLoad(0, 100), 16);
});

/** Adds `perMs` operations each millisecond and gives the sizes of the batches of the last half. */
async function underLoad(latencyMs: number, perMs: number, ms = 2000) {
  const { clock, store, processor } = setUp();
  await processor.start();
  store.latencyMs = latencyMs;
  for (let now = 0; now < ms; now++) {
    for (let n = 0; n < perMs; n++) void processor.add(n);
    await clock.advance(1);
  }
  const late = store.attempts
    .filter(({ at }) => at >= ms / 2)
    .map(({ operations }) => operations.length);
  const mean = late.reduce((sum, length) => sum + length, 0) / late.length;
  return { mean, max: Math.max(...late), commits: late.length, size: processor.batchSize };
}

test('G12 batches visibly follow the measured latency of commits and the load, within bounds', async () => {
  const base = await underLoad(4, 3);
  assert.ok(Math.abs(base.mean - 48) <= 4, `3/ms * 4 ms / 0.25 = 48, got ${base.mean}`);
  const slower = await underLoad(16, 3);
  assert.ok(Math.abs(slower.mean - 192) <= 16, `3/ms * 16 ms / 0.25 = 192, got ${slower.mean}`);
  const busier = await underLoad(4, 12);
  assert.ok(Math.abs(busier.mean - 192) <= 16, `12/ms * 4 ms / 0.25 = 192, got ${busier.mean}`);
  const most = await underLoad(60, 12);
  assert.is(most.max, 1000);
  assert.is(most.size, 1000);
  // The commits of a second take a quarter of it.
  assert.ok(Math.abs(base.commits * 4 - 250) <= 25, `${base.commits} commits of 4 ms in 1000 ms`);
});

test('G12 the size falls again when the load has gone', async () => {
  const { clock, store, processor } = setUp();
  await processor.start();
  store.latencyMs = 20;
  for (let ms = 0; ms < 500; ms++) {
    for (let n = 0; n < 10; n++) void processor.add(n);
    await clock.advance(1);
  }
  const high = processor.batchSize;
  for (let ms = 0; ms < 4000; ms += 100) {
    void processor.add(0);
    await clock.advance(100);
  }
  assert.ok(high > 500, `${high} under load`);
  assert.is(processor.batchSize, 16);
});

test('G13 a failed commit keeps its batch and comes again with backoff; the processor lives', async () => {
  const failures: string[] = [];
  const { clock, store, processor } = setUp({
    onCommitFailed: (error, { batchNumber, attempt }) =>
      failures.push(`${batchNumber}/${attempt} ${error}`),
  });
  await processor.start();
  store.failing = 6;
  void processor.add(1);
  void processor.add(2);
  await clock.advance(150);
  void processor.add(3);
  await clock.advance(60_000);
  assert.equal(
    store.attempts.map(({ at }) => at),
    [100, 600, 1600, 3600, 7600, 15_600, 23_600, 23_600],
  );
  assert.equal(
    store.attempts.map(({ operations }) => operations),
    [...Array.from({ length: 7 }, () => [1, 2]), [3]],
  );
  assert.equal(store.contents, [1, 2, 3]);
  assert.equal(
    failures,
    [1, 2, 3, 4, 5, 6].map((attempt) => `1/${attempt} Error: disk full`),
  );
  assert.is(processor.failures, 0);
  void processor.add(4);
  await clock.advance(100);
  assert.equal(store.contents, [1, 2, 3, 4]);
});

test('G13 a commit that throws at once is a failed commit', async () => {
  let calls = 0;
  const { clock, processor } = setUp({
    commit: () => {
      calls++;
      if (calls === 1) throw new Error('at once');
      return Promise.resolve();
    },
  });
  await processor.start();
  const added = processor.add(1);
  await clock.advance(600);
  await added;
  assert.is(calls, 2);
});

test('G13 while commits fail the queue stays bounded and callers wait', async () => {
  const { clock, store, processor } = setUp({ maxQueuedOperations: 50 });
  await processor.start();
  store.failing = Infinity;
  let settled = 0;
  for (const operation of numbers(80)) void processor.add(operation).finally(() => settled++);
  await clock.advance(30_000);
  assert.is(processor.queued, 50);
  assert.is(settled, 0);
  store.failing = 0;
  await clock.advance(20_000);
  assert.is(settled, 80);
  assert.equal(store.contents, numbers(80));
});

test('G9 whatever happens: every operation is committed once and in order', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 700 }) }),
    fc.record({ do: fc.constant('fail' as const), times: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant('flush' as const) }),
    fc.record({ do: fc.constant('latency' as const), ms: fc.integer({ min: 0, max: 150 }) }),
  );
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 25 }),
    fc.nat(25),
    async (script, startAt) => {
      const { clock, store, processor } = setUp({
        maxBatchOperations: 20,
        minBatchOperations: 3,
        maxQueuedOperations: 30,
      });
      let added = 0;
      for (const [index, each] of script.entries()) {
        if (index === startAt) await processor.start();
        if (each.do === 'add') for (let n = 0; n < each.count; n++) void processor.add(added++);
        else if (each.do === 'advance') await clock.advance(each.ms);
        else if (each.do === 'fail') store.failing = each.times;
        else if (each.do === 'latency') store.latencyMs = each.ms;
        else processor.flushNow().catch(() => {});
        assert.ok(processor.queued <= 30);
      }
      store.failing = 0;
      const shutdown = processor.shutdown().then(() => store.contents.length);
      await clock.advance(60_000);
      assert.is(await shutdown, added, 'all of it before the shutdown resolved');
      assert.equal(store.contents, numbers(added));
      assert.ok(store.commits.every(({ operations }) => operations.length <= 20));
      assert.is(clock.pending, 0);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test('G6 a thousand runs on the fake clock take the same course', async () => {
  const course = async () => {
    const { clock, store, processor } = setUp({ minBatchOperations: 5 });
    store.latencyMs = 3;
    store.failing = 1;
    await processor.start();
    for (let n = 0; n < 12; n++) {
      void processor.add(n);
      await clock.advance(17);
    }
    await clock.advance(1000);
    return JSON.stringify(store.attempts);
  };
  const expected = await course();
  for (let run = 0; run < 999; run++) assert.is(await course(), expected, `run ${run}`);
});

test.run();
