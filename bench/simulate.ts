// Simulates a server with many channels and viewers under different ways to decide which segment is made next.
import { POLICIES, type Policy } from '../test/simulator/policies.js';
import { type Scenario, simulate } from '../test/simulator/simulation.js';
import { type Bench, figure } from './harness/bench.js';

const LOAD = { channels: 200, viewers: 300, minutes: 10, seed: 1 };
const CORES = [96, 64, 48];
const BATCHES = [
  { segments: 10, threshold: 4 },
  { segments: 2, threshold: 1 },
];
const policies = Object.keys(POLICIES).filter((name): name is Policy => name in POLICIES);

const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(
  CORES.flatMap((cores) =>
    BATCHES.flatMap((batch) =>
      policies.map((policy) => [
        `${cores} cores, ${batch.segments}/${batch.threshold}, ${policy}`,
        { ...LOAD, policy, cores, batch },
      ]),
    ),
  ),
);

export const bench: Bench = {
  title: 'Who goes first, simulated',
  about:
    `The real control plane with a simulated clock, machine and engine: ${LOAD.channels} channels, ${LOAD.viewers} ` +
    `viewers, ${LOAD.minutes} minutes, segments of 4 s, default ladder. A batch is its segments and its threshold. The ` +
    'same seed gives the same figures, so one trial is enough.',
  variants: [...SCENARIOS.keys()],
  trials: 1,
  async trial(variant) {
    const scenario = SCENARIOS.get(variant);
    if (scenario === undefined) throw new RangeError(`no scenario ${variant}`);
    const { tuneIn, ...outcome } = await simulate(scenario);
    return { ...outcome, ...tuneIn };
  },
  rows: (rounds) =>
    [...SCENARIOS].map(([variant, { cores, batch, policy }]) => ({
      ...{ cores, batch: `${batch.segments}/${batch.threshold}`, policy },
      'CPU, %': 100 * figure(rounds, variant, 'used'),
      'tune-in p50, s': figure(rounds, variant, 'p50') / 1000,
      'p95, s': figure(rounds, variant, 'p95') / 1000,
      'p99, s': figure(rounds, variant, 'p99') / 1000,
      'underruns/h': figure(rounds, variant, 'underrunsPerHour'),
      'stalled, %': 100 * figure(rounds, variant, 'stalled'),
      fairness: figure(rounds, variant, 'fairness'),
      'made/watched': figure(rounds, variant, 'made'),
    })),
};
