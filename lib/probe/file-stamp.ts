// What tells one state of a file from another without reading it.

import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file in one of its states. */
export interface StampedFile {
  /** Absolute. */
  readonly path: string;
  /** Size and time of change. */
  readonly stamp: string;
}

/** The file that a source names; null for URLs of the network and for what is no file or cannot be looked at. */
export async function stampedFile(source: string): Promise<StampedFile | null> {
  const path = localPath(source);
  if (path === null) return null;
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return { path, stamp: `${size}-${mtimeNs}` };
  } catch {
    return null;
  }
}

// As the engine reads it: `file:` before a path is left out, other schemes are URLs.
function localPath(source: string): string | null {
  if (source.startsWith('file://')) return URL.canParse(source) ? fileURLToPath(source) : null;
  if (source.includes('://')) return null;
  return resolve(source.startsWith('file:') ? source.slice('file:'.length) : source);
}
