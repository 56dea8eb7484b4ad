// `headend check`: says, before anything airs, what of a configuration or a media folder would not air as it is meant.

import { programmesOf } from '../lib/definition.js';
import {
  type Channel,
  type ChannelDefinition,
  channelFromDefinition,
  createHeadend,
  DEFAULT_LADDER,
  type Headend,
  HeadendError,
  type ProbeProgress,
} from '../lib/index.js';
import { headendOptions } from './config/options.js';
import { readConfiguration } from './config/read.js';
import { exitCodeOf, FAILED, OK } from './exit-codes.js';
import { makePlan, type PlannedChannel } from './plan.js';
import { Reports } from './reports.js';
import { explain } from './serve.js';

/** Settings of the command. */
export interface CheckOptions {
  readonly config?: string;
  readonly media?: string;
  /** File that remembers what was found out about media files. */
  readonly probeCache?: string;
}

/** Where the command writes. */
export interface CheckOutput {
  readonly write: (line: string) => void;
  /** Shows how far it is, in the place of what it showed last; undefined where nobody watches. */
  readonly progress: ((text: string) => void) | undefined;
}

/** Checks everything; resolves with the exit code of the process: 1 when something would not air as it is meant. */
export async function check(
  options: CheckOptions,
  { write, progress }: CheckOutput = terminal(),
): Promise<number> {
  const { probeCache, config } = options;
  try {
    const { server: settings = {} } = config === undefined ? {} : await readConfiguration(config);
    const cache = probeCache ?? settings.probeCache;
    // The folder of segments belongs to a server, which may be running.
    const { diskStore: _, ...others } = headendOptions(settings);
    await using headend = await createHeadend({
      ...others,
      ...(typeof cache === 'string' && { probeCache: cache }),
    });
    let found = 0;
    const tell = (_details: object, message: string) => {
      progress?.('');
      write(`  ${message}`);
      found++;
    };
    const signal = new AbortController().signal;
    const reports = new Reports({ warn: tell });
    let onProgress = (_progress: ProbeProgress) => {};
    const plan = await makePlan(
      { ...options, ladder: DEFAULT_LADDER },
      { headend, reports, signal, onProgress: (of) => onProgress(of) },
    );
    const total = plan.channels.length;
    for (const [index, channel] of plan.channels.entries()) {
      const looked = new Set<string>();
      let part = 0;
      progress?.(`${bar(index, part, total)} ${channel.name}`);
      onProgress = ({ source, done, total: files }) => {
        looked.add(source);
        // A timetable has programmes after a folder.
        part = Math.max(part, files ? done / files : 0);
        progress?.(`${bar(index, part, total)} ${channel.name}, file ${done} of ${files ?? '?'}`);
      };
      await checkChannel(channel, { headend, reports, looked, onProgress });
    }
    if (total > 0) progress?.(`${bar(total - 1, 1, total)}\n`);
    if (plan.channels.length === 0) reports.warn({}, 'There is no channel');
    write(`${plan.channels.length} channels checked, ${found} problems`);
    return found === 0 ? OK : FAILED;
  } catch (error) {
    write(explain(error, options));
    return exitCodeOf(error);
  }
}

interface ChannelCheck {
  readonly headend: Headend;
  readonly reports: Reports;
  /** The files that the channel's `prepare` has looked at. */
  readonly looked: ReadonlySet<string>;
  readonly onProgress: (progress: ProbeProgress) => void;
}

async function checkChannel(
  { id, name, prepare }: PlannedChannel,
  { headend, reports, looked, onProgress }: ChannelCheck,
): Promise<void> {
  try {
    const definition = await prepare();
    if (!definition) return;
    const files = filesOf(definition).filter((file) => !looked.has(file));
    // What is found out is remembered; adding the channel reports what is wrong.
    for await (const _ of headend.probeAll(files, { onProgress }));
    const options = channelFromDefinition(definition);
    const channel = await headend.channels.add({ ...options, checkSources: 'all' });
    for (const problem of problemsOf(channel))
      reports.warn({ channelId: id }, `${name}: ${problem}`);
    await headend.channels.remove(id);
  } catch (error) {
    if (!(error instanceof HeadendError)) throw error;
    reports.warn({ channelId: id }, `No channel for ${name}: ${error.code}: ${error.message}`);
  }
}

function filesOf(definition: ChannelDefinition): string[] {
  const sources = programmesOf(definition).flatMap(({ source }) =>
    typeof source === 'string' ? [source] : [],
  );
  return [...new Set(sources)];
}

function problemsOf({ problems }: Channel): string[] {
  return problems.map(({ code, message, source }) =>
    message.includes(source) ? `${code}: ${message}` : `${code}: ${message} (${source})`,
  );
}

const BAR_WIDTH = 24;

// @param part How much of the channel at `index` is done, 0 to 1.
function bar(index: number, part: number, total: number): string {
  const filled = Math.floor(((index + part) / total) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${index + 1}/${total}`;
}

function terminal(): CheckOutput {
  // A terminal that does not tell its width says 0.
  const { stderr } = process;
  return {
    write: console.log,
    progress: stderr.isTTY
      ? (text) => stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns || 80) - 1)}`)
      : undefined,
  };
}
