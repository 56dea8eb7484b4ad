// Brings one pinned tarball into the cache: kept copy, download checked by hash, or apt.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { aptCanFetch, debianMirrors, fetchWithApt } from './apt-source.mjs';
import { SetupFailure } from './failure.mjs';
import { cache } from './paths.mjs';

const downloadMs = 300_000;

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {string} file */
async function hashOf(file) {
  return readFile(file).then(sha256, () => undefined);
}

/**
 * @param {string} url
 * @param {string} expected
 */
async function download(url, expected) {
  const response = await fetch(url, { signal: AbortSignal.timeout(downloadMs) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const actual = sha256(bytes);
  if (actual !== expected) throw new Error(`sha256 is ${actual}, expected ${expected}`);
  return bytes;
}

/** @param {unknown} error */
function reason(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/**
 * Returns the path of a verified tarball, fetching it if the cache has none.
 * @param {string} name key in sources.mjs, and Debian's source package
 * @param {import('./sources.mjs').Source} source
 * @param {string} scratch
 * @returns {Promise<{ file: string, from: string }>}
 */
export async function fetchSource(name, source, scratch) {
  const folder = join(cache, 'sources');
  await mkdir(folder, { recursive: true });
  const kept = join(folder, source.file);
  if ((await hashOf(kept)) === source.sha256) return { file: kept, from: 'cache' };

  /** @type {string[]} */
  const tried = [];
  const urls = [
    ...(await debianMirrors()).map((mirror) => `${mirror}/pool/${source.pool}/${source.file}`),
    ...source.upstream,
    `https://snapshot.debian.org/file/${source.sha1}`,
  ];
  for (const url of urls) {
    try {
      const bytes = await download(url, source.sha256);
      const partial = `${kept}.${process.pid}`;
      await writeFile(partial, bytes);
      await rename(partial, kept);
      return { file: kept, from: url };
    } catch (error) {
      tried.push(`${url}: ${reason(error)}`);
    }
  }
  if (aptCanFetch) {
    try {
      const { file, version } = await fetchWithApt(name, source.series, scratch);
      const copy = join(scratch, basename(file));
      await copyFile(file, copy);
      return { file: copy, from: `apt ${name}=${version}` };
    } catch (error) {
      tried.push(`apt: ${reason(error)}`);
    }
  }
  throw new SetupFailure(
    `The sources of ${name} ${source.version} could not be fetched. Tried:\n` +
      `${tried.map((line) => `  ${line}`).join('\n')}\n` +
      `Put a copy with sha256 ${source.sha256}\nat ${kept} and try again.`,
  );
}
