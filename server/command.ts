// The `headend` command: reads the command line and the environment.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_LADDER } from '../lib/index.js';
import { type CheckOptions, check } from './check.js';
import { jsonSchema } from './config/schema.js';
import { exitCodeOf, OK, WRONG_USE } from './exit-codes.js';
import { showHardware } from './hardware.js';
import { CHECK_HELP, EXIT_CODES, PROBE_HELP, SERVE_HELP } from './help.js';
import { type ProbeCommandOptions, probe } from './probe.js';
import { type ServeOptions, serve } from './serve.js';

// Compose files and unit files write variables that nobody has set as empty ones.
for (const name of ['HEADEND_CONFIG', 'HEADEND_MEDIA', 'HOST', 'PORT']) {
  if (process.env[name] === '') delete process.env[name];
}

const program = new Command('headend')
  .description('Plays media files as live TV channels over HLS.')
  .version(version())
  .showHelpAfterError()
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? OK : WRONG_USE))
  .addHelpText('after', EXIT_CODES);

program
  .command('serve')
  .description('Air channels and a page to watch them on.')
  .addOption(
    new Option('-c, --config <file>', 'channels and settings; see docs/configuration.md').env(
      'HEADEND_CONFIG',
    ),
  )
  .addOption(
    new Option(
      '-m, --media <dir>',
      'a channel for this folder and for every folder in it that holds media',
    ).env('HEADEND_MEDIA'),
  )
  .addOption(
    new Option(
      '--max-height <pixels>',
      'tallest rung of the default ladder; by default 1080, with fewer than 4 cores 720',
    )
      .choices(DEFAULT_LADDER.map(({ height }) => String(height)))
      .default(availableParallelism() < 4 ? '720' : '1080'),
  )
  .addOption(
    new Option('-p, --port <number>', 'TCP port; 0 takes a free one (default: 8080)')
      .env('PORT')
      .argParser(port),
  )
  .addOption(
    new Option(
      '--host <address>',
      'interface to listen on; 0.0.0.0 for all (default: localhost)',
    ).env('HOST'),
  )
  .option('--ssdp', 'announce the server as a tuner, so that TV software in the network finds it')
  .option(
    '--state <dir>',
    'keeps the journal and what is known about media files (default: STATE_DIRECTORY, else ~/.local/state/headend)',
  )
  .option('--no-journal', 'write down nothing: channels added over HTTP end with the process')
  .option(
    '--probe-cache <file>',
    'remember what media files hold; one filled by "headend probe --loudness --cache" brings them to one loudness',
  )
  .addHelpText('after', SERVE_HELP)
  .action(
    async (options: Omit<ServeOptions, 'maxHeight'> & { maxHeight: string }, command: Command) => {
      settle(options, command);
      process.exitCode = await serve({ ...options, maxHeight: Number(options.maxHeight) });
    },
  );

program
  .command('hardware')
  .description('Try the encoders of this machine and say which work, and why the others do not.')
  .action(showHardware);

program
  .command('check')
  .description('Say what of a configuration or a media folder would not air as it is meant.')
  .addOption(new Option('-c, --config <file>', 'configuration file').env('HEADEND_CONFIG'))
  .addOption(new Option('-m, --media <dir>', 'media folder').env('HEADEND_MEDIA'))
  .option('--probe-cache <file>', 'remember what media files hold')
  .addHelpText('after', CHECK_HELP)
  .action(async (options: CheckOptions, command: Command) => {
    if (options.config === undefined && options.media === undefined) {
      command.error('error: give --config <file> or --media <dir>');
    }
    settle(options, command);
    process.exitCode = await check(options);
  });

program
  .command('config-schema')
  .description('Print the JSON schema of the configuration file.')
  .action(() => console.log(jsonSchema()));

program
  .command('probe')
  .description('Say what media files hold.')
  .argument('<source...>', 'files, URLs, or folders to look through')
  .option('--json', 'one JSON object per source and line', false)
  .option('--loudness', 'measure by EBU R 128, which decodes all of the sound', false)
  .option('--key-frames', 'list the key frames', false)
  .option('--cache <file>', 'remember what was found out in this file')
  .option('--concurrency <number>', 'how many sources at the same time', concurrency, 4)
  .addHelpText('after', PROBE_HELP)
  .action(async (sources: string[], options: ProbeCommandOptions) => {
    process.exitCode = await probe(sources, options);
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = exitCodeOf(error);
}

/** Leaves a configuration or media, not both: what the command line says counts before the environment. */
function settle(options: { config?: string; media?: string }, command: Command): void {
  if (options.config === undefined || options.media === undefined) return;
  const isCommanded = (name: string) => command.getOptionValueSource(name) === 'cli';
  if (isCommanded('config') === isCommanded('media')) {
    command.error('error: give a configuration file or a media folder, not both');
  }
  delete options[isCommanded('config') ? 'media' : 'config'];
}

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
