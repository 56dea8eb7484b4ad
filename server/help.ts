// What `--help` says besides the options.

/** For `headend --help`. */
export const EXIT_CODES = `
Exit codes: 0 done, or ended by a signal; 1 it failed, or "check" or "probe" found something wrong;
2 the command line, the configuration file or a secret of the environment is wrong.

  headend serve                        demo channels on http://localhost:8080
  headend serve --media ~/Videos       a channel for every folder
  headend serve --config headend.json  channels as you want them
  headend check --config headend.json  what would not air as it is meant`;

/** For `headend serve --help`. */
export const SERVE_HELP = `
Without media and configuration, generated demo channels are on the air. Changes of the configuration file and of
media folders take effect while it runs; SIGHUP makes it look at once. Ctrl-C ends the server; a second Ctrl-C ends it
without waiting.

Secrets come from the environment alone: HEADEND_ADMIN_TOKEN (who may change channels), HEADEND_VIEWER_TOKEN and
HEADEND_SIGNING_SECRET (who may watch). Options win over the environment, and that wins over the configuration file.`;

/** For `headend check --help`. */
export const CHECK_HELP = `
Looks at every file that would air; no port is opened, and journal and diskStore stay as they are, so that a server may
be running. One line for each problem, with a code that docs/errors.md explains.

Exit codes: 0 nothing found, 1 something found, 2 the command line or the configuration file is wrong.`;

/** For `headend probe --help`. */
export const PROBE_HELP = `
Before a large library airs for the first time, with the cache that "headend serve" uses:

  headend probe --loudness --cache ~/.local/state/headend/probes.sqlite ~/Videos

Exit codes: 0 everything was read, 1 something was not.`;
