// npm run bench [-- [NAME…] [--trials N] [--dry]]: runs benchmarks and writes their tables into bench/README.md.
import { parseArgs } from 'node:util';
import { benchNames, loadBench } from './harness/load.js';
import { describeMachine } from './harness/machine.js';
import { publish, section, table } from './harness/report.js';
import { runTrials } from './harness/trials.js';

const DEFAULT_TRIALS = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { trials: { type: 'string' }, dry: { type: 'boolean', default: false } },
});
const known = await benchNames();
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0)
  throw new RangeError(`no benchmark ${unknown.join(', ')}; there are ${known.join(', ')}`);

const machine = await describeMachine();
for (const name of positionals.length > 0 ? positionals : known) {
  const bench = await loadBench(name);
  const trials = Number(values.trials ?? bench.trials ?? DEFAULT_TRIALS);
  if (!Number.isInteger(trials) || trials < 1)
    throw new RangeError('--trials takes a number from 1');
  console.log(`${name}: ${bench.title}`);
  const reason = await bench.unavailable?.();
  if (reason !== undefined) {
    console.log(`  left out: ${reason}`);
    continue;
  }
  const rounds = await runTrials(name, bench, trials, (variant, figures) => {
    console.log(`  ${variant}: ${JSON.stringify(figures)}`);
  });
  const rows = bench.rows(rounds);
  console.log(`\n${table(rows)}\n`);
  const day = new Date().toISOString().slice(0, 10);
  const circumstances = `Medians of ${trials} trials of each, in turn, and of the ratios of each round; ${day}; ${machine}.`;
  if (!values.dry) await publish(name, section(bench, rows, circumstances));
}
