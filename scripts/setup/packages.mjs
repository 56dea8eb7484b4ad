// npm's part: node_modules as package-lock.json says, and in it the Node that this project pins.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { cache, pinnedNode, root } from './paths.mjs';
import { elapsed, say } from './report.mjs';
import { attempt, run } from './run.mjs';

/** Inside node_modules, so that it goes when they go. */
const stamp = join(root, 'node_modules/.headend-lock');

/** Installs the packages if node_modules is missing or older than package-lock.json. */
async function ensurePackages() {
  const lock = await readFile(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return false;
  const start = performance.now();
  say('Installing npm packages.');
  const log = join(cache, 'logs/npm.log');
  await mkdir(join(cache, 'logs'), { recursive: true });
  await rm(log, { force: true });
  await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: root, log });
  await writeFile(stamp, wanted);
  say(`  done in ${elapsed(start)}`);
  return true;
}

async function pinnedNodeRuns() {
  if (!existsSync(pinnedNode)) return false;
  const manifest = join(root, 'node_modules/node/package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8'));
  const { code, output } = await attempt(pinnedNode, ['--version']);
  return code === 0 && output.trim() === `v${version}`;
}

/**
 * The package `node` fetches its executable in an install script, which npm may have been told not
 * to run: runs it again, by name, and says so if that does not help.
 */
async function ensurePinnedNode() {
  if (await pinnedNodeRuns()) return false;
  say('The Node.js that this project pins (npm package `node`) is missing; fetching it.');
  const log = join(cache, 'logs/npm-node.log');
  await mkdir(join(cache, 'logs'), { recursive: true });
  await rm(log, { force: true });
  await attempt('npm', ['rebuild', 'node', '--ignore-scripts=false'], { cwd: root, log });
  if (await pinnedNodeRuns()) return true;
  throw new SetupFailure(
    'The pinned Node.js, node_modules/node/bin/node, could not be installed.\n' +
      'Its npm package fetches it in an install script (`allowScripts` of package.json permits it).\n' +
      `Try \`npm rebuild node\`, or delete node_modules and try again.\n  full log: ${log}`,
  );
}

/** Makes node_modules complete. @returns {Promise<boolean>} whether anything was done */
export async function ensureNodeModules() {
  const installed = await ensurePackages();
  const repaired = await ensurePinnedNode();
  return installed || repaired;
}
