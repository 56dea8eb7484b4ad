// Reads the configuration file: what is wrong with it is told by file, place, expectation and value.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { validate } from '../../lib/validate.js';
import { type Configuration, ConfigurationSchema, type ConfiguredSchedule } from './schema.js';

const MAX_BYTES = 64 * 1024 * 1024;

/** A configuration that cannot be used. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/**
 * The configuration in a file, with absolute paths.
 * @throws ConfigurationError
 */
export async function readConfiguration(file: string): Promise<Configuration> {
  const configuration = valid(file, parse(file, await textOf(file)));
  requireDifferent('id', file, configuration);
  requireDifferent('number', file, configuration);
  return withAbsolutePaths(configuration, dirname(resolve(file)));
}

function valid(file: string, value: unknown): Configuration {
  try {
    return validate(file, ConfigurationSchema, value);
  } catch (error) {
    throw new ConfigurationError(reasonOf(error));
  }
}

async function textOf(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return bytes.toString('utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new ConfigurationError(`${file}: ${reasonOf(error)}`);
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`${file}: ${reasonOf(error)}`);
  }
}

function requireDifferent(
  member: 'id' | 'number',
  file: string,
  { channels = [] }: Configuration,
): void {
  const places = new Map<string, number>();
  for (const [index, channel] of channels.entries()) {
    const value = channel[member];
    if (value === undefined) continue;
    const other = places.get(value);
    if (other !== undefined) {
      const place = `channels[${index}].${member} must differ from channels[${other}].${member}`;
      throw new ConfigurationError(`${file}: ${place}, got '${value}'`);
    }
    places.set(value, index);
  }
}

function withAbsolutePaths(configuration: Configuration, folder: string): Configuration {
  const { server, media, channels } = configuration;
  const path = (text: string) => resolve(folder, text);
  const members = ['state', 'journal', 'probeCache', 'caFile', 'fontFile'] as const;
  const given = members.flatMap((name): [string, string][] => {
    const value = server?.[name];
    return typeof value === 'string' ? [[name, path(value)]] : [];
  });
  const diskStore = server?.diskStore && {
    diskStore: { ...server.diskStore, directory: path(server.diskStore.directory) },
  };
  return {
    ...configuration,
    ...(server && { server: { ...server, ...Object.fromEntries(given), ...diskStore } }),
    ...(media && { media: { ...media, path: path(media.path) } }),
    ...(channels && {
      channels: channels.map((channel) => ({
        ...channel,
        schedule: withAbsoluteSources(channel.schedule, folder),
      })),
    }),
  };
}

function withAbsoluteSources<Schedule extends ConfiguredSchedule>(
  schedule: Schedule,
  folder: string,
): Schedule {
  if (schedule.type === 'folder') return { ...schedule, path: resolve(folder, schedule.path) };
  const programmes = schedule.programmes.map((programme) => ({
    ...programme,
    source: absoluteSource(programme.source, folder),
  }));
  if (schedule.type === 'loop') return { ...schedule, programmes };
  const { between, over } = schedule;
  return {
    ...schedule,
    programmes,
    ...(between && { between: withAbsoluteSources(between, folder) }),
    ...(over && { over: withAbsoluteSources(over, folder) }),
  };
}

// URLs and FFmpeg's protocols (`concat:…`) stay as they are.
function absoluteSource<Source>(source: Source, folder: string): Source | string {
  if (typeof source !== 'string' || /^[a-z][a-z0-9+.-]+:/i.test(source)) return source;
  return resolve(folder, source);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
