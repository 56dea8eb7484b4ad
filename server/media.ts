// Media in folders: which folders hold some, and what of it can be played.

import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import {
  type Headend,
  HeadendError,
  type Logger,
  type ProbeProgress,
  type Programme,
  type SourceFacts,
} from '../lib/index.js';

const MAX_DEPTH = 8;
const MAX_FOLDERS = 500;
const MAX_FILES = 10_000;

// What the library takes at most for a channel's name, a programme's title and, in seconds, its duration.
const NAME_LENGTH = 200;
const TITLE_LENGTH = 500;
const MAX_SECONDS = 10 * 366 * 86_400;

/** How many files are probed at the same time. */
const PROBE_CONCURRENCY = 4;

/** What lies beside media without being any; everything else is probed. */
const OTHER_FILES = new Set(
  (
    '.ass .bif .cue .db .gif .htm .html .idx .ini .jpeg .jpg .json .log .m3u .m3u8 .md .nfo .par2 .part .pdf .png .sfv .srt ' +
    '.ssa .sub .sup .svg .tmp .torrent .txt .url .vtt .webp .xml .zip'
  ).split(' '),
);

/** A folder that may hold media. */
export interface Folder {
  /** Id for URLs, different for every folder. */
  readonly id: string;
  /** Its name; with the folders above it where several have the same. */
  readonly name: string;
  /** Paths of its files, in natural order of their names. */
  readonly files: readonly string[];
}

const NATURAL = new Intl.Collator('en', { numeric: true });

/**
 * `root` and the folders below it that hold files other than the known companions of media, in natural order.
 * A folder below `root` that cannot be read is left out with a warning.
 * @param onVisit Called with each folder that is looked into.
 * @throws the system's error when `root` cannot be read; the signal's reason.
 */
export async function findFolders(
  root: string,
  log: Pick<Logger, 'warn'>,
  signal: AbortSignal,
  onVisit: (path: string) => void = () => {},
): Promise<Folder[]> {
  const folders: (Folder & { readonly place: string })[] = [];
  const ids = new Set<string>();
  const seen = new Set<string>();
  const visit = async (path: string, depth: number): Promise<void> => {
    const real = await realpath(path);
    if (seen.has(real) || folders.length === MAX_FOLDERS) return;
    seen.add(real);
    onVisit(path);
    const files: string[] = [];
    const below: string[] = [];
    const names = (await readdir(path)).filter((name) => !name.startsWith('.'));
    for (const name of names.sort(NATURAL.compare)) {
      signal.throwIfAborted();
      const item = join(path, name);
      const kind = await kindOf(item);
      if (kind === 'folder') below.push(item);
      else if (kind === 'file' && isMedia(name)) files.push(item);
    }
    if (files.length > 0) {
      const name = basename(real) || 'Media';
      const place = relative(root, path);
      const id = uniqueId(place || name, ids);
      folders.push({ id, name: cut(name, NAME_LENGTH), files: files.slice(0, MAX_FILES), place });
    }
    if (depth === MAX_DEPTH) return;
    for (const item of below) await visitBelow(item, depth + 1);
  };
  const visitBelow = async (path: string, depth: number): Promise<void> => {
    try {
      await visit(path, depth);
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ folder: path }, `Left out the folder ${path}: ${reason}`);
    }
  };
  await visit(root, 0);
  return toldApart(folders);
}

/** With the folders above them in the names of those that share theirs, and of those beside these: all seasons of a series. */
function toldApart(folders: readonly (Folder & { readonly place: string })[]): Folder[] {
  const once = new Set<string>();
  const shared = new Set<string>();
  for (const { name } of folders) (once.has(name) ? shared : once).add(name);
  const parents = new Set(
    folders.filter(({ name }) => shared.has(name)).map(({ place }) => dirname(place)),
  );
  return folders.map(({ place, ...folder }) =>
    place !== '' && parents.has(dirname(place)) ? { ...folder, name: pathName(place) } : folder,
  );
}

/** What tells a folder from others of its name, as `Series A / Season 1`. */
function pathName(path: string): string {
  const name = path.split(sep).join(' / ');
  // The end tells more than the beginning.
  return name.length <= NAME_LENGTH
    ? name
    : name.slice(-NAME_LENGTH).replace(/^[\uDC00-\uDFFF]/, '');
}

/** The media files of a folder, in natural order, without those of the folders below it. */
export async function mediaFiles(path: string): Promise<string[]> {
  const names = (await readdir(path)).filter((name) => !name.startsWith('.'));
  const files: string[] = [];
  for (const name of names.sort(NATURAL.compare)) {
    const file = join(path, name);
    if ((await kindOf(file)) === 'file' && isMedia(name)) files.push(file);
  }
  return files.slice(0, MAX_FILES);
}

/** What {@link playable} works with. */
export interface PlayableOptions {
  readonly headend: Headend;
  readonly signal: AbortSignal;
  /** Called for each file that cannot be played. */
  readonly onLeftOut: (file: string, error: HeadendError) => void;
  /** Called after each file. */
  readonly onProgress?: ((progress: ProbeProgress) => void) | undefined;
}

/**
 * A programme for each of the files that can be played, in their order.
 * @throws the signal's reason.
 */
export async function playable(
  files: readonly string[],
  { headend, signal, onLeftOut, onProgress }: PlayableOptions,
): Promise<Programme[]> {
  const programmes = new Map<string, Programme>();
  const concurrency = PROBE_CONCURRENCY;
  const options = { signal, concurrency, ...(onProgress && { onProgress }) };
  for await (const { source, facts, error } of headend.probeAll(files, options)) {
    const refusal = error ?? refusalOf(facts);
    if (refusal) onLeftOut(source, refusal);
    else if (facts) programmes.set(source, programmeOf(source, facts));
  }
  return files.flatMap((file) => programmes.get(file) ?? []);
}

function refusalOf({ duration, video, audio }: SourceFacts): HeadendError | null {
  const seconds = duration ? duration.num / duration.den : 0;
  if (seconds > 0 && seconds <= MAX_SECONDS && (video || audio)) return null;
  const message = 'it has no pictures or sound of known and sensible length';
  return new HeadendError('SOURCE_INVALID', 'probe', message);
}

// Its length is left for the channel to look up, which then knows the size of the pictures as well.
function programmeOf(file: string, { title }: SourceFacts): Programme {
  return { source: file, title: cut(title || basename(file, extname(file)), TITLE_LENGTH) };
}

function isMedia(name: string): boolean {
  return !OTHER_FILES.has(extname(name).toLowerCase());
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'other'> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) return 'folder';
    return stats.isFile() ? 'file' : 'other';
  } catch {
    // A dangling link, or gone since the folder was read.
    return 'other';
  }
}

/** At most `length` UTF-16 units of a text, without half a character at the end. */
function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}

function uniqueId(path: string, taken: Set<string>): string {
  const base =
    path
      .normalize('NFKD')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 56) || 'channel';
  let id = base;
  for (let number = 2; taken.has(id); number++) id = `${base}-${number}`;
  taken.add(id);
  return id;
}
