// Runs the trials of a benchmark, each in a process of its own, all variants in turn.
import { fileURLToPath } from 'node:url';
import { run } from '../../test/support/process.js';
import type { Bench, Figures, Rounds } from './bench.js';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const TRIAL_MS = 30 * 60_000;

async function child(name: string, argument: string): Promise<string> {
  const args = ['--import', 'tsx', CHILD, name, argument];
  const { code, stdout, stderr } = await run(process.execPath, args, { timeoutMs: TRIAL_MS });
  if (code !== 0) throw new Error(`${name} ${argument} ended with ${code}:\n${stderr}`);
  return stdout.toString().trimEnd();
}

function isFigures(value: unknown): value is Figures {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((figure) => typeof figure === 'number' && Number.isFinite(figure))
  );
}

async function trial(name: string, variant: string): Promise<Figures> {
  const printed = await child(name, variant);
  const figures: unknown = JSON.parse(printed.slice(printed.lastIndexOf('\n') + 1));
  if (!isFigures(figures)) throw new TypeError(`${name} ${variant}: not figures: ${printed}`);
  return figures;
}

/**
 * Every variant `count` times, in turn and in every second round backwards, so that what the machine does meanwhile hits
 * all alike.
 */
export async function runTrials(
  name: string,
  bench: Bench,
  count: number,
  onTrial: (variant: string, figures: Figures) => void,
): Promise<Rounds> {
  await child(name, '--prepare');
  const rounds = new Map<string, Figures[]>(bench.variants.map((variant) => [variant, []]));
  for (let round = 0; round < count; round += 1) {
    const variants = [...rounds];
    for (const [variant, trials] of round % 2 === 0 ? variants : variants.reverse()) {
      const figures = await trial(name, variant);
      trials.push(figures);
      onTrial(variant, figures);
    }
  }
  return Object.fromEntries(rounds);
}
