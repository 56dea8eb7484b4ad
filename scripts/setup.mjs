#!/usr/bin/env node
// Sets up a checkout: npm packages, native tools, FFmpeg's libraries, the addon. Does only what is
// missing; run before `npm start` and `npm test`. With --test also what only the tests need.
import { ensureAddon } from './setup/addon.mjs';
import { runMain } from './setup/failure.mjs';
import { ensureNodeModules } from './setup/packages.mjs';
import { elapsed, say } from './setup/report.mjs';
import {
  buildTools,
  ensureFuzzerRuntime,
  ensureTools,
  fuzzerCompiler,
  offerProxies,
  testTools,
} from './setup/tools.mjs';

async function ensureTestTools() {
  await ensureTools(testTools, 'Testing');
  await ensureFuzzerRuntime();
  await offerProxies();
}

await runMain(async () => {
  const start = performance.now();
  await ensureNodeModules();
  const test = process.argv.includes('--test');
  const compilers = test ? [...buildTools, fuzzerCompiler] : buildTools;
  await ensureTools(compilers, 'Building the native part');
  // The rest is fetched while the libraries are compiled.
  await Promise.all([ensureAddon(), test && ensureTestTools()]);
  say(`Set up (${elapsed(start)}).`);
});
