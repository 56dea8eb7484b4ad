// An HTTP server that takes a request for a file and never answers it, or stops in the middle of its answer.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SilentServer {
  /** Of a file that never comes. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/ready` answers at once, `/half.ts` with the first half of `file`, anything else never; `/asked` answers when one of
 * those has been asked for since.
 */
export async function listenSilently(file: string): Promise<SilentServer> {
  const content = await readFile(file);
  let wasAsked = Promise.withResolvers<void>();
  const server: Server = createServer((request, response) => {
    response.setHeader('connection', 'close');
    if (request.url === '/ready') response.end();
    else if (request.url === '/asked') {
      void wasAsked.promise.then(() => {
        wasAsked = Promise.withResolvers();
        response.end();
      });
    } else if (request.url === '/half.ts') {
      response.setHeader('content-length', content.length);
      response.write(content.subarray(0, content.length >> 1), () => wasAsked.resolve());
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
