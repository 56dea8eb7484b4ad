// The demo channels keep to the height that the command allows.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { demoChannels } from '../../server/demo/channels.js';

test('demo channels have no rung above the tallest that is allowed', () => {
  for (const [tallest, heights] of [
    [1080, [720, 360]],
    [480, [360]],
  ] as const) {
    for (const { ladder = [] } of demoChannels(tallest)) {
      assert.equal(
        ladder.map(({ height }) => height),
        heights,
      );
    }
  }
});

test.run();
