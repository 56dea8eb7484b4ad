// Which sources a channel that is added over HTTP may air: whoever may add channels could otherwise make the server
// open any file or URL that it can reach.

import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { HeadendError } from '../errors.js';
import type { GeneratorSource } from '../timeline/schedule.js';

/**
 * Refuses sources outside of the media roots: other files (symbolic links are followed), other URLs, FFmpeg's other
 * protocols, and generators, whose filters can open files.
 * @param roots Absolute folders, and URL prefixes that end with `/`.
 * @throws HeadendError `FORBIDDEN`
 */
export async function requireAllowedSources(
  sources: Iterable<string | GeneratorSource>,
  roots: readonly string[],
): Promise<void> {
  const folders = await Promise.all(roots.filter(isAbsolute).map(existing));
  const prefixes = roots.filter((root) => !isAbsolute(root)).map((root) => new URL(root).href);
  for (const source of new Set(sources)) {
    if (typeof source !== 'string') throw forbidden('generators may not be used over HTTP');
    const allowed = isAbsolute(source)
      ? isWithin(await existing(source), folders)
      : isUrlBelow(source, prefixes);
    if (!allowed) throw forbidden(`${source} lies outside of the media roots`);
  }
}

function forbidden(message: string): HeadendError {
  return new HeadendError('FORBIDDEN', 'http', message);
}

// The path without symbolic links, as far as it exists.
async function existing(path: string): Promise<string> {
  const parent = dirname(path);
  try {
    return await realpath(path);
  } catch {
    return parent === path ? path : resolve(await existing(parent), relative(parent, path));
  }
}

function isWithin(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const way = relative(folder, path);
    return way !== '' && !isAbsolute(way) && way.split(/[\\/]/)[0] !== '..';
  });
}

// Only URLs in their normal form: what is read differently by others may lead elsewhere.
function isUrlBelow(source: string, prefixes: readonly string[]): boolean {
  return URL.parse(source)?.href === source && prefixes.some((prefix) => source.startsWith(prefix));
}
