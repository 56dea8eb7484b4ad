// The control plane under many viewers on a simulated machine: who waits how long, and whether anybody runs dry.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Policy } from './policies.js';
import { simulate } from './simulation.js';

const SMALL = {
  channels: 12,
  viewers: 40,
  minutes: 4,
  batch: { segments: 10, threshold: 4 },
  seed: 7,
} as const;

const run = (policy: Policy, cores: number) => simulate({ ...SMALL, policy, cores });

test('a simulation takes the same course every time', async () => {
  assert.equal(await run('deadline', 8), await run('deadline', 8));
});

test('on a machine that can make all channels nobody runs dry', async () => {
  const outcome = await run('deadline', 16);
  assert.ok(outcome.visits > 50, `${outcome.visits} visits`);
  assert.is(outcome.underrunsPerHour, 0);
  assert.ok(outcome.fairness > 0.999);
});

test('B12: on a full machine newcomers wait less by deadline than in turn, and nobody runs dry for it', async () => {
  const [deadline, inTurn] = [await run('deadline', 8), await run('in turn', 8)];
  assert.ok(
    deadline.tuneIn.p95 < inTurn.tuneIn.p95,
    `${deadline.tuneIn.p95} ms, ${inTurn.tuneIn.p95} ms`,
  );
  assert.ok(deadline.underrunsPerHour <= inTurn.underrunsPerHour);
});

test.run();
