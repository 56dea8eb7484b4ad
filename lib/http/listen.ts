// Lets a server listen, and says under which address people reach it.

import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Where a server listens. */
export interface Address {
  readonly port: number;
  readonly host: string;
}

// Connections that may wait to be accepted, as far as the system allows (net.core.somaxconn): with Node's 511 those of many
// viewers who come at the same moment, as after a restart, are turned away while the server is busy.
const BACKLOG = 4096;

/**
 * Resolves with the address when the server listens, as `http://localhost:8080`: with the host as it was given where
 * that is a name. Fastify names the address that it is bound to.
 * @throws the system's error
 */
export async function listenOn(app: FastifyInstance, { port, host }: Address): Promise<string> {
  const url = await app.listen({ port, host, backlog: BACKLOG });
  return host === '' || isIP(host) ? url : `http://${host}:${new URL(url).port}`;
}
