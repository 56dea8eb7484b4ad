// `headend serve`: brings channels on the air, serves them with the watch page, and ends on a signal.

import { once } from 'node:events';
import { createHeadend, DEFAULT_LADDER, type Headend, HeadendError } from '../lib/index.js';
import { demoChannels } from './demo/channels.js';
import { createLog, type Log } from './log.js';
import { findFolders, mediaChannel } from './media.js';
import { createServer } from './server.js';

/** Settings of the command. */
export interface ServeOptions {
  readonly media?: string;
  /** Height in pixels of the tallest rung of the default ladder that folders are encoded at. */
  readonly maxHeight: number;
  /** File that remembers what was found out about media files, their loudness among it. */
  readonly probeCache?: string;
  readonly port: number;
  readonly host: string;
}

/** Runs the server until a signal; resolves with the exit code of the process. */
export async function serve(options: ServeOptions): Promise<number> {
  const log = createLog();
  const stop = stopOnSignals(log);
  try {
    await using headend = await createHeadend({
      logger: log,
      ...(options.probeCache !== undefined && { probeCache: options.probeCache }),
    });
    await addChannels(headend, options, log, stop);
    await using server = await createServer(headend);
    const url = await server.listen(options);
    const channels = headend.channels.list();
    log.info(`Headend is on the air: open ${url} in a browser`);
    for (const { id, name } of channels) log.info(`  ${name}  ${url}/channels/${id}/index.m3u8`);
    if (!stop.aborted) await once(stop, 'abort');
    return 0;
  } catch (error) {
    if (stop.aborted) return 0;
    log.fatal(explain(error, options));
    return 1;
  }
}

/**
 * Adds the channels of the media folder, else demo channels. A folder that makes no channel is left out
 * with a warning.
 * @throws the system's error when the media folder itself cannot be read; the signal's reason.
 */
export async function addChannels(
  headend: Headend,
  { media, maxHeight }: Pick<ServeOptions, 'media' | 'maxHeight'>,
  log: Log,
  stop: AbortSignal,
): Promise<void> {
  const ladder = DEFAULT_LADDER.filter(({ height }) => height <= maxHeight);
  for (const folder of media === undefined ? [] : await findFolders(media, log, stop)) {
    try {
      const channel = await mediaChannel(folder, headend, log, stop);
      if (channel) await headend.channels.add({ ...channel, ladder });
    } catch (error) {
      if (stop.aborted || !(error instanceof HeadendError)) throw error;
      const { code, message } = error;
      log.warn({ channelId: folder.id, code }, `No channel for ${folder.name}: ${message}`);
    }
  }
  if (headend.channels.list().length > 0) return;
  if (media !== undefined) log.warn(`There is nothing to play in ${media}: airing demo channels`);
  for (const channel of demoChannels()) await headend.channels.add(channel);
}

// One Ctrl-C under npm arrives twice: from the terminal, and passed on by npm.
const SAME_SIGNAL_MS = 500;

// The first signal asks for an orderly end; whoever sends another one later does not want to wait.
function stopOnSignals(log: Log): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    firstAt = performance.now();
    log.info(`${signal}: going off the air`);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

/** What a person can do about an error that ended the server. */
export function explain(error: unknown, { media, port, host }: ServeOptions): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : '';
  if ('syscall' in error && error.syscall === 'listen') {
    if (code === 'EADDRINUSE') {
      return `Port ${port} of ${host} is in use; choose another one with --port or PORT`;
    }
    if (code === 'EACCES') {
      return `This user may not listen on port ${port}; choose one above 1023 with --port or PORT`;
    }
  }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return media === undefined
        ? error.message
        : `There is no folder ${media}; --media takes the path of one`;
    default:
      return error.message;
  }
}
