// What should be on the air: the channels of the configuration file and of the media folder, else demo channels.

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import {
  type ChannelDefinition,
  type Headend,
  HeadendError,
  type ProbeProgress,
  type Programme,
  type RungOptions,
  type ScheduleDefinition,
} from '../lib/index.js';
import { readConfiguration } from './config/read.js';
import type { ConfiguredChannel, ConfiguredSchedule } from './config/schema.js';
import { demoChannels } from './demo/channels.js';
import { type Folder, findFolders, mediaFiles, playable } from './media.js';
import type { Reports } from './reports.js';

/** Where channels come from: a configuration file, a media folder, or neither. */
export interface Sources {
  readonly config?: string;
  readonly media?: string;
  /** For channels that do not name one. */
  readonly ladder: readonly RungOptions[];
}

/** A channel that should be on the air. */
export interface PlannedChannel {
  readonly id: string;
  readonly name: string;
  /** The media folder that it is of, where nobody has asked for it by name. */
  readonly root?: string;
  /** Looks at the files that have to be looked at; null when there is nothing to play, which is reported. */
  prepare(): Promise<ChannelDefinition | null>;
}

/** What should be on the air. */
export interface Plan {
  readonly channels: readonly PlannedChannel[];
  /** Airs when none of the others can. */
  readonly fallback: readonly ChannelDefinition[];
  /** What to watch for changes: the folders that were looked into. */
  readonly folders: ReadonlySet<string>;
  /** The media folder whose folders are channels, where there is one. */
  readonly media?: string;
  /** The configuration file, where there is one. */
  readonly file?: string;
}

/** What {@link makePlan} works with. */
export interface PlanContext {
  readonly headend: Headend;
  readonly reports: Reports;
  readonly signal: AbortSignal;
  /** Called after each file of a folder that was looked at. */
  readonly onProgress?: (progress: ProbeProgress) => void;
}

/**
 * Reads the configuration and lists the folders.
 * @throws ConfigurationError; the system's error when the media folder cannot be read; the signal's reason.
 */
export async function makePlan(sources: Sources, context: PlanContext): Promise<Plan> {
  const { config, media, ladder } = sources;
  if (config !== undefined) return configuredPlan(config, sources, context);
  const fallback = demoChannels(Math.max(...ladder.map(({ height }) => height)));
  if (media === undefined) return { channels: [], fallback, folders: new Set() };
  const folders = new Set<string>();
  const channels = await mediaChannels(media, sources, context, folders);
  return { channels, fallback, folders, media };
}

async function configuredPlan(file: string, sources: Sources, context: PlanContext): Promise<Plan> {
  const { media, channels = [] } = await readConfiguration(file);
  const folders = new Set<string>();
  const planned = channels.map((channel) => configuredChannel(channel, sources, context, folders));
  if (media) {
    const ladder = media.ladder ?? sources.ladder;
    planned.push(...(await mediaChannels(media.path, { ladder }, context, folders)));
  }
  const taken = new Set<string>();
  const isFirst = ({ id, name }: PlannedChannel) => {
    if (!taken.has(id)) return taken.add(id);
    context.reports.warn({ channelId: id }, `No channel for ${name}: there is a channel ${id}`);
    return false;
  };
  return {
    ...{ channels: planned.filter(isFirst), fallback: [], folders, file: resolve(file) },
    ...(media && { media: media.path }),
  };
}

async function mediaChannels(
  root: string,
  { ladder }: Sources,
  context: PlanContext,
  watched: Set<string>,
): Promise<PlannedChannel[]> {
  const { reports, signal } = context;
  const folders = await findFolders(root, reports, signal, (path) => watched.add(path));
  return folders.map((folder) => ({ ...mediaChannel(folder, ladder, context), root }));
}

function mediaChannel(
  { id, name, files }: Folder,
  ladder: readonly RungOptions[],
  context: PlanContext,
): PlannedChannel {
  return {
    id,
    name,
    async prepare() {
      const programmes = await programmesOf(id, files, context);
      if (programmes.length === 0) {
        context.reports.warn({ channelId: id }, `No file of ${name} can be played`);
        return null;
      }
      return { id, name, schedule: { type: 'loop', programmes }, ladder: [...ladder] };
    },
  };
}

function configuredChannel(
  channel: ConfiguredChannel,
  { ladder }: Sources,
  context: PlanContext,
  watched: Set<string>,
): PlannedChannel {
  const { id, name = id } = channel;
  for (const path of foldersOf(channel.schedule)) watched.add(path);
  return {
    id,
    name,
    async prepare() {
      const schedule = await withoutFolders(id, channel.schedule, context);
      return { ladder: [...ladder], ...channel, schedule };
    },
  };
}

function foldersOf(schedule: ConfiguredSchedule): string[] {
  if (schedule.type === 'folder') return [schedule.path];
  if (schedule.type === 'loop') return [];
  return [schedule.between, schedule.over].flatMap((filling) =>
    filling ? foldersOf(filling) : [],
  );
}

async function withoutFolders(
  id: string,
  schedule: ConfiguredSchedule,
  context: PlanContext,
): Promise<ScheduleDefinition> {
  if (schedule.type !== 'at') return listed(id, schedule, context);
  const { between, over, ...rest } = schedule;
  return {
    ...rest,
    ...(between && { between: await listed(id, between, context) }),
    ...(over && { over: await listed(id, over, context) }),
  };
}

type Listed = Exclude<ConfiguredSchedule, { type: 'at' }>;

async function listed(
  id: string,
  schedule: Listed,
  context: PlanContext,
): Promise<Extract<ScheduleDefinition, { type: 'loop' }>> {
  if (schedule.type === 'loop') return schedule;
  const { path, order } = schedule;
  const files = await readable(id, path);
  const inOrder = order === 'shuffle' ? shuffled(files) : files;
  return { type: 'loop', programmes: await programmesOf(id, inOrder, context) };
}

async function readable(channelId: string, path: string): Promise<string[]> {
  try {
    return await mediaFiles(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HeadendError('SOURCE_NOT_FOUND', 'schedule', `${path}: ${reason}`, {
      channelId,
      cause,
    });
  }
}

function programmesOf(
  channelId: string,
  files: readonly string[],
  { headend, reports, signal, onProgress }: PlanContext,
): Promise<Programme[]> {
  return playable(files, {
    headend,
    signal,
    onProgress,
    onLeftOut: (file, { code, message }) =>
      reports.warn({ channelId, code, file }, `Left out ${file}: ${message}`),
  });
}

// The order of the names' hashes: a file that comes or goes moves no other.
function shuffled(files: readonly string[]): string[] {
  const hash = (file: string) => createHash('sha256').update(file).digest('hex');
  return files
    .map((file) => [hash(file), file] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, file]) => file);
}
