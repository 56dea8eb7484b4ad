#!/usr/bin/env node
// Compiles lib/ and server/ to dist/, and copies the page's files, which need no compiling.
import { existsSync } from 'node:fs';
import { chmod, cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runMain, SetupFailure } from './setup/failure.mjs';
import { root } from './setup/paths.mjs';
import { show } from './setup/run.mjs';

await runMain(async () => {
  const dist = join(root, 'dist');
  await rm(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/.bin/tsc');
  if ((await show(tsc, ['-p', 'tsconfig.build.json'], { cwd: root })) !== 0) {
    throw new SetupFailure('TypeScript could not be compiled: see above.');
  }
  const page = join(root, 'server/page');
  if (existsSync(page)) await cp(page, join(dist, 'server/page'), { recursive: true });
  const command = join(dist, 'server/main.js');
  if (existsSync(command)) await chmod(command, 0o755);
});
