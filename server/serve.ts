// `headend serve`: brings channels on the air, serves them with the watch page, follows changes of configuration and
// media, and ends on a signal.

import type { Address } from '../lib/http/listen.js';
import {
  createHeadend,
  DEFAULT_LADDER,
  type Headend,
  HeadendError,
  type HeadendOptions,
  type HttpOptions,
} from '../lib/index.js';
import { headendOptions, type ServerSettings } from './config/options.js';
import { readConfiguration } from './config/read.js';
import type { Configuration } from './config/schema.js';
import { SECRETS, secrets } from './config/secrets.js';
import { exitCodeOf, OK } from './exit-codes.js';
import { Lineup } from './lineup.js';
import { createLog, type Log } from './log.js';
import { makePlan, type Sources } from './plan.js';
import { createServer } from './server.js';
import { stopOnSignals } from './signals.js';
import { type StateFiles, stateFiles } from './state.js';
import { FolderWatcher } from './watch.js';

const DEFAULT_PORT = 8080;
const DEFAULT_HOST = 'localhost';

/** Settings of the command; those that are missing come from the configuration file, else from the defaults. */
export interface ServeOptions {
  /** Configuration file. */
  readonly config?: string;
  readonly media?: string;
  /** Height in pixels of the tallest rung of the default ladder. */
  readonly maxHeight: number;
  /** State directory. */
  readonly state?: string;
  /** False for no journal. */
  readonly journal?: boolean;
  /** File that remembers what was found out about media files, their loudness among it. */
  readonly probeCache?: string;
  readonly port?: number;
  readonly host?: string;
  /** Whether to announce the tuner in the network. */
  readonly ssdp?: boolean;
}

/** Runs the server until a signal; resolves with the exit code of the process. */
export async function serve(options: ServeOptions): Promise<number> {
  const log = createLog();
  const stop = stopOnSignals(log);
  try {
    const { server: settings = {} } = await configurationOf(options);
    const { host = DEFAULT_HOST, port = DEFAULT_PORT } = settings;
    const address = { host: options.host ?? host, port: options.port ?? port };
    await serveUntil(stop, options, settings, address, log);
    return OK;
  } catch (error) {
    if (stop.aborted) return OK;
    log.fatal(explain(error, options));
    return exitCodeOf(error);
  }
}

async function configurationOf({ config }: ServeOptions): Promise<Configuration> {
  return config === undefined ? {} : readConfiguration(config);
}

async function serveUntil(
  stop: AbortSignal,
  options: ServeOptions,
  settings: ServerSettings,
  address: Address,
  log: Log,
): Promise<void> {
  let preparing = true;
  const notReady = () =>
    preparing && headend.channels.list().length === 0 ? ['the channels are being prepared'] : [];
  const announced = options.ssdp ? { ssdp: true } : {};
  const http = {
    ...settings.http,
    ...announced,
    ...secrets(),
    notReady,
    isPreparing: () => preparing,
  };
  stop.throwIfAborted();
  await using headend = await startHeadend(options, settings, http, log);
  await using server = await createServer(headend);
  stop.throwIfAborted();
  const url = await server.listen(address);
  log.info(`Listening on ${url}`);
  if (headend.http.ssdp && isLoopback(address.host)) {
    log.warn(`Nobody in the network finds a server on ${address.host}; add --host 0.0.0.0`);
  }

  using watcher = new FolderWatcher(log);
  const onHangUp = () => watcher.trigger();
  process.on('SIGHUP', onHangUp);
  const sources = sourcesOf(options);
  const lineup = new Lineup({
    headend,
    log,
    plan: (reports, signal) => makePlan(sources, { headend, reports, signal }),
  });
  const follow = () => lineup.follow(stop, ({ folders, file }) => watcher.watch(folders, file));
  try {
    await follow();
    await restore(headend, log);
    stop.throwIfAborted();
    preparing = false;
    const channels = headend.channels.list();
    log.info(`Headend is on the air with ${counted(channels.length)}: open ${url} in a browser`);
    for (const { id, name } of channels) log.info(`  ${name}  ${url}/channels/${id}/index.m3u8`);
    for (;;) {
      await watcher.changed(stop, lineup.dueInMs);
      if (stop.aborted) return;
      await follow().catch((error: unknown) => {
        if (!stop.aborted) log.error(`Nothing is changed: ${explain(error, options)}`);
      });
    }
  } finally {
    process.off('SIGHUP', onHangUp);
  }
}

async function startHeadend(
  { state, journal, probeCache }: ServeOptions,
  settings: ServerSettings,
  http: HttpOptions,
  log: Log,
): Promise<Headend> {
  const files = await stateFiles(
    {
      state,
      configuredState: settings.state,
      journal: journal === false ? false : settings.journal,
      probeCache: probeCache ?? settings.probeCache,
    },
    log,
  );
  return withState({ ...headendOptions(settings), logger: log, http }, files, log);
}

// Without a state directory of its own, a second server on this machine goes without what the first one holds. Files that
// somebody named are used or the server does not start.
async function withState(options: HeadendOptions, files: StateFiles, log: Log): Promise<Headend> {
  const { isJournalNamed, isProbeCacheNamed, ...state } = files;
  try {
    return await createHeadend({ ...options, ...state });
  } catch (error) {
    if (!(error instanceof HeadendError)) throw error;
    const isOfJournal = error.code === 'JOURNAL_FAILED' && !isJournalNamed;
    if (!isOfJournal && (isProbeCacheNamed || !isOfCache(error, state))) throw error;
    log.warn(
      { code: error.code },
      `Nothing is kept between two runs but in files that were named: ${error.message}`,
    );
    const { journal, probeCache } = state;
    return createHeadend({
      ...options,
      ...(isJournalNamed && journal !== undefined && { journal }),
      ...(isProbeCacheNamed && probeCache !== undefined && { probeCache }),
    });
  }
}

function isOfCache({ message }: HeadendError, { probeCache }: { probeCache?: string }): boolean {
  return probeCache !== undefined && message.includes(probeCache);
}

function sourcesOf({ config, media, maxHeight }: ServeOptions): Sources {
  return {
    ladder: DEFAULT_LADDER.filter(({ height }) => height <= maxHeight),
    ...(config !== undefined && { config }),
    ...(media !== undefined && { media }),
  };
}

async function restore(headend: Headend, log: Log): Promise<void> {
  for await (const { channelId, channel, error } of headend.saved.restore()) {
    if (channel) {
      log.info({ channelId }, `${channel.name} is on the air: it was added through the API`);
    } else {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ channelId }, `The channel ${channelId} of the API does not come back: ${reason}`);
    }
  }
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127\..*|::1)$/.test(host);
}

function counted(channels: number): string {
  return channels === 1 ? '1 channel' : `${channels} channels`;
}

/** What a person can do about an error that ended the server. */
export function explain(error: unknown, { media }: Pick<ServeOptions, 'media'>): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : '';
  if ('syscall' in error && error.syscall === 'listen') {
    const port = 'port' in error ? error.port : '';
    const host = 'address' in error ? error.address : '';
    if (code === 'EADDRINUSE') {
      return `Port ${port} of ${host} is in use; choose another one with --port or PORT`;
    }
    if (code === 'EACCES') {
      return `This user may not listen on port ${port}; choose one above 1023 with --port or PORT`;
    }
  }
  const secret = Object.entries(SECRETS).find(([, option]) =>
    error.message.includes(`http.${option}`),
  );
  if (secret) return error.message.replace(/^.*http\.\w+/, secret[0]);
  const isAboutMedia = media !== undefined && 'path' in error && error.path === media;
  if (isAboutMedia && (code === 'ENOENT' || code === 'ENOTDIR')) {
    return `There is no folder ${media}; --media takes the path of one`;
  }
  return error.message;
}
