// What a request tells about its client: whether it is still there, and the query it carries on.

import type { FastifyReply } from 'fastify';
import type { ViewerQuery } from './schemas.js';

/** Aborts when the connection is gone, so that nothing waits for a client that has left. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** The query, with its question mark, that carries the viewer on to the next URI; empty for an unnamed one. */
export function viewerQuery({ session, expires, signature }: ViewerQuery): string {
  const query = new URLSearchParams();
  if (session !== undefined) query.set('session', session);
  if (expires !== undefined) query.set('expires', expires);
  if (signature !== undefined) query.set('signature', signature);
  return query.size === 0 ? '' : `?${query}`;
}
