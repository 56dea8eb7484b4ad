#!/usr/bin/env node
// Sets up a checkout: npm packages, native tools, FFmpeg's libraries, the addon. Does only what is
// missing; run before `npm start` and `npm test`. With --test also what only the tests need.
import { ensureAddon } from './setup/addon.mjs';
import { runMain } from './setup/failure.mjs';
import { ensureNodeModules } from './setup/packages.mjs';
import { elapsed, say } from './setup/report.mjs';
import { ensureFuzzerRuntime, ensureTools, testTools } from './setup/tools.mjs';

await runMain(async () => {
  const start = performance.now();
  await ensureNodeModules();
  await ensureAddon();
  if (process.argv.includes('--test')) {
    await ensureTools(testTools, 'Testing');
    await ensureFuzzerRuntime();
  }
  say(`Set up (${elapsed(start)}).`);
});
