// createHeadend: checks the options and joins the Headend with the native engine and the machine's clock.

import { systemClock } from './clock.js';
import { createNativeEngine } from './engine/native.js';
import { Headend } from './headend.js';
import { type HeadendOptions, HeadendOptionsSchema } from './options.js';
import { SqliteProbeCache } from './probe/sqlite-probe-cache.js';
import { validate } from './validate.js';

/**
 * Starts a Headend.
 * @throws HeadendError `INVALID_OPTIONS`, or `ADDON_NOT_FOUND` when no build of the native addon fits this
 * machine.
 */
export async function createHeadend(options: HeadendOptions = {}): Promise<Headend> {
  const valid: HeadendOptions = validate('createHeadend', HeadendOptionsSchema, options);
  const { probeCache, caFile } = valid;
  const cache =
    probeCache === undefined
      ? {}
      : { probeCache: await SqliteProbeCache.open(probeCache, () => systemClock.now()) };
  const engine = createNativeEngine(caFile === undefined ? {} : { caFile });
  return Headend.create(valid, { engine, clock: systemClock, ...cache });
}
