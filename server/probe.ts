// `headend probe`: says what media files hold, for people or, line by line as JSON, for programs.

import { stat } from 'node:fs/promises';
import {
  createHeadend,
  type ProbeOutcome,
  type Rational,
  type SourceFacts,
  type VideoTrack,
} from '../lib/index.js';
import { findFolders } from './media.js';

/** Settings of the command. */
export interface ProbeCommandOptions {
  /** One JSON object per source and line. */
  readonly json: boolean;
  readonly loudness: boolean;
  readonly keyFrames: boolean;
  readonly concurrency: number;
  /** File that remembers what was found out. */
  readonly cache?: string;
}

/**
 * Looks at files, URLs and what of folders `headend serve` would air; resolves with the exit code of the process: 1 when
 * a source could not be read.
 */
export async function probe(
  sources: readonly string[],
  options: ProbeCommandOptions,
  write: (line: string) => void = console.log,
): Promise<number> {
  const { json, loudness, keyFrames, concurrency, cache } = options;
  await using headend = await createHeadend(cache === undefined ? {} : { probeCache: cache });
  const files = (await Promise.all(sources.map(filesOf))).flat();
  let code = 0;
  for await (const outcome of headend.probeAll(files, { loudness, keyFrames, concurrency })) {
    if (outcome.error) code = 1;
    write(json ? JSON.stringify(toJson(outcome)) : describe(outcome));
  }
  return code;
}

async function filesOf(source: string): Promise<string[]> {
  const stats = await stat(source).catch(() => null);
  if (!stats?.isDirectory()) return [source];
  const warn = (_details: object, message: string) => console.error(message);
  const folders = await findFolders(source, { warn }, new AbortController().signal);
  return folders.flatMap(({ files }) => files);
}

function toJson({ source, facts, error }: ProbeOutcome): object {
  if (facts) return { source, ...facts };
  const { code, stage, message } = error;
  return { source, error: { code, stage, message } };
}

/** What a person wants to know of a source, on a few lines. */
export function describe({ source, facts, error }: ProbeOutcome): string {
  if (!facts) return `${source}\n  ${error.code}: ${error.message}\n`;
  const lines = [source, `  ${container(facts)}`];
  if (facts.video) lines.push(`  video: ${video(facts.video)}`);
  for (const track of facts.audioTracks) {
    const { codec, sampleRate, layout, language, title, index } = track;
    const aired = index === facts.audio?.index && facts.audioTracks.length > 1 ? 'airs' : null;
    lines.push(`  audio: ${joined([codec, `${sampleRate} Hz`, layout, language, title, aired])}`);
  }
  for (const { codec, language } of facts.subtitles) {
    lines.push(`  subtitles: ${joined([codec, language])}`);
  }
  if (facts.cover) lines.push('  cover picture');
  if (facts.loudness) {
    const { integrated, truePeak } = facts.loudness;
    const measured =
      integrated === null
        ? 'silence'
        : `${integrated.toFixed(1)} LUFS, true peak ${truePeak?.toFixed(1) ?? '?'} dBTP`;
    lines.push(`  loudness: ${measured}`);
  }
  if (facts.keyFrames) lines.push(`  key frames: ${keyFrames(facts.keyFrames)}`);
  return `${lines.join('\n')}\n`;
}

function container(facts: SourceFacts): string {
  const { title, duration, declaredDuration, format, bitrate } = facts;
  return joined([
    title && `"${title}"`,
    duration ? time(duration) : 'unknown duration',
    declaredDuration && `cut off: ${time(declaredDuration)} as it says`,
    format,
    bitrate && `${Math.round(bitrate / 1000)} kbit/s`,
  ]);
}

function video(track: VideoTrack): string {
  const { codec, profile, width, height, shown, rotation, frameRate, variableRate } = track;
  const { pixelFormat, dynamicRange, dolbyVision, fieldOrder } = track;
  const asCoded = shown.width === width && shown.height === height;
  const rate = frameRate && `${Number((frameRate.num / frameRate.den).toFixed(3))} fps`;
  return joined([
    profile ? `${codec} (${profile})` : codec,
    `${width}x${height}`,
    !asCoded && `shown as ${shown.width}x${shown.height}`,
    rotation > 0 && `rotated by ${rotation} degrees`,
    rate && (variableRate ? `${rate} on average, variable` : rate),
    pixelFormat,
    dynamicRange !== 'sdr' && dynamicRange.toUpperCase(),
    dolbyVision !== null && `Dolby Vision profile ${dolbyVision}`,
    fieldOrder !== null && fieldOrder !== 'progressive' && `interlaced, ${fieldOrder}`,
  ]);
}

function keyFrames(times: readonly number[]): string {
  const longest = times
    .slice(1)
    .reduce((most, at, index) => Math.max(most, at - (times[index] ?? 0)), 0);
  return `${times.length}, at most ${longest.toFixed(2)} s apart`;
}

function time({ num, den }: Rational): string {
  const seconds = num / den;
  const part = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${part(seconds / 3600)}:${part((seconds / 60) % 60)}:${(seconds % 60).toFixed(3).padStart(6, '0')}`;
}

function joined(parts: readonly (string | number | false | null)[]): string {
  return parts.filter((part) => part !== false && part !== null && part !== '').join(', ');
}
