// What every group of routes is given.

import type { Clock } from '../clock.js';
import { HeadendError } from '../errors.js';
import type { Headend } from '../headend.js';
import type { Access } from './access.js';
import type { HttpOptions } from './options.js';

/** What routes work with. */
export interface RouteContext {
  readonly headend: Headend;
  readonly options: HttpOptions;
  readonly access: Access;
  readonly clock: Clock;
}

/**
 * For lists of all channels: TV software forgets those that a list lacks.
 * @throws HeadendError `NOT_READY`
 */
export function requireAllChannels({ isPreparing }: HttpOptions): void {
  if (isPreparing?.() !== true) return;
  const message = 'more channels are being prepared; ask again';
  throw new HeadendError('NOT_READY', 'http', message, { retryable: true });
}
