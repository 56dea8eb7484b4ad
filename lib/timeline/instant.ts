// Instants as people write them. A text must say its offset from UTC: one that does not means another
// instant on every machine, and a schedule is the same on all of them.

import { HeadendError } from '../errors.js';

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Milliseconds since the Unix epoch of a `Date`, or of ISO 8601 text with `Z` or an offset (a date alone is
 * midnight UTC).
 * @param call The call and option that the instant belongs to, for the message.
 * @throws HeadendError `INVALID_OPTIONS`
 */
export function parseInstant(call: string, value: Date | string): number {
  const valid = value instanceof Date || (typeof value === 'string' && ISO_8601.test(value));
  const ms = valid ? new Date(value).getTime() : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new HeadendError(
    'INVALID_OPTIONS',
    'options',
    `${call} must be a Date or an ISO 8601 string with Z or an offset, got ${String(value)}`,
  );
}
