// What every group of routes is given.

import type { Clock } from '../clock.js';
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
