// A channel inside an Express application, under a path that Express strips: playlists are relative, and absolute URLs
// follow the path by themselves. Run: PORT=8080 tsx examples/express.ts film.mp4 another.mkv

import { once } from 'node:events';
import express from 'express';
import { createHeadend, loop } from 'headend';

await using headend = await createHeadend();
await headend.channels.add({
  id: 'films',
  name: 'Films',
  ladder: [{ height: 360, bitrate: 800_000 }],
  schedule: loop(process.argv.slice(2).map((source) => ({ source }))),
});

const app = express();
// Before body parsers: Headend reads bodies itself.
app.use('/tv', headend.handler);
app.use(express.json());
app.get('/', (_request, response) => {
  response.send('Watch /tv/channels/films/index.m3u8\n');
});

const server = app.listen(Number(process.env.PORT ?? 8080), 'localhost');
await once(server, 'listening');
console.log('listening', server.address());

await once(process, 'SIGTERM');
server.close();
server.closeAllConnections();
