#!/usr/bin/env node
// Compiles the addon: `npm run build:native`, binding.gyp and prebuildify all end up here.
//   --config Release|Debug   default Release
import { parseArgs } from 'node:util';
import { buildAddon } from './setup/addon.mjs';
import { runMain } from './setup/failure.mjs';

await runMain(async () => {
  const { values } = parseArgs({ options: { config: { type: 'string', default: 'Release' } } });
  console.log(await buildAddon({ config: values.config, verbose: true }));
});
