// An HTTP server that takes a request for a file and never answers it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SilentServer {
  /** Of a file that never comes. */
  readonly url: string;
  close(): Promise<void>;
}

/** `/ready` answers at once, `/asked` when the file has been asked for since; the file never. */
export async function listenSilently(): Promise<SilentServer> {
  let wasAsked = Promise.withResolvers<void>();
  const server: Server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    if (request.url === '/ready') response.end();
    else if (request.url === '/asked') {
      void wasAsked.promise.then(() => {
        wasAsked = Promise.withResolvers();
        response.end();
      });
    } else wasAsked.resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/never.ts`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
