// What one viewer on one rung costs, compared with encoding the whole default ladder.
import { createHeadend, DEFAULT_LADDER, loop } from '../lib/index.js';
import { type Bench, figure, ratio } from './harness/bench.js';
import { FILM, FPS, prepareFilm, SEGMENT_SECONDS } from './harness/channel.js';

const SEGMENTS = 10;
const RUNGS: Readonly<Record<string, readonly string[]>> = {
  '720p alone': ['720p'],
  'all rungs': DEFAULT_LADDER.map(({ height }) => `${height}p`),
};

/** Processor seconds that a batch takes while these rungs are watched. */
async function cost(rungs: readonly string[]): Promise<number> {
  await using headend = await createHeadend({
    hardware: 'software',
    batchSegments: SEGMENTS,
    batchThreshold: 1,
  });
  const channel = await headend.channels.add({
    ...{ id: 'bench', frameRate: FPS, segmentDuration: SEGMENT_SECONDS },
    ladder: DEFAULT_LADDER,
    schedule: loop([{ source: FILM }]),
  });
  const before = process.cpuUsage();
  const completed = new Promise<void>((resolve) =>
    headend.on('batch', ({ type }) => type === 'completed' && resolve()),
  );
  // Ask again now and then, as players do, so that the rungs stay in demand.
  const ask = () => rungs.map((id) => channel.mediaPlaylist(id).catch(() => ''));
  await Promise.all(ask());
  const asking = setInterval(ask, 2000);
  await completed;
  clearInterval(asking);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

export const bench: Bench = {
  title: 'One rung of the ladder',
  about:
    `Processor seconds of the real engine for ${SEGMENTS} segments of ${SEGMENT_SECONDS} s of a 1080p film while one ` +
    'viewer watches one rung, against viewers on every rung of the default ladder. Goal: one rung in 0.45 of the time ' +
    'of all.',
  variants: Object.keys(RUNGS),
  prepare: prepareFilm,
  async trial(variant) {
    return { cpuSeconds: await cost(RUNGS[variant] ?? []) };
  },
  rows: (rounds) =>
    Object.keys(RUNGS).map((watched) => ({
      watched,
      'processor, s': figure(rounds, watched, 'cpuSeconds'),
      ratio: ratio(rounds, watched, 'cpuSeconds', 'all rungs'),
    })),
};
