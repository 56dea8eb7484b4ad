// An HTTP server that takes a request for a file and never answers it, or stops in the middle of its answer.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SilentServer {
  /** Of a file that never comes. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/ready` answers at once, `/half.ts` with the first half of `file`, `/slow.ts` with that half in small pieces, five a
 * second for two seconds, and then all the rest; anything else never; `/asked` answers when one of
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
    } else if (request.url === '/slow.ts') void trickle(response, content);
    else wasAsked.resolve();
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

// No piece comes late enough to be a silence.
async function trickle(response: ServerResponse, content: Buffer): Promise<void> {
  response.setHeader('content-length', content.length);
  const half = content.length >> 1;
  response.write(content.subarray(0, half));
  const pieces = 10;
  const piece = Math.floor(half / 4 / pieces);
  for (let n = 0; n < pieces; n++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    response.write(content.subarray(half + n * piece, half + (n + 1) * piece));
  }
  response.end(content.subarray(half + pieces * piece));
}
