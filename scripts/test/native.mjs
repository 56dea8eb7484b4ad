// The C++ tests: built once with CMake, then each program run by CTest as a unit of its own.
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { out, root } from '../setup/paths.mjs';
import { attempt } from '../setup/run.mjs';

const folder = join(out, 'native-test');

/** @returns {Promise<{ ok: boolean, output: string }>} */
async function build() {
  const configure = ['-S', join(root, 'native'), '-B', folder, '-G', 'Ninja', '-DHEADEND_TESTS=ON'];
  const configured = await attempt('cmake', configure);
  if (configured.code !== 0) return { ok: false, output: configured.output };
  const compile = ['--build', folder, '--parallel', String(availableParallelism())];
  const { code, output } = await attempt('cmake', compile);
  return { ok: code === 0, output };
}

/** @type {ReturnType<typeof build> | undefined} */
let built;

/**
 * One unit per file of native/test/; the first to run builds all of them.
 * @returns {Promise<import('../test.mjs').Unit[]>}
 */
export async function nativeTests() {
  const files = await readdir(join(root, 'native/test')).catch(() => []);
  const names = files.filter((file) => file.endsWith('.cc')).map((file) => file.slice(0, -3));
  return names.sort().map((name) => ({
    name: `native/${name}`,
    run: async () => {
      built ??= build();
      const { ok, output: compilation } = await built;
      if (!ok) return { passed: 0, failed: 1, skipped: 0, output: compilation };
      const only = ['--test-dir', folder, '--output-on-failure', '-R', `^${name}$`];
      const { code, output } = await attempt('ctest', [...only, '--no-tests=error']);
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, output };
    },
  }));
}
