// Processor time per second of content: the engine against one ffmpeg program that does the same, and against the sum
// of what decoding, scaling and encoding cost alone.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rung } from '../lib/engine/engine.js';
import { out } from '../scripts/setup/paths.mjs';
import { words } from '../test/support/process.js';
import { type Bench, figure, type Rounds, type Row, ratio } from './harness/bench.js';
import {
  channel,
  FILM,
  FPS,
  LADDER,
  LONG,
  prepareFilm,
  SHORT,
  steadyCost,
} from './harness/channel.js';
import { cpuSecondsOf, ffmpeg, prepareFfmpeg } from './harness/ffmpeg.js';

const LADDERS: Readonly<Record<string, readonly Rung[]>> = {
  'default ladder': LADDER,
  '720p alone': LADDER.filter(({ height }) => height === 720),
};

const ours = async (rungs: readonly Rung[]) => (await steadyCost(channel(rungs))).cpuSeconds;

/** Processor time per second of content of a command line whose length `args` sets. */
async function perSecond(args: (seconds: number) => readonly string[]): Promise<number> {
  const long = await cpuSecondsOf(args(LONG));
  return (long - (await cpuSecondsOf(args(SHORT)))) / (LONG - SHORT);
}

const film = (seconds: number) => ['-t', String(seconds), '-i', FILM];
/** Fragments of a second and nothing kept: what the engine's muxer does. */
const muxing = words('-f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof /dev/null');
const audio = [...words('-map 0:a -c:a aac -b:a 128k -ac 2 -ar 48000'), ...muxing];

function split(rungs: readonly Rung[]): string {
  const names = rungs.map(({ id }) => `[in${id}]`).join('');
  const scaled = rungs.map(
    ({ id, width, height }) => `[in${id}]scale=${width}:${height},format=yuv420p[${id}]`,
  );
  return `[0:v]split=${rungs.length}${names};${scaled.join(';')}`;
}

function encoding({ preset, bitrate, maxrate, bufsize }: Rung): string[] {
  return [
    ...words(`-c:v libx264 -preset ${preset} -profile:v high`),
    ...words(`-b:v ${bitrate} -maxrate ${maxrate} -bufsize ${bufsize}`),
    ...words(`-g ${2 * FPS} -keyint_min ${2 * FPS} -sc_threshold 0 -flags +cgop`),
  ];
}

function whole(rungs: readonly Rung[]): Promise<number> {
  return perSecond((seconds) => [
    ...[...film(seconds), '-filter_complex', split(rungs)],
    ...rungs.flatMap((rung) => ['-map', `[${rung.id}]`, ...encoding(rung), ...muxing]),
    ...audio,
  ]);
}

/** What the steps cost when each is alone: from the film to nothing, and from raw pictures to segments. */
async function sum(rungs: readonly Rung[]): Promise<number> {
  const nothing = words('-f null -');
  const decodingAndScaling = await perSecond((seconds) => [
    ...[...film(seconds), '-filter_complex', split(rungs)],
    ...rungs.flatMap(({ id }) => ['-map', `[${id}]`, ...nothing]),
  ]);
  const sound = await perSecond((seconds) => [...film(seconds), '-vn', ...audio]);
  let encoders = 0;
  for (const rung of rungs) encoders += await encodingAlone(rung);
  return decodingAndScaling + sound + encoders;
}

async function encodingAlone(rung: Rung): Promise<number> {
  const raw = join(out, `bench/${rung.id}-${process.pid}.yuv`);
  const size = `${rung.width}:${rung.height}`;
  try {
    const scale = ['-map', '0:v', '-vf', `scale=${size},format=yuv420p`];
    await cpuSecondsOf([...film(LONG), ...scale, '-f', 'rawvideo', raw]);
    const format = words(`-f rawvideo -pix_fmt yuv420p -s ${rung.width}x${rung.height} -r ${FPS}`);
    return await perSecond((seconds) => [
      ...[...format, '-t', String(seconds), '-i', raw, ...encoding(rung), ...muxing],
    ]);
  } finally {
    await rm(raw, { force: true });
  }
}

const WAYS: Readonly<Record<string, (rungs: readonly Rung[]) => Promise<number>>> = {
  headend: ours,
  ffmpeg: whole,
  sum,
};

const COST = 'cpuSecondsPerSecond';

const variants = Object.keys(LADDERS).flatMap((ladder) =>
  Object.keys(WAYS).map((way) => `${ladder}/${way}`),
);

function rows(rounds: Rounds): Row[] {
  return Object.keys(LADDERS).map((ladder) => {
    const of = (way: string) => figure(rounds, `${ladder}/${way}`, COST);
    const against = (way: string) => ratio(rounds, `${ladder}/headend`, COST, `${ladder}/${way}`);
    return {
      rungs: ladder,
      headend: of('headend'),
      [ffmpeg().name]: of('ffmpeg'),
      'the steps alone': of('sum'),
      'headend / ffmpeg': against('ffmpeg'),
      'headend / the steps': against('sum'),
    };
  });
}

export const bench: Bench = {
  title: 'Processor time per second of content',
  about:
    'Processor seconds (user and system, start of the process not counted) for a second of 1080p film, decoded once and ' +
    'encoded to the default ladder (1080p 5 Mbit/s, 720p 3, 480p 1.5) or to one rung, x264 `veryfast`, sound as AAC, ' +
    'muxed to fragmented MP4. The peer is one `ffmpeg` program with a `split` filter, `scale` as it is by default ' +
    '(bicubic, a little less exact than ours), the same bit rates and key frames, and threads as ffmpeg chooses them. The ' +
    'steps alone: decoding and scaling to nothing, the sound, and each rung encoded from raw pictures. Steady state: a ' +
    'run of 16 s less one of 4 s. Goals: 0.95 of ffmpeg, 1.05 of the steps.',
  variants,
  trials: 3,
  async prepare() {
    await Promise.all([prepareFfmpeg(), prepareFilm()]);
  },
  async trial(variant) {
    const [ladder = '', way = ''] = variant.split('/');
    const [rungs, measure] = [LADDERS[ladder], WAYS[way]];
    if (rungs === undefined || measure === undefined) throw new RangeError(variant);
    return { [COST]: await measure(rungs) };
  },
  rows,
};
