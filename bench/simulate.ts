// Simulates a server with many channels and viewers under different ways to decide which segment is made next, and
// prints what became of the viewers: node --import tsx bench/simulate.ts [channels] [minutes]
import { POLICIES, type Policy } from '../test/simulator/policies.js';
import { simulate } from '../test/simulator/simulation.js';

const channels = Number(process.argv[2] ?? 200);
const minutes = Number(process.argv[3] ?? 20);
const policies = Object.keys(POLICIES).filter((name): name is Policy => name in POLICIES);

const BATCHES = [
  { segments: 10, threshold: 4 },
  { segments: 2, threshold: 1 },
];

console.log(`${channels} channels, ${minutes} minutes, segments of 4 s, default ladder\n`);
console.log(
  '| cores | viewers | batch | policy | CPU | tune-in p50 | p95 | p99 | underruns/h | stalled | fairness | made/watched |',
);
console.log('| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const [cores, viewers] of [
  [96, 300],
  [64, 300],
  [48, 300],
] as const) {
  for (const batch of BATCHES) {
    for (const policy of policies) {
      const outcome = await simulate({ policy, cores, channels, viewers, minutes, batch, seed: 1 });
      const { p50, p95, p99 } = outcome.tuneIn;
      const cells = [
        cores,
        viewers,
        `${batch.segments}/${batch.threshold}`,
        policy,
        `${(100 * outcome.used).toFixed(0)} %`,
        `${(p50 / 1000).toFixed(2)} s`,
        `${(p95 / 1000).toFixed(2)} s`,
        `${(p99 / 1000).toFixed(2)} s`,
        outcome.underrunsPerHour.toFixed(2),
        `${(100 * outcome.stalled).toFixed(2)} %`,
        outcome.fairness.toFixed(3),
        outcome.made.toFixed(2),
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
  }
}
