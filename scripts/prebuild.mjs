#!/usr/bin/env node
// Makes prebuilds/<platform>/ for the npm package: Node-API, stripped, tagged with its libc.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAddon } from './setup/addon.mjs';
import { runMain, SetupFailure } from './setup/failure.mjs';
import { root } from './setup/paths.mjs';
import { show } from './setup/run.mjs';

await runMain(async () => {
  await rm(join(root, 'prebuilds'), { recursive: true, force: true });
  const prebuildify = join(root, 'node_modules/prebuildify/bin.js');
  const options = ['--napi', '--tag-libc', '--name', 'headend'];
  const standIn = ['--node-gyp', join(root, 'scripts/node-gyp-stand-in.mjs')];
  if ((await show(process.execPath, [prebuildify, ...options, ...standIn], { cwd: root })) !== 0) {
    throw new SetupFailure('The prebuilt addon could not be made: see above.');
  }
  // prebuildify has moved the checkout's own build there.
  await buildAddon();
});
