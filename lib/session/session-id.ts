// The names of viewers' sessions: issued by Headend, carried by players in every URI.

import { randomBytes } from 'node:crypto';

/** What a session id may look like, as a regular expression: it stands in URLs. */
export const SESSION_ID_PATTERN = '^[A-Za-z0-9_-]{1,64}$';

/**
 * The session of all requests that name none, such as those of players that drop query strings. It counts as one
 * viewer, and no client can name it: it does not match {@link SESSION_ID_PATTERN}.
 */
export const ANONYMOUS_SESSION = '(anonymous)';

const SESSION_ID = new RegExp(SESSION_ID_PATTERN);

/** A session id that nobody can guess: 128 random bits. */
export function newSessionId(): string {
  return randomBytes(16).toString('base64url');
}

/** Whether a client may name its session so. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}
