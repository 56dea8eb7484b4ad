// How many cases a property test tries: few and always the same in a normal run; with `--soak N`, N times as many
// and others every time. fast-check prints the seed of what fails.
import type fc from 'fast-check';

const at = process.argv.indexOf('--soak');

/** By how much more than usual is to be tried; 1 in a normal run. */
export const soak = at < 0 ? 1 : Number(process.argv[at + 1]);
if (!Number.isInteger(soak) || soak < 1) throw new RangeError('--soak takes a whole number from 1');

/** Parameters of `fc.assert` for a property of which a normal run tries `cases`. */
export function cases(count: number): fc.Parameters<unknown> {
  const usual = { numRuns: count, seed: 20_250_101 };
  // With the cause, runners print what went wrong and not only where.
  return { ...(at < 0 ? usual : { numRuns: count * soak }), includeErrorInReport: true };
}
