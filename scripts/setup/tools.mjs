// The programs that a build needs: found on the PATH, installed where that is allowed, else named.
import { accessSync, constants } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { cache } from './paths.mjs';
import { say } from './report.mjs';
import { attempt, run } from './run.mjs';

/**
 * @typedef {object} Tool
 * @property {string} command
 * @property {string} debian the package that brings it
 */

/** @type {readonly Tool[]} */
export const buildTools = [
  { command: 'gcc', debian: 'gcc' },
  { command: 'g++', debian: 'g++' },
  { command: 'make', debian: 'make' },
  { command: 'cmake', debian: 'cmake' },
  { command: 'ninja', debian: 'ninja-build' },
  { command: 'meson', debian: 'meson' },
  { command: 'nasm', debian: 'nasm' },
  { command: 'pkg-config', debian: 'pkg-config' },
  { command: 'xz', debian: 'xz-utils' },
  { command: 'bzip2', debian: 'bzip2' },
];

/** Compiles FFmpeg's CUDA filters; without it they are left out. @type {Tool} */
export const cudaCompiler = { command: 'clang', debian: 'clang' };

/** Readers that are not ours, for the tests. @type {readonly Tool[]} */
export const testTools = [
  { command: 'ffmpeg', debian: 'ffmpeg' },
  { command: 'ffprobe', debian: 'ffmpeg' },
  { command: 'chromium', debian: 'chromium' },
];

/** Reverse proxies that docs/operations.md configures, for the tests: Debian packages of the same names. */
const proxies = ['nginx', 'caddy'];
const proxyFolder = join(cache, 'proxies');
/** Where they lie; to be looked through after the PATH. */
export const proxyPaths = ['usr/sbin', 'usr/bin'].map((folder) => join(proxyFolder, folder));

/** Compiles the fuzzers. @type {Tool} */
export const fuzzerCompiler = { command: 'clang++', debian: 'clang' };

/**
 * True if a program of this name is on the PATH.
 * @param {string} command
 * @param {readonly string[]} [elsewhere] more folders
 */
export function isInstalled(command, elsewhere = []) {
  return [...(process.env.PATH ?? '').split(delimiter), ...elsewhere].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** True where this process may install Debian packages. */
const mayInstall = () => isInstalled('apt-get') && process.getuid?.() === 0;

/** apt-get runs once at a time. @type {Promise<unknown>} */
let installing = Promise.resolve();

/** @param {readonly string[]} packages @returns {Promise<void>} */
function install(packages) {
  const turn = installing.then(() => installNow(packages));
  installing = turn.catch(() => {});
  return turn;
}

/** @param {readonly string[]} packages */
async function installNow(packages) {
  say(`Installing with apt-get: ${packages.join(', ')}.`);
  const log = join(cache, 'logs/apt-get.log');
  await mkdir(join(cache, 'logs'), { recursive: true });
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // A failing third-party source must not keep Debian's own packages from being installed.
  await attempt('apt-get', ['update', '-q'], { log, env });
  const patient = ['-o', 'DPkg::Lock::Timeout=300'];
  const quiet = ['-q', '-y', '--no-install-recommends'];
  await run('apt-get', ['install', ...patient, ...quiet, ...packages], { log, env });
}

/** @param {readonly Tool[]} tools */
const packagesOf = (tools) => [...new Set(tools.map((tool) => tool.debian))];

/**
 * Makes sure that every tool is there, or fails with the command that installs what is missing.
 * @param {readonly Tool[]} tools
 * @param {string} purpose ends the sentence "… needs programs that are not installed"
 */
export async function ensureTools(tools, purpose) {
  const missing = () => tools.filter((tool) => !isInstalled(tool.command));
  const first = missing();
  if (first.length === 0) return;
  if (mayInstall()) await install(packagesOf(first));
  const still = missing();
  if (still.length === 0) return;
  const names = still.map((tool) => tool.command).join(', ');
  throw new SetupFailure(
    `${purpose} needs programs that are not installed: ${names}.\n` +
      (isInstalled('apt-get')
        ? `Install them with:\n\n  sudo apt-get install ${packagesOf(still).join(' ')}\n\nand try again.`
        : 'Install them with the package manager of this system and try again.'),
  );
}

/**
 * Installs a tool that a build can do without, where that is allowed.
 * @param {Tool} tool
 */
export async function offerTool(tool) {
  if (isInstalled(tool.command) || !mayInstall()) return;
  await install([tool.debian]).catch(() => say(`${tool.debian} could not be installed; going on.`));
}

/** Unpacks the reverse proxies instead of installing them, which would start their servers on this machine. */
export async function offerProxies() {
  const missing = proxies.filter((name) => !isInstalled(name, proxyPaths));
  if (missing.length === 0 || !isInstalled('apt-get')) return;
  say(`Fetching with apt-get: ${missing.join(', ')}.`);
  const fetched = installing.then(() => unpack(missing));
  installing = fetched.catch(() => {});
  await fetched.catch(() => say('They could not be fetched; their tests are skipped.'));
}

/** @param {readonly string[]} packages */
async function unpack(packages) {
  const log = join(cache, 'logs/apt-get.log');
  await mkdir(join(cache, 'logs'), { recursive: true });
  await mkdir(proxyFolder, { recursive: true });
  if (mayInstall()) await attempt('apt-get', ['update', '-q'], { log });
  await run('apt-get', ['download', '-q', ...packages], { log, cwd: proxyFolder });
  for (const file of await readdir(proxyFolder)) {
    if (!file.endsWith('.deb')) continue;
    await run('dpkg-deb', ['-x', file, '.'], { log, cwd: proxyFolder });
    await rm(join(proxyFolder, file));
  }
}

/** Makes sure of libFuzzer and the sanitizers of the clang that is installed: a package named by its version. */
export async function ensureFuzzerRuntime() {
  const library = `libclang_rt.fuzzer-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.a`;
  // clang prints a path when it finds the file, else the name alone.
  const isThere = async () =>
    isAbsolute((await attempt('clang', [`--print-file-name=${library}`])).output.trim());
  if (await isThere()) return;
  const { output } = await attempt('clang', ['--version']);
  const major = /version (\d+)/.exec(output)?.[1] ?? '';
  const debian = `libclang-rt-${major}-dev`;
  if (mayInstall()) await install([debian]);
  if (await isThere()) return;
  throw new SetupFailure(
    `Fuzzing needs ${library} of clang ${major}, on Debian in the package ${debian}.`,
  );
}
