// The options of createHeadend that a configuration file gives.

import type { HeadendOptions } from '../../lib/index.js';
import type { Configuration } from './schema.js';

/** What a configuration file says under `server`. */
export type ServerSettings = NonNullable<Configuration['server']>;

/** The options of `createHeadend` with the same names: all but where it listens, whom it serves and what it keeps. */
export function headendOptions({
  host: _host,
  port: _port,
  http: _http,
  state: _state,
  journal: _journal,
  probeCache: _probeCache,
  ...options
}: ServerSettings): HeadendOptions {
  return options;
}
