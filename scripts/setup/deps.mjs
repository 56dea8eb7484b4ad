// FFmpeg's static libraries: found in the cache by the hash of everything that made them, or built.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fetchSource } from './fetch.mjs';
import { ffmpeg } from './ffmpeg.mjs';
import { isStale, withLock } from './lock.mjs';
import { cache, depsLink, out, root } from './paths.mjs';
import { recipes } from './recipes.mjs';
import { elapsed, say, update } from './report.mjs';
import { run } from './run.mjs';
import { sources } from './sources.mjs';
import { cudaCompiler, isInstalled } from './tools.mjs';

/** Written last: a prefix without it is no prefix. */
const manifestName = 'headend-deps.json';

/** What the libraries are made from, beside the pinned tarballs. */
const inputs = [
  'scripts/setup/sources.mjs',
  'scripts/setup/recipes.mjs',
  'scripts/setup/ffmpeg.mjs',
  'native/compat/lazy_library.h',
  'native/compat/libva_stubs.c',
  'native/compat/libva_drm_stubs.c',
  'native/compat/libdrm_stubs.c',
];

/** @param {boolean} cudaFilters */
async function prefixFor(cudaFilters) {
  const hash = createHash('sha256');
  hash.update(`${process.platform}-${process.arch} cuda filters: ${cudaFilters}\n`);
  for (const file of inputs) {
    // Without comment lines, so that explaining a recipe does not rebuild it.
    const text = await readFile(join(root, file), 'utf8');
    hash.update(text.replace(/^\s*(\/\/|\/?\*).*\n/gm, ''));
  }
  const key = hash.digest('hex').slice(0, 16);
  return join(cache, `deps-${process.platform}-${process.arch}-${key}`);
}

/** @param {string} prefix */
async function linkTo(prefix) {
  if ((await readlink(depsLink).catch(() => '')) === prefix) return;
  await mkdir(out, { recursive: true });
  const fresh = `${depsLink}.${process.pid}`;
  await symlink(prefix, fresh);
  await rename(fresh, depsLink);
}

/**
 * @param {import('./recipes.mjs').Recipe} recipe
 * @param {{ work: string, prefix: string, log: string, jobs: number, cudaFilters: boolean,
 *           counter: string }} about
 * @returns {Promise<string>} where the sources came from
 */
async function buildOne(recipe, { work, prefix, log, jobs, cudaFilters, counter }) {
  const pinned = recipe.source === undefined ? undefined : sources[recipe.source];
  if (pinned === undefined || recipe.source === undefined) {
    throw new Error(`${recipe.name} has no source`);
  }
  const { file, from } = await fetchSource(recipe.source, pinned, work);
  const source = join(work, recipe.name);
  const build = join(work, `${recipe.name}-build`);
  await mkdir(source);
  await mkdir(build);
  await run('tar', ['-xf', file, '-C', source, '--strip-components=1'], { log });
  const env = {
    PKG_CONFIG_PATH: join(prefix, 'lib/pkgconfig'),
    PKG_CONFIG_LIBDIR: join(prefix, 'lib/pkgconfig'),
    LC_ALL: 'C',
  };
  await recipe.build({
    ...{ source, build, prefix, jobs, log, env, cudaFilters },
    version: pinned.version,
    onProgress: (done, total) => update(`  ${counter} ${recipe.name}: ${done}/${total} files`),
  });
  await rm(source, { recursive: true });
  await rm(build, { recursive: true });
  return from;
}

/**
 * Lets at most `limit` tasks run at once, in the order they asked.
 * @param {number} limit
 */
function slots(limit) {
  /** @type {(() => void)[]} */
  const queue = [];
  let free = limit;
  /** @template T @param {() => Promise<T>} task @returns {Promise<T>} */
  return async (task) => {
    if (free > 0) free -= 1;
    else await new Promise((/** @type {(_: void) => void} */ turn) => queue.push(turn));
    try {
      return await task();
    } finally {
      const next = queue.shift();
      if (next) next();
      else free += 1;
    }
  };
}

/**
 * Builds all recipes, two at a time where the machine has the cores: many of them spend much of
 * their time in steps that use only one.
 * @param {{ work: string, prefix: string, logs: string, cudaFilters: boolean }} about
 * @returns {Promise<Record<string, string>>} where each one's sources came from
 */
async function buildAll({ work, prefix, logs, cudaFilters }) {
  const all = [...recipes, ffmpeg];
  const jobs = availableParallelism();
  const inSlot = slots(Math.min(2, jobs));
  /** @type {Map<string, Promise<void>>} */
  const started = new Map();
  /** @type {Record<string, string>} */
  const origins = {};
  let finished = 0;
  let failed = false;
  for (const recipe of all) {
    const task = async () => {
      if (failed) return;
      const start = performance.now();
      const counter = () => `[${String(finished + 1).padStart(2)}/${all.length}]`;
      const log = join(logs, `${recipe.name}.log`);
      await rm(log, { force: true });
      const about = { work, prefix, log, jobs, cudaFilters, counter: counter() };
      try {
        origins[recipe.name] = await buildOne(recipe, about);
      } catch (error) {
        failed = true;
        say(`  ${recipe.name} failed; waiting for what is under way.`);
        throw error;
      }
      say(`  ${counter()} ${recipe.name}, ${elapsed(start)}`);
      finished += 1;
    };
    const needs = recipe.needs.map((name) => started.get(name));
    started.set(
      recipe.name,
      Promise.all(needs).then(() => inSlot(task)),
    );
  }
  const results = await Promise.allSettled(started.values());
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return origins;
}

/** The addon links archives by their paths; nothing else of an installation is of use to it. */
async function trim(/** @type {string} */ prefix) {
  const kept = new Set(['lib', 'include']);
  for (const entry of await readdir(prefix)) {
    if (!kept.has(entry)) await rm(join(prefix, entry), { recursive: true });
  }
  for (const entry of await readdir(join(prefix, 'lib'))) {
    if (!entry.endsWith('.a')) await rm(join(prefix, 'lib', entry), { recursive: true });
  }
}

/** @param {string} target @param {boolean} cudaFilters */
async function build(target, cudaFilters) {
  const start = performance.now();
  const work = `${target}.work-${process.pid}`;
  const prefix = join(work, 'prefix');
  const logs = join(cache, 'logs');
  await mkdir(logs, { recursive: true });
  await mkdir(prefix, { recursive: true });
  say(
    `Building FFmpeg ${sources.ffmpeg?.version} and ${recipes.length} libraries under it, ` +
      `once for all checkouts (5 to 10 minutes on 2 cores).\n  Logs: ${logs}`,
  );
  try {
    const origins = await buildAll({ work, prefix, logs, cudaFilters });
    await trim(prefix);
    const manifest = { cudaFilters, built: new Date().toISOString(), sources: origins };
    await writeFile(join(prefix, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(prefix, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  say(`  done in ${elapsed(start)}: ${target}`);
}

/** Removes what set-ups left that were killed while they built. @param {string} target */
async function removeLeftovers(target) {
  for (const entry of await readdir(cache)) {
    const prefix = /^(deps-.+)\.work-\d+$/.exec(entry)?.[1];
    if (prefix === undefined) continue;
    const lock = join(cache, `${prefix}.lock`);
    const abandoned = prefix === basename(target) || !existsSync(lock) || isStale(lock);
    if (abandoned) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

const canCompileCuda = () => process.arch === 'x64' && isInstalled(cudaCompiler.command);

/**
 * Makes sure that the static libraries exist, and links them at `out/deps`.
 * @param {() => Promise<void>} beforeBuild called when they will have to be built
 * @returns {Promise<{ prefix: string, built: boolean }>}
 */
export async function ensureDeps(beforeBuild) {
  let target = await prefixFor(canCompileCuda());
  const ready = () => existsSync(join(target, manifestName));
  let built = false;
  if (!ready()) {
    await beforeBuild();
    const cudaFilters = canCompileCuda();
    target = await prefixFor(cudaFilters);
    await mkdir(cache, { recursive: true });
    await withLock(
      `${target}.lock`,
      () => say('Another set-up is building the FFmpeg libraries; waiting for it.'),
      async () => {
        if (ready()) return;
        await removeLeftovers(target);
        await build(target, cudaFilters);
        built = true;
      },
    );
  }
  await linkTo(target);
  return { prefix: target, built };
}
