// The C++ tests: built with CMake and each set of sanitizers, and each program run by CTest as a unit of its own.
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { out, root } from '../setup/paths.mjs';
import { attempt } from '../setup/run.mjs';

/**
 * @typedef {object} Build
 * @property {string} name of the units, and of the folder below out/
 * @property {readonly string[]} settings for CMake
 */

/** The fuzzers are part of it, so that the core is compiled once for both. @type {Build} */
export const asan = {
  name: 'native-asan',
  settings: [
    ...['-DCMAKE_C_COMPILER=clang', '-DCMAKE_CXX_COMPILER=clang++'],
    ...['-DHEADEND_SANITIZE=address,undefined', '-DHEADEND_TESTS=ON', '-DHEADEND_FUZZ=ON'],
  ],
};

/** @type {Build} */
const tsan = {
  name: 'native-tsan',
  settings: ['-DHEADEND_SANITIZE=thread', '-DHEADEND_TESTS=ON'],
};

/** @param {Build} build */
export const folderOf = ({ name }) => join(out, name);

/** @type {Map<Build, ReturnType<typeof compile>>} */
const compiled = new Map();

/** Compiles a build, once. @param {Build} build */
export function ensureBuilt(build) {
  const begun = compiled.get(build) ?? compile(build);
  compiled.set(build, begun);
  return begun;
}

/**
 * @param {Build} build
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
async function compile(build) {
  const folder = folderOf(build);
  const configured = await attempt('cmake', [
    ...['-S', join(root, 'native'), '-B', folder, '-G', 'Ninja', ...build.settings],
  ]);
  if (configured.code !== 0) return { ok: false, output: configured.output };
  const args = ['--build', folder, '--parallel', String(availableParallelism())];
  const { code, output } = await attempt('cmake', args);
  return { ok: code === 0, output };
}

/**
 * One unit per build and file of native/test/; the first of a build to run compiles it.
 * @returns {Promise<import('../test.mjs').Unit[]>}
 */
export async function nativeTests() {
  const files = await readdir(join(root, 'native/test')).catch(() => []);
  const tests = files.filter((file) => file.endsWith('.cc')).map((file) => file.slice(0, -3));
  return [asan, tsan].flatMap((build) =>
    tests.sort().map((test) => ({
      name: `${build.name}/${test}`,
      run: async () => {
        const { ok, output: compilation } = await ensureBuilt(build);
        if (!ok) return { passed: 0, failed: 1, skipped: 0, output: compilation };
        const only = ['--test-dir', folderOf(build), '--output-on-failure', '-R', `^${test}$`];
        const { code, output } = await attempt('ctest', [...only, '--no-tests=error']);
        return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, output };
      },
    })),
  );
}
