// Where things live: the checkout, its output folder, and the cache outside it.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout (or the unpacked source tree). */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Everything this project builds inside the checkout, apart from node-gyp's `build/`. */
export const out = join(root, 'out');

/** Link to the static libraries in the cache; `native/CMakeLists.txt` looks here by default. */
export const depsLink = join(out, 'deps');

/** Small files that record what a finished step was made from. */
export const stamps = join(out, 'stamps');

/** The compiled addon, where node-gyp-build looks for it in a checkout. */
export const addon = join(root, 'build/Release/headend.node');

/** Node pinned by the devDependency `node`. */
export const pinnedNode = join(root, 'node_modules/node/bin/node');

/** Shared by all checkouts of one user: HEADEND_CACHE_DIR, else XDG_CACHE_HOME, else ~/.cache. */
export const cache = resolve(
  process.env.HEADEND_CACHE_DIR ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'headend'),
);
