// A suite whose tests have a file that can be read, and a server that falls silent in the middle of another.
import { suite } from 'uvu';
import { makeFixture } from '../fixtures/make.js';
import { listenSilently, type SilentServer } from './silent-server.js';

/** What a test gets. */
export interface SilentContext {
  /** Path of eight seconds at 25 frames per second. */
  file: string;
  server: SilentServer;
}

export function silentSuite(name: string) {
  const test = suite<SilentContext>(name);

  test.before(async (context) => {
    context.file = (await makeFixture({ frames: 200 })).path;
    // 1.5 MB a second: half of it is more than libavformat reads before the first frame.
    const output = ['-muxrate', '12M'];
    const { path } = await makeFixture({ frames: 200, container: 'ts', output });
    context.server = await listenSilently(path);
  });

  test.after(async ({ server }) => {
    await server.close();
  });

  return test;
}
