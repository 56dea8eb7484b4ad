// `headend serve`: brings channels on the air, serves them with the watch page, and ends on a signal.

import { once } from 'node:events';
import { createHeadend, type Headend } from '../lib/index.js';
import { demoChannels } from './demo/channels.js';
import { createLog, type Log } from './log.js';
import { findFolders, mediaChannel } from './media.js';
import { createServer } from './server.js';

/** Settings of the command. */
export interface ServeOptions {
  readonly media?: string;
  readonly port: number;
  readonly host: string;
}

/** Runs the server until a signal; resolves with the exit code of the process. */
export async function serve(options: ServeOptions): Promise<number> {
  const log = createLog();
  const stop = stopOnSignals(log);
  try {
    await using headend = await createHeadend({ logger: log });
    await addChannels(headend, options.media, log, stop);
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

async function addChannels(
  headend: Headend,
  media: string | undefined,
  log: Log,
  stop: AbortSignal,
): Promise<void> {
  for (const folder of media === undefined ? [] : await findFolders(media)) {
    const channel = await mediaChannel(folder, headend, log, stop);
    if (channel) await headend.channels.add(channel);
  }
  if (headend.channels.list().length > 0) return;
  if (media !== undefined) log.warn(`There is nothing to play in ${media}: airing demo channels`);
  for (const channel of demoChannels()) await headend.channels.add(channel);
}

// The first signal asks for an orderly end; whoever sends a second one does not want to wait.
function stopOnSignals(log: Log): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(1);
    log.info(`${signal}: going off the air`);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

function explain(error: unknown, { media, port, host }: ServeOptions): string {
  if (!(error instanceof Error)) return String(error);
  switch ('code' in error ? error.code : '') {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is in use; choose another one with --port or PORT`;
    case 'EACCES':
      return `This user may not listen on port ${port}; choose one above 1023 with --port or PORT`;
    case 'ENOENT':
    case 'ENOTDIR':
      return media === undefined
        ? error.message
        : `There is no folder ${media}; --media takes the path of one`;
    default:
      return error.message;
  }
}
