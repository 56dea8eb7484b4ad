// Signed URLs: a query that lets its holder watch, until it expires. HMAC-SHA256 over what may be watched
// and until when.

import { createHmac } from 'node:crypto';
import { equalInConstantTime } from './secrets.js';

/** What a signature allows. */
export interface ViewingGrant {
  /** The channel that may be watched. Default: everything that viewers may see. */
  readonly channelId?: string;
  /** When the grant ends, whole seconds count. */
  readonly expiresAt: Date;
}

/**
 * The query, without question mark, that lets its holder watch: `expires=...&signature=...`. Append it to the URL of a
 * multivariant playlist; the playlists carry it on. With a grant for everything also to `lineup.m3u` and the like.
 * @param secret The `http.signingSecret` of the server.
 */
export function signViewing(secret: string, { channelId, expiresAt }: ViewingGrant): string {
  const expires = String(Math.floor(expiresAt.getTime() / 1000));
  return `expires=${expires}&signature=${signature(secret, channelId, expires)}`;
}

/** A signature as it came in a query. */
export interface ReceivedSignature {
  readonly expires: string;
  readonly signature: string;
}

/** Whether a signature lets its holder watch a channel (`undefined`: all of them) now. */
export function allowsViewing(
  secret: string,
  channelId: string | undefined,
  received: ReceivedSignature,
  nowMs: number,
): boolean {
  const scopes = channelId === undefined ? [undefined] : [channelId, undefined];
  const genuine = scopes.some((scope) =>
    equalInConstantTime(received.signature, signature(secret, scope, received.expires)),
  );
  return genuine && nowMs < Number(received.expires) * 1000;
}

function signature(secret: string, channelId: string | undefined, expires: string): string {
  // Ids of channels have no line feeds, so no two grants are written alike.
  const grant = ['headend viewing 1', channelId === undefined ? 'all' : `channel ${channelId}`];
  return createHmac('sha256', secret)
    .update([...grant, expires].join('\n'))
    .digest('base64url');
}
