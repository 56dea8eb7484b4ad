// What a request tells about its client: whether it is still there, and the session it carries.

import type { FastifyReply } from 'fastify';

/** Aborts when the connection is gone, so that nothing waits for a client that has left. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** The query, with its question mark, that carries a session on to the next URI; empty without a session. */
export function sessionQuery(session: string | undefined): string {
  return session === undefined ? '' : `?session=${session}`;
}
