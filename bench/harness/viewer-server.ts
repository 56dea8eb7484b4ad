// The server of bench/http-viewers.ts, a process of its own: tells its URL, then its usage for every message.
import { once } from 'node:events';
import { createHeadend, loop } from '../../lib/index.js';

/** What the process took so far. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

await using headend = await createHeadend();
await headend.channels.add({
  id: 'bench',
  ladder: [{ height: 180, bitrate: 200_000, preset: 'ultrafast' }],
  frameRate: 10,
  schedule: loop([{ source: { video: 'null', audio: 'anull' }, duration: 3600 }]),
});
const url = await headend.listen({ port: 0, host: '127.0.0.1' });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const usage: Usage = { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
  process.send?.(usage);
});
process.send?.(url);
await once(process, 'disconnect');
