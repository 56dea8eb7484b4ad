// Signals that end the process: the first one in good order, another one at once.

import { FAILED } from './exit-codes.js';
import { handOver } from './loading.js';
import type { Log } from './log.js';

// One Ctrl-C under npm arrives twice: from the terminal, and passed on by npm.
const SAME_SIGNAL_MS = 500;

/** Aborts at the first SIGINT or SIGTERM; whoever sends another one later does not want to wait. */
export function stopOnSignals(log: Log): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(FAILED);
      return;
    }
    firstAt = performance.now();
    log.info(`${signal}: going off the air`);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  handOver();
  return controller.signal;
}
