// The addon of a checkout: compiled with CMake (through cmake-js) when its sources have changed.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureDeps } from './deps.mjs';
import { SetupFailure } from './failure.mjs';
import { checkGlibcFloor } from './glibc-floor.mjs';
import { addon, out, root, stamps } from './paths.mjs';
import { elapsed, say } from './report.mjs';
import { run, show } from './run.mjs';
import { buildTools, cudaCompiler, ensureTools, offerTool } from './tools.mjs';

const cmakeFolder = join(out, 'cmake');
const stamp = join(stamps, 'addon');
const cmakeJs = join(root, 'node_modules/cmake-js/bin/cmake-js');

/** Hash of everything that the addon is compiled from. @param {string} prefix */
async function fingerprint(prefix) {
  const hash = createHash('sha256').update(`${root}\n${prefix}\n`);
  const native = join(root, 'native');
  const files = (await readdir(native, { recursive: true }))
    .filter((file) => /\.(cc|c|h|map|txt)$/.test(file) && dirname(file) !== 'test')
    .map((file) => join('native', file))
    .concat('CMakeLists.txt', 'package-lock.json')
    .sort();
  for (const file of files) hash.update(`${file}\n`).update(await readFile(join(root, file)));
  return hash.digest('hex');
}

/**
 * CMake's folder is of use only for the checkout and the libraries it was made for.
 * @param {string} prefix
 * @param {string} config
 */
async function prepareFolder(prefix, config) {
  const marker = join(cmakeFolder, 'made-for');
  const wanted = [root, prefix, config].join('\n');
  if ((await readFile(marker, 'utf8').catch(() => '')) === wanted) return;
  await rm(cmakeFolder, { recursive: true, force: true });
  await mkdir(cmakeFolder, { recursive: true });
  await writeFile(marker, wanted);
}

/**
 * The addon with what tests break on purpose, beside the real one: compiled when a test needs it.
 * @returns {Promise<string>} its path
 */
export async function buildTestAddon() {
  const { prefix } = await ensureNativeInputs();
  await prepareFolder(prefix, 'Release');
  const log = join(out, 'test-addon.log');
  await rm(log, { force: true });
  await compile('Release', ['--target', 'headend_test_addon'], log);
  return join(cmakeFolder, 'Release/headend-test.node');
}

/** Makes sure of the static libraries and of what is needed to build them and the addon. */
export async function ensureNativeInputs() {
  await ensureTools(buildTools, 'Building the native part');
  return ensureDeps(() => offerTool(cudaCompiler));
}

/**
 * @param {string} config
 * @param {readonly string[]} target
 * @param {string} [log] without one, what the compiler says is shown
 */
async function compile(config, target, log) {
  if (!existsSync(cmakeJs)) throw new SetupFailure('cmake-js is missing: run `npm run setup`.');
  const args = [cmakeJs, 'compile', '-d', root, '-O', cmakeFolder, '--config', config, ...target];
  if (log !== undefined) await run(process.execPath, args, { cwd: root, log });
  else if ((await show(process.execPath, args, { cwd: root })) !== 0)
    throw new SetupFailure('The addon could not be compiled: see above.');
}

/**
 * Compiles the addon and puts it at `build/<config>/headend.node`.
 * @param {{ config?: string, verbose?: boolean, strip?: boolean }} [options] `strip`: without symbols
 * @returns {Promise<string>} its path
 */
export async function buildAddon({ config = 'Release', verbose = false, strip = false } = {}) {
  const { prefix } = await ensureNativeInputs();
  const before = await fingerprint(prefix);
  await prepareFolder(prefix, config);
  const log = join(out, 'addon.log');
  await rm(log, { force: true });
  await compile(config, ['--target', 'headend_addon'], verbose ? undefined : log);
  const built = join(cmakeFolder, config, 'headend.node');
  const target = join(root, 'build', config, 'headend.node');
  const floor = await checkGlibcFloor(built);
  await mkdir(dirname(target), { recursive: true });
  // By rename: a process that has the old addon loaded keeps it.
  await copyFile(built, `${target}.new`);
  if (strip) await run('strip', ['--strip-all', `${target}.new`]);
  await rename(`${target}.new`, target);
  if (floor) say(`  headend.node needs glibc ${floor} or newer`);
  if (target === addon) {
    await mkdir(stamps, { recursive: true });
    await writeFile(stamp, before);
  }
  return target;
}

/** Compiles the addon if it is missing or its sources changed. @returns {Promise<boolean>} */
export async function ensureAddon() {
  const { prefix, built } = await ensureNativeInputs();
  const current = await readFile(stamp, 'utf8').catch(() => '');
  if (existsSync(addon) && current === (await fingerprint(prefix))) return built;
  const start = performance.now();
  say('Compiling the addon.');
  await buildAddon();
  say(`  done in ${elapsed(start)}`);
  return true;
}
