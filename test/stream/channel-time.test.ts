// The time of a channel over whatever happens to the machine's clock: NTP, a hand that sets it, a suspended machine.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChannelTime } from '../../lib/stream/channel-time.js';
import { FakeClock } from './fake-clock.js';
import { START } from './streams.js';

/** A clock whose wall time can be set while its monotonic time goes on. */
class WallClock extends FakeClock {
  offset = 0;
  override now(): number {
    return super.now() + this.offset;
  }
}

function setUp() {
  const clock = new WallClock(START);
  return { clock, time: new ChannelTime(clock) };
}

test('a clock that is slewed is followed, and never backwards', () => {
  const { clock, time } = setUp();
  assert.is(time.now(), START);
  clock.offset = 400;
  assert.is(time.now(), START + 400);
  clock.offset = -300;
  assert.is(time.now(), START + 400, 'it stands still');
  clock.step(600);
  assert.is(time.now(), START + 400);
  clock.step(200);
  assert.is(time.now(), START + 500, 'until the wall has caught up');
});

test('after a step back it goes on at the same pace; a step forward and a suspended machine are followed', () => {
  const { clock, time } = setUp();
  time.now();
  clock.offset = -3_600_000;
  clock.step(5000);
  assert.is(time.now(), START + 5000);
  clock.step(5000);
  assert.is(time.now(), START + 10_000);
  // A suspended machine: its monotonic time stood still.
  clock.offset += 7_200_000;
  assert.is(time.now(), clock.now(), 'the lead is given back');
  time.rejoin();
  clock.offset = 0;
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
        clock.step(passes);
        clock.offset += wall;
        const now = time.now();
        assert.ok(now >= last);
        last = now;
      }
      clock.step(2000);
      assert.ok(time.now() > last);
    }),
  );
});

test.run();
