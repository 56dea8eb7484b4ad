// What every group of routes is given.

import type { Headend } from '../headend.js';

/** What routes work with. */
export interface RouteContext {
  readonly headend: Headend;
}
