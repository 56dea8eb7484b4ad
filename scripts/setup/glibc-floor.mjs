// Which glibc a compiled addon needs: a prebuilt one must load on systems older than the builder.
import { SetupFailure } from './failure.mjs';
import { run } from './run.mjs';

/** Ubuntu 22.04's, and so the oldest of the distributions in use that Node 22 supports well. */
const highest = '2.35';

const compare = new Intl.Collator('en', { numeric: true }).compare;

/**
 * Finds the newest glibc symbol version in a shared object and fails if it is above the promise.
 * @param {string} file
 * @returns {Promise<string | undefined>} such as `2.35`; undefined where glibc is not used
 */
export async function checkGlibcFloor(file) {
  if (process.platform !== 'linux') return undefined;
  const symbols = await run('objdump', ['-T', file]);
  const versions = [...symbols.matchAll(/GLIBC_(\d+\.[\d.]+)\)?\s+(\S+)/g)];
  const floor = versions
    .map((match) => String(match[1]))
    .sort(compare)
    .at(-1);
  if (floor !== undefined && compare(floor, highest) > 0) {
    const culprits = versions.filter((match) => match[1] === floor).map((match) => match[2]);
    throw new SetupFailure(
      `${file}\nneeds glibc ${floor}, but must run with ${highest}. Because of: ${culprits.join(', ')}.\n` +
        'Bind them to older versions in native/compat/glibc_compat.c, or avoid them.',
    );
  }
  return floor;
}
