// Whatever viewers and operators do, in whatever order: one production per channel, no illegal state, nothing left.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { settle } from './fake-clock.js';
import { createStreams, EPOCH } from './streams.js';

const viewer = fc.constantFrom('a', 'b', 'c');
const channel = fc.constantFrom('one', 'two');
const rendition = fc.constantFrom('720p', '360p', 'audio');

const action = fc.oneof(
  fc.record({ type: fc.constant('register' as const), channel, viewer }),
  fc.record({ type: fc.constant('leave' as const), channel, viewer }),
  fc.record({ type: fc.constant('playlist' as const), channel, viewer, rendition }),
  fc.record({
    type: fc.constant('segment' as const),
    channel,
    viewer,
    rendition,
    ahead: fc.integer({ min: -4, max: 2 }),
    abort: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('report' as const),
    channel,
    viewer,
    rendition,
    ahead: fc.integer({ min: -20, max: 20 }),
  }),
  fc.record({ type: fc.constant('stop' as const), channel }),
  fc.record({ type: fc.constant('fail' as const), on: fc.boolean() }),
  fc.record({
    type: fc.constant('pass' as const),
    ms: fc.constantFrom(0, 1, 90, 700, 5000, 31_000),
  }),
);

test('any order of requests, departures, stops and failures', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const { clock, engine, store, add, faults, streams } = createStreams({ segmentMs: 100 });
      const all = { one: add('one'), two: add('two') };
      const settled: Promise<void>[] = [];
      const expectTyped = (promise: Promise<unknown>) => {
        const typed = promise.then(
          () => {},
          (error: unknown) =>
            assert.ok(error instanceof HeadendError || error === 'left', String(error)),
        );
        settled.push(typed);
      };
      for (const step of actions) {
        const onAir = Math.floor((clock.now() - EPOCH) / 4000);
        if (step.type === 'register') expectTyped(all[step.channel].register(step.viewer));
        if (step.type === 'leave') all[step.channel].unregister(step.viewer);
        if (step.type === 'stop') expectTyped(all[step.channel].stop());
        if (step.type === 'fail') engine.fails = () => step.on;
        if (step.type === 'pass') await clock.advance(step.ms);
        if (step.type === 'playlist') {
          expectTyped(all[step.channel].playlist(step.rendition, { sessionId: step.viewer }));
        }
        if (step.type === 'segment') {
          const client = new AbortController();
          const request = { sessionId: step.viewer, signal: client.signal };
          expectTyped(all[step.channel].segment(step.rendition, onAir + step.ahead, request));
          if (step.abort) client.abort('left');
        }
        if (step.type === 'report') {
          const update = { sessionId: step.viewer, rendition: step.rendition };
          const report = async () =>
            all[step.channel].reportPosition({ ...update, segmentNumber: onAir + step.ahead });
          expectTyped(report());
        }
        // The production of each channel, and the one that fills holes.
        assert.ok(engine.alive <= 4, `${engine.alive} producers`);
      }
      engine.fails = () => false;
      await clock.advance(100_000);
      await Promise.all(settled);
      for (const stream of Object.values(all)) {
        assert.is(stream.state, 'idle');
        assert.is(stream.viewerCount, 0);
      }
      assert.is(engine.alive, 0);
      assert.is(store.bytes, 0);
      assert.is(clock.pending, 0);
      assert.ok(faults.every(({ code }) => code === 'ENCODE_FAILED'));
      await streams.shutdown();
      await settle();
    }),
    { numRuns: 300 },
  );
});

test.run();
