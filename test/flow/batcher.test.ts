// The Batcher on the fake clock: what it emits, when, in which order, and how much it holds.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { Batcher, type BatcherOptions, type BatcherOutput } from '../../lib/flow/batcher.js';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { PushSource } from './push-source.js';

/** A batch as its items, an error as its text. */
type Seen = readonly number[] | string;

function seen(output: BatcherOutput<number>): Seen {
  return output.kind === 'batch' ? output.items : String(output.error);
}

function setUp(options: Partial<BatcherOptions> = {}, signal?: AbortSignal) {
  const clock = new FakeClock(0);
  const source = new PushSource<number>();
  const batcher = new Batcher<number>({ maxSize: 3, maxLatencyMs: 100, clock, ...options });
  return { clock, source, batches: batcher.batches(source, signal) };
}

/** Consumes without pause; notes what comes and when. */
function follow(clock: FakeClock, batches: AsyncIterable<BatcherOutput<number>>) {
  const log: { at: number; what: Seen }[] = [];
  const end = (async () => {
    for await (const output of batches) log.push({ at: clock.now(), what: seen(output) });
  })();
  return { log, end };
}

test('G1 a full batch is emitted at once, the rest with the latency of its first item', async () => {
  const { clock, source, batches } = setUp();
  const { log, end } = follow(clock, batches);
  source.push(1, 2, 3, 4);
  await clock.advance(60);
  source.push(5);
  await clock.advance(39);
  assert.equal(log, [{ at: 0, what: [1, 2, 3] }]);
  await clock.advance(1);
  assert.equal(log[1], { at: 100, what: [4, 5] });
  await clock.advance(1000);
  assert.is(log.length, 2, 'nothing held, nothing emitted');
  source.end();
  await end;
  assert.is(clock.pending, 0);
});

test('G1 with a latency of 0 there is no timer: only size and the end emit', async () => {
  const { clock, source, batches } = setUp({ maxLatencyMs: 0 });
  const { log, end } = follow(clock, batches);
  source.push(1, 2);
  await clock.advance(1_000_000);
  assert.equal(log, []);
  assert.is(clock.pending, 0);
  source.push(3, 4);
  source.end();
  await end;
  assert.equal(
    log.map(({ what }) => what),
    [[1, 2, 3], [4]],
  );
});

test('G1 invalid options throw and name the option', () => {
  const invalid: [object, RegExp][] = [
    [{ maxSize: 0 }, /Batcher: maxSize must be >= 1, got 0/],
    [{ maxSize: 1.5 }, /maxSize/],
    [{ maxSize: Number.NaN }, /maxSize/],
    [{ maxLatencyMs: -1 }, /maxLatencyMs must be >= 0, got -1/],
    [{ maxLatencyMs: Infinity }, /maxLatencyMs/],
    [{ latency: 5 }, /unknown options: latency/],
  ];
  for (const [options, message] of invalid) {
    assert.throws(
      () => new Batcher({ maxSize: 3, maxLatencyMs: 100, ...options }),
      (error: unknown) =>
        error instanceof HeadendError &&
        error.code === 'INVALID_OPTIONS' &&
        message.test(error.message),
    );
  }
});

test('G2 an expired deadline comes before items that are at hand, even when no timer could fire', async () => {
  // The clock moves while the source gives items without ever letting a timer run.
  const clock = new FakeClock(0);
  const latencies = [0, 40, 59, 1, 10, 89, 1, 100, 0];
  async function* source() {
    for (const [index, ms] of latencies.entries()) {
      clock.stall(ms);
      yield index;
    }
  }
  const batches = new Batcher<number>({ maxSize: 100, maxLatencyMs: 100, clock }).batches(source());
  const all: Seen[] = [];
  for await (const output of batches) all.push(seen(output));
  // Item 3 comes at 100, exactly with the deadline of item 0, and is in the next batch.
  assert.equal(all, [[0, 1, 2], [3, 4, 5], [6], [7, 8]]);
  assert.is(clock.pending, 0);
});

test('G2 the timer emits before an item that arrives at the same instant', async () => {
  const { clock, source, batches } = setUp();
  const { log, end } = follow(clock, batches);
  clock.setTimer(() => source.push(9), 100);
  source.push(1);
  await clock.advance(100);
  assert.equal(log, [{ at: 100, what: [1] }]);
  await clock.advance(100);
  assert.equal(log[1], { at: 200, what: [9] });
  source.end();
  await end;
});

test('G3 an error passes at once and leaves the batch and its timer as they were', async () => {
  const { clock, source, batches } = setUp();
  const { log, end } = follow(clock, batches);
  source.push(1);
  await clock.advance(50);
  source.fail(new Error('x'));
  await settle();
  assert.equal(log, [{ at: 50, what: 'Error: x' }]);
  source.push(2);
  await clock.advance(50);
  assert.equal(log[1], { at: 100, what: [1, 2] });
  source.fail(new Error('y'));
  source.fail(new Error('z'));
  source.end();
  await end;
  assert.equal(
    log.slice(2).map(({ what }) => what),
    ['Error: y', 'Error: z'],
  );
});

test('G3 the error of a generator is emitted, then what it gave before, then the end', async () => {
  async function* source() {
    yield 1;
    throw new Error('broken');
  }
  const clock = new FakeClock(0);
  const { log, end } = follow(
    clock,
    new Batcher<number>({ maxSize: 3, maxLatencyMs: 100, clock }).batches(source()),
  );
  await end;
  assert.equal(
    log.map(({ what }) => what),
    ['Error: broken', [1]],
  );
  assert.is(clock.pending, 0);
});

test('G4 the end of the source flushes the rest, an empty source gives nothing', async () => {
  const { clock, source, batches } = setUp();
  const { log, end } = follow(clock, batches);
  source.push(1, 2);
  source.end();
  await end;
  assert.equal(log, [{ at: 0, what: [1, 2] }]);
  assert.is(clock.pending, 0);
  assert.equal(await batches.next(), { done: true, value: undefined });
  const empty = setUp();
  empty.source.end();
  assert.equal(await empty.batches.next(), { done: true, value: undefined });
});

test('G4 after an abort nothing more is emitted and no timer is left', async () => {
  const controller = new AbortController();
  const { clock, source, batches } = setUp({}, controller.signal);
  const { log, end } = follow(clock, batches);
  const ended = end.catch((error: unknown) => String(error));
  source.push(1, 2);
  await settle();
  assert.is(clock.pending, 1);
  controller.abort(new Error('enough'));
  assert.is(clock.pending, 0);
  assert.is(await ended, 'Error: enough');
  assert.ok(source.returned, 'the source was told');
  source.push(3, 4, 5);
  await clock.advance(1000);
  assert.equal(log, []);
  assert.equal(await batches.next(), { done: true, value: undefined });
});

test('G4 an abort drops a finished batch that nobody has taken, also after the end of the source', async () => {
  const controller = new AbortController();
  const { source, batches } = setUp({}, controller.signal);
  const first = batches.next();
  source.push(1, 2, 3, 4);
  source.end();
  assert.equal((await first).value, { kind: 'batch', items: [1, 2, 3] });
  await settle();
  controller.abort(new Error('enough'));
  assert.is(await batches.next().catch(String), 'Error: enough');
  const aborted = setUp({}, AbortSignal.abort(new Error('before')));
  assert.is(await aborted.batches.next().catch(String), 'Error: before');
  assert.is(aborted.source.reads, 0);
});

test('G4 leaving the loop early ends the source and the timer', async () => {
  const { clock, source, batches } = setUp();
  source.push(1, 2, 3, 4);
  for await (const output of batches) {
    assert.equal(seen(output), [1, 2, 3]);
    await settle();
    assert.is(clock.pending, 1, 'item 4 waits');
    break;
  }
  assert.is(clock.pending, 0);
  assert.ok(source.returned);
});

test('G5 a slow consumer slows the producer: never more than maxSize is read ahead', async () => {
  const { clock, source, batches } = setUp();
  source.push(...Array.from({ length: 20 }, (_, index) => index));
  assert.is(source.reads, 0, 'nothing is read before somebody asks');
  const first = await batches.next();
  assert.equal(first.value, { kind: 'batch', items: [0, 1, 2] });
  await clock.advance(10_000);
  assert.is(source.taken, 6, 'three handed over, three held');
  assert.equal((await batches.next()).value, { kind: 'batch', items: [3, 4, 5] });
  await clock.advance(10_000);
  assert.is(source.taken, 9);
});

test('G5 a batch that expires while the consumer is busy takes no newer items', async () => {
  const { clock, source, batches } = setUp();
  source.push(1, 2, 3, 4);
  await batches.next();
  await clock.advance(100);
  source.push(5, 6, 7);
  await clock.advance(1000);
  // The read that was on its way when the batch expired brings one item; no further one is asked for.
  assert.is(source.taken, 5);
  assert.equal((await batches.next()).value, { kind: 'batch', items: [4] });
  assert.equal((await batches.next()).value, { kind: 'batch', items: [5] });
  const third = batches.next();
  await clock.advance(100);
  assert.equal((await third).value, { kind: 'batch', items: [6, 7] }, 'at its own deadline');
});

type Step =
  | { readonly do: 'push'; readonly count: number }
  | { readonly do: 'fail' }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'take' };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant('fail' as const) }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 250 }) }),
    fc.record({ do: fc.constant('take' as const) }),
  ),
  { maxLength: 25 },
);

test('G5 whatever happens: the order is kept, nothing is lost or doubled, no batch is too large, no more is held', async () => {
  const property = fc.asyncProperty(
    steps,
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom(0, 1, 100),
    async (script, maxSize, maxLatencyMs) => {
      const { clock, source, batches } = setUp({ maxSize, maxLatencyMs });
      const outputs: BatcherOutput<number>[] = [];
      let asked = 0;
      const take = () => {
        asked++;
        void batches.next().then(({ value }) => value && outputs.push(value));
      };
      let pushed = 0;
      let failed = 0;
      const delivered = () =>
        outputs.reduce(
          (sum, output) => sum + (output.kind === 'batch' ? output.items.length : 0),
          0,
        );
      for (const step of script) {
        if (step.do === 'push') for (let n = 0; n < step.count; n++) source.push(pushed++);
        else if (step.do === 'fail') source.fail(failed++);
        else if (step.do === 'advance') await clock.advance(step.ms);
        else take();
        await settle();
        assert.ok(source.taken - delivered() <= maxSize, 'holds at most maxSize');
      }
      source.end();
      while (asked < pushed + failed + script.length + 1) take();
      await clock.advance(1000);
      assert.equal(
        outputs.flatMap((output) => (output.kind === 'batch' ? output.items : [])),
        Array.from({ length: pushed }, (_, index) => index),
      );
      assert.equal(
        outputs.flatMap((output) => (output.kind === 'error' ? [output.error] : [])),
        Array.from({ length: failed }, (_, index) => index),
      );
      for (const output of outputs) {
        if (output.kind === 'batch')
          assert.ok(output.items.length >= 1 && output.items.length <= maxSize);
      }
      assert.is(clock.pending, 0);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test('G2 whatever happens: no item waits longer than the latency while somebody asks', async () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 20 });
  const property = fc.asyncProperty(
    arrivals,
    fc.integer({ min: 1, max: 5 }),
    async (gaps, maxSize) => {
      const { clock, source, batches } = setUp({ maxSize });
      const { log, end } = follow(clock, batches);
      const arrived: number[] = [];
      for (const [index, gap] of gaps.entries()) {
        await clock.advance(gap);
        arrived.push(clock.now());
        source.push(index);
      }
      await clock.advance(100);
      source.end();
      await end;
      for (const { at, what } of log) {
        if (typeof what === 'string') throw new Error(what);
        const first = arrived[what[0] ?? -1] ?? Number.NaN;
        const last = arrived[what[what.length - 1] ?? -1] ?? Number.NaN;
        if (what.length === maxSize) assert.is(at, last, 'at once when full');
        else assert.is(at, first + 100, 'with the deadline of the first');
        assert.ok(what.length === 1 || last < first + 100 || at === last);
      }
      assert.equal(
        log.flatMap(({ what }) => (typeof what === 'string' ? [] : what)),
        [...arrived.keys()],
      );
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test('G6 a thousand runs on the fake clock take the same course', async () => {
  const course = async () => {
    const { clock, source, batches } = setUp();
    const { log, end } = follow(clock, batches);
    clock.setTimer(() => source.push(4), 100);
    source.push(1, 2);
    await clock.advance(99);
    source.fail(new Error('x'));
    await clock.advance(1);
    source.push(5, 6, 7);
    await clock.advance(150);
    source.end();
    await end;
    return JSON.stringify(log);
  };
  const expected = JSON.stringify([
    { at: 99, what: 'Error: x' },
    { at: 100, what: [1, 2] },
    { at: 100, what: [4, 5, 6] },
    { at: 200, what: [7] },
  ]);
  for (let run = 0; run < 1000; run++) assert.is(await course(), expected, `run ${run}`);
});

test.run();
