// The exit codes of the command.

/** It did what was asked; a server that ended on a signal, too. */
export const OK = 0;
/** It could not; or `check` and `probe` found something wrong. */
export const FAILED = 1;
/** The command line or the configuration file is wrong: trying again does not help. */
export const WRONG_USE = 2;
