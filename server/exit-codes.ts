// The exit codes of the command.

import { HeadendError } from '../lib/index.js';
import { ConfigurationError } from './config/read.js';

/** It did what was asked; a server that ended on a signal, too. */
export const OK = 0;
/** It could not; or `check` and `probe` found something wrong. */
export const FAILED = 1;
/** The command line, the configuration file or another setting is wrong: trying again does not help. */
export const WRONG_USE = 2;

/** The exit code of a command that an error ended. */
export function exitCodeOf(error: unknown): typeof FAILED | typeof WRONG_USE {
  if (error instanceof ConfigurationError) return WRONG_USE;
  const isRefused = error instanceof HeadendError && error.code === 'INVALID_OPTIONS';
  // With a cause the value was right, but the file that it names could not be used.
  return isRefused && error.cause === undefined ? WRONG_USE : FAILED;
}
