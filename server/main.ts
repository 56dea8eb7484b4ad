#!/usr/bin/env node
// The `headend` command: reads the command line and the environment.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_LADDER } from '../lib/index.js';
import { type ProbeCommandOptions, probe } from './probe.js';
import { type ServeOptions, serve } from './serve.js';

const program = new Command('headend')
  .description('Plays folders of media files as live TV channels over HLS.')
  .version(version())
  .showHelpAfterError();

program
  .command('serve')
  .description('Air channels and a page to watch them on.')
  .option(
    '-m, --media <dir>',
    'a channel for this folder and for every folder in it that holds media',
  )
  .addOption(
    new Option('--max-height <pixels>', 'tallest rung; fewer than 4 cores cannot keep up with 1080')
      .choices(DEFAULT_LADDER.map(({ height }) => String(height)))
      .default(availableParallelism() < 4 ? '720' : '1080'),
  )
  .addOption(
    new Option('-p, --port <number>', 'TCP port; 0 takes a free one')
      .env('PORT')
      .default(8080)
      .argParser(port),
  )
  .addOption(
    new Option('--host <address>', 'interface to listen on; 0.0.0.0 for all')
      .env('HOST')
      .default('localhost'),
  )
  .option(
    '--probe-cache <file>',
    'remember what media files hold; one filled by "headend probe --loudness --cache" brings them to one loudness',
  )
  .addHelpText(
    'after',
    '\nWithout media, generated demo channels are on the air.\n' +
      'Ctrl-C ends the server; a second Ctrl-C ends it without waiting.',
  )
  .action(async (options: Omit<ServeOptions, 'maxHeight'> & { maxHeight: string }) => {
    process.exitCode = await serve({ ...options, maxHeight: Number(options.maxHeight) });
  });

program
  .command('probe')
  .description('Say what media files hold.')
  .argument('<source...>', 'files, URLs, or folders to look through')
  .option('--json', 'one JSON object per source and line', false)
  .option('--loudness', 'measure by EBU R 128, which decodes all of the sound', false)
  .option('--key-frames', 'list the key frames where the container has an index', false)
  .option('--cache <file>', 'remember what was found out in this file')
  .option('--concurrency <number>', 'how many sources at the same time', concurrency, 4)
  .action(async (sources: string[], options: ProbeCommandOptions) => {
    process.exitCode = await probe(sources, options);
  });

await program.parseAsync();

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) {
    throw new InvalidArgumentError('It must be a number from 0 to 65535.');
  }
  return value;
}

function concurrency(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 64) {
    throw new InvalidArgumentError('It must be a number from 1 to 64.');
  }
  return value;
}

function version(): string {
  const file = createRequire(import.meta.url).resolve('headend/package.json');
  const data: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const known = typeof data === 'object' && data !== null && 'version' in data;
  return known ? String(data.version) : 'unknown';
}
