// A channel beside other pages in a plain Node server. The server hands on the whole path, so Headend is told where its
// routes lie. Run: PORT=8080 tsx examples/plain-http.ts film.mp4 another.mkv

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createHeadend, loop } from 'headend';

await using headend = await createHeadend({ http: { basePath: '/tv' } });
await headend.channels.add({
  id: 'films',
  name: 'Films',
  ladder: [{ height: 360, bitrate: 800_000 }],
  schedule: loop(process.argv.slice(2).map((source) => ({ source }))),
});

const server = createServer((request, response) => {
  if (request.url?.startsWith('/tv/')) headend.handler(request, response);
  else response.end('Watch /tv/channels/films/index.m3u8\n');
});
// What `headend.listen` does by itself: clients that do not read are not kept for ever.
server.headersTimeout = 10_000;
server.requestTimeout = 30_000;
server.setTimeout(60_000);
server.listen(Number(process.env.PORT ?? 8080), 'localhost');
await once(server, 'listening');
console.log('listening', server.address());

await once(process, 'SIGTERM');
server.close();
server.closeAllConnections();
