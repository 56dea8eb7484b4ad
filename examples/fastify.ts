// A channel inside a Fastify application, beside routes of its own. Only people with a signed link may watch.
// Run: PORT=8080 SIGNING_SECRET=... tsx examples/fastify.ts film.mp4 another.mkv

import { once } from 'node:events';
import fastify from 'fastify';
import { createHeadend, headendPlugin, loop, serverOptions, signViewing } from 'headend';

const signingSecret = process.env.SIGNING_SECRET ?? 'change me: at least 32 characters';

await using headend = await createHeadend({ http: { signingSecret } });
await headend.channels.add({
  id: 'films',
  name: 'Films',
  ladder: [{ height: 360, bitrate: 800_000 }],
  schedule: loop(process.argv.slice(2).map((source) => ({ source }))),
});

const app = fastify(serverOptions(headend));
await app.register(headendPlugin, { headend, prefix: '/tv' });
app.get('/', async () => {
  const expiresAt = new Date(Date.now() + 6 * 3600_000);
  const query = signViewing(signingSecret, { channelId: 'films', expiresAt });
  return `/tv/channels/films/index.m3u8?${query}`;
});

await app.listen({ port: Number(process.env.PORT ?? 8080), host: 'localhost' });
console.log('listening', app.server.address());

await once(process, 'SIGTERM');
await app.close();
