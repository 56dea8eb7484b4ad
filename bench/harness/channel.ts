// The channel that the benchmarks make: 25 frames per second in segments of 4 s, the default ladder, one film.
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ProduceRequest, ProducerOptions, Rung } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { completeLadder, DEFAULT_LADDER } from '../../lib/ladder.js';
import { channelFormat } from '../../lib/timeline/grid.js';
import { cacheFolder } from '../../test/fixtures/make.js';
import { output, words } from '../../test/support/process.js';

export const FPS = 25;
export const SEGMENT_SECONDS = 4;
export const LADDER: readonly Rung[] = completeLadder(DEFAULT_LADDER);
/** Content of the short run and of the long one, in seconds; what a steady state costs is their difference. */
export const [SHORT, LONG] = [SEGMENT_SECONDS, 4 * SEGMENT_SECONDS];
const FILM_SECONDS = 40;
/** ffmpeg's options that tag a film as what most films are. */
export const BT709 = words(
  '-color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709',
);

/** 40 s of 1080p at 25 frames per second: moving figures and noise, H.264 of 8 Mbit/s, AAC. */
export const FILM = join(cacheFolder(), 'bench-1080p25-1.mp4');

/** Makes the film, unless it is there. */
export function prepareFilm(): Promise<void> {
  const picture = `testsrc2=s=1920x1080:r=${FPS}:d=${FILM_SECONDS},noise=alls=12:allf=t,format=yuv420p`;
  const sound = `sine=f=440:r=48000:d=${FILM_SECONDS}`;
  return makeFilm(FILM, [
    ...['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound],
    ...words('-c:v libx264 -preset veryfast -b:v 8M -maxrate 10M -bufsize 16M -g 50 -bf 2'),
    ...BT709,
    ...words('-c:a aac -b:a 128k -ac 2'),
  ]);
}

/** Makes an MP4 file by ffmpeg's inputs and options, unless it is there; half a file never is. */
export async function makeFilm(path: string, options: readonly string[]): Promise<void> {
  if (existsSync(path)) return;
  await mkdir(cacheFolder(), { recursive: true });
  const made = `${path}.new.mp4`;
  await output('ffmpeg', ['-v', 'error', '-y', ...options, made], { timeoutMs: 1_200_000 });
  await rename(made, path);
}

/** A channel of these rungs. */
export function channel(rungs: readonly Rung[] = LADDER): ProducerOptions {
  return {
    ...{ channelId: 'bench', title: 'Bench', audioBitrate: 128_000, rungs },
    format: channelFormat({ num: FPS, den: 1 }, SEGMENT_SECONDS),
    fontFile: createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
  };
}

/** Segments of a film, which airs over and over. */
export function request(
  from: number,
  count: number,
  rungs: readonly Rung[],
  film = FILM,
): ProduceRequest {
  const pass = FILM_SECONDS * FPS;
  const until = (from + count + 3) * SEGMENT_SECONDS * FPS;
  const inPoint = { num: 0, den: 1 };
  const timeline = [];
  for (let startFrame = 0; startFrame < until; startFrame += pass) {
    const source = { kind: 'file', url: film, inPoint } as const;
    timeline.push({ startFrame, endFrame: startFrame + pass, source });
  }
  return { from, count, rungs: rungs.map(({ id }) => id), timeline };
}

/** What a second of a film costs in the steady state, when all of the channel's rungs are made. */
export async function steadyCost(
  options: ProducerOptions,
  film = FILM,
): Promise<{ cpuSeconds: number; wallSeconds: number }> {
  const engine = createNativeEngine();
  const faults: string[] = [];
  const onFault = ({ message }: { message: string }) => void faults.push(message);
  const producer = engine.createProducer(options, { onInit() {}, onSegment() {}, onFault });
  await producer.produce(request(0, SHORT / SEGMENT_SECONDS, options.rungs, film));
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const count = (LONG - SHORT) / SEGMENT_SECONDS;
  await producer.produce(request(SHORT / SEGMENT_SECONDS, count, options.rungs, film));
  const { user, system } = process.cpuUsage(cpu);
  const elapsed = performance.now() - wall;
  await engine.close();
  if (faults.length > 0) throw new Error(faults.join('; '));
  return {
    cpuSeconds: (user + system) / 1e6 / (LONG - SHORT),
    wallSeconds: elapsed / 1000 / (LONG - SHORT),
  };
}
