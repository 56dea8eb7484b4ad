#!/usr/bin/env node
// What prebuildify calls instead of node-gyp (`--node-gyp`): the same CMake build, without the
// download of Node's headers that node-gyp would start.
import { buildAddon } from './setup/addon.mjs';
import { runMain } from './setup/failure.mjs';

await runMain(async () => {
  const config = process.argv.includes('--debug') ? 'Debug' : 'Release';
  // Not by prebuildify's `--strip`: that writes over the addon in its place, under the feet of processes that load it.
  await buildAddon({ config, verbose: true, strip: true });
});
