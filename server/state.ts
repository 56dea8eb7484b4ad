// The state directory: where the journal and what is known about media files are kept between two runs.

import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../lib/index.js';

/** Where state was asked to be kept. */
export interface StateOptions {
  /** The directory, by the command line. */
  readonly state?: string | undefined;
  /**
   * The directory, by the configuration file; `STATE_DIRECTORY` (systemd) wins over it. Default: `headend` in
   * `XDG_STATE_HOME` or `~/.local/state`.
   */
  readonly configuredState?: string | undefined;
  /** Default: `journal.sqlite` in the state directory. */
  readonly journal?: string | false | undefined;
  /** Default: `probes.sqlite` in the state directory. */
  readonly probeCache?: string | false | undefined;
}

/** The files to use; those that are not to be used are missing. */
export interface StateFiles {
  readonly journal?: string;
  readonly probeCache?: string;
  /** Whether somebody named the place of each: then one that cannot be used is an error. */
  readonly isJournalNamed: boolean;
  readonly isProbeCacheNamed: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the files, and makes the state directory.
 * @throws the system's error when a directory that was asked for cannot be made.
 */
export async function stateFiles(
  { state, configuredState, journal, probeCache }: StateOptions,
  log: Pick<Logger, 'warn'>,
  environment: Environment = process.env,
): Promise<StateFiles> {
  // systemd gives several directories with colons between them.
  const bySystem = environment.STATE_DIRECTORY?.split(':')[0];
  const named = state ?? (bySystem || configuredState);
  const folder = named ?? defaultFolder(environment);
  const isNeeded = journal === undefined || probeCache === undefined;
  const isThere = isNeeded && (await made(folder, named !== undefined, log));
  const file = (given: string | false | undefined, name: string) =>
    given ?? (isThere ? join(folder, name) : false);
  const files = {
    journal: file(journal, 'journal.sqlite'),
    probeCache: file(probeCache, 'probes.sqlite'),
  };
  return {
    ...(files.journal !== false && { journal: files.journal }),
    ...(files.probeCache !== false && { probeCache: files.probeCache }),
    isJournalNamed: named !== undefined || typeof journal === 'string',
    isProbeCacheNamed: named !== undefined || typeof probeCache === 'string',
  };
}

function defaultFolder({ XDG_STATE_HOME }: Environment): string {
  return join(XDG_STATE_HOME || join(homedir(), '.local/state'), 'headend');
}

async function made(folder: string, isNamed: boolean, log: Pick<Logger, 'warn'>): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return true;
  } catch (error) {
    if (isNamed) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ folder }, `Nothing is kept between two runs: ${reason}`);
    return false;
  }
}
