// The time of a channel over whatever happens to the machine's clock: NTP, a hand that sets it, a suspended machine.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChannelTime } from '../../lib/stream/channel-time.js';
import { FakeClock } from './fake-clock.js';
import { START } from './streams.js';

function setUp() {
  const clock = new FakeClock(START);
  return { clock, time: new ChannelTime(clock) };
}

test('a clock that is slewed is followed, and never backwards', () => {
  const { clock, time } = setUp();
  assert.is(time.now(), START);
  clock.step(400);
  assert.is(time.now(), START + 400);
  clock.step(-700);
  assert.is(time.now(), START + 400, 'it stands still');
  clock.stall(600);
  assert.is(time.now(), START + 400);
  clock.stall(200);
  assert.is(time.now(), START + 500, 'until the wall has caught up');
});

test('after a step back it goes on at the same pace; a step forward and a suspended machine are followed', () => {
  const { clock, time } = setUp();
  time.now();
  clock.step(-3_600_000);
  clock.stall(5000);
  assert.is(time.now(), START + 5000);
  clock.stall(5000);
  assert.is(time.now(), START + 10_000);
  // A suspended machine: its monotonic time stood still.
  clock.step(7_200_000);
  assert.is(time.now(), clock.now(), 'the lead is given back');
  time.rejoin();
  clock.step(-3_600_000);
  assert.is(time.now(), clock.now());
});

test('whatever happens to the clock, it never goes back and never stands still for long', () => {
  const step = fc.record({
    passes: fc.nat(5000),
    wall: fc.oneof(
      fc.constant(0),
      fc.integer({ min: -900, max: 900 }),
      fc.integer({ min: -1e8, max: 1e8 }),
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const { clock, time } = setUp();
      let last = time.now();
      for (const { passes, wall } of steps) {
        clock.stall(passes);
        clock.step(wall);
        const now = time.now();
        assert.ok(now >= last);
        last = now;
      }
      clock.stall(2000);
      assert.ok(time.now() > last);
    }),
  );
});

test.run();
