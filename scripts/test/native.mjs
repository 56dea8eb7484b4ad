// The C++ tests: built with CMake, plain and with each set of sanitizers, and each program run by CTest as a
// unit of its own.
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { out, root } from '../setup/paths.mjs';
import { attempt } from '../setup/run.mjs';

/** How the tests are built: the name of the units, the folder below out/, the sanitizers. */
const builds = [
  { name: 'native', folder: 'native-test', sanitize: '' },
  { name: 'native-asan', folder: 'native-asan', sanitize: 'address,undefined' },
  { name: 'native-tsan', folder: 'native-tsan', sanitize: 'thread' },
];

/**
 * @param {string} folder
 * @param {string} sanitize
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
async function build(folder, sanitize) {
  const configured = await attempt('cmake', [
    ...['-S', join(root, 'native'), '-B', folder, '-G', 'Ninja'],
    ...['-DHEADEND_TESTS=ON', `-DHEADEND_SANITIZE=${sanitize}`],
  ]);
  if (configured.code !== 0) return { ok: false, output: configured.output };
  const compile = ['--build', folder, '--parallel', String(availableParallelism())];
  const { code, output } = await attempt('cmake', compile);
  return { ok: code === 0, output };
}

/**
 * One unit per build and file of native/test/; the first of a build to run compiles it.
 * @returns {Promise<import('../test.mjs').Unit[]>}
 */
export async function nativeTests() {
  const files = await readdir(join(root, 'native/test')).catch(() => []);
  const tests = files.filter((file) => file.endsWith('.cc')).map((file) => file.slice(0, -3));
  return builds.flatMap(({ name, folder: below, sanitize }) => {
    const folder = join(out, below);
    /** @type {ReturnType<typeof build> | undefined} */
    let built;
    return tests.sort().map((test) => ({
      name: `${name}/${test}`,
      run: async () => {
        built ??= build(folder, sanitize);
        const { ok, output: compilation } = await built;
        if (!ok) return { passed: 0, failed: 1, skipped: 0, output: compilation };
        const only = ['--test-dir', folder, '--output-on-failure', '-R', `^${test}$`];
        const { code, output } = await attempt('ctest', [...only, '--no-tests=error']);
        return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, output };
      },
    }));
  });
}
