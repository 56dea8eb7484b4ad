// What one viewer on one rung costs, compared with encoding the whole default ladder: processor seconds of the real
// engine for the same minute of a channel: node --import tsx bench/demand.ts [file] [rung]
import { createHeadend, DEFAULT_LADDER, loop } from '../lib/index.js';

const SEGMENTS = 10;
const [file, rung = '720p'] = process.argv.slice(2);

const source = file ?? {
  video:
    "geq=lum='128+80*sin((X+120*t)/40)+40*sin((Y-80*t)/23)':cb='128+60*sin((X-Y+90*t)/90)':cr=128",
  audio: 'aeval=0.1*sin(880*PI*t)|0.1*sin(880*PI*t)',
};

/** Processor seconds that a number of segments take while these rungs are watched. */
async function cost(rungs: readonly string[]): Promise<number> {
  await using headend = await createHeadend({
    hardware: 'software',
    batchSegments: SEGMENTS,
    batchThreshold: 1,
  });
  const channel = await headend.channels.add({
    id: 'c',
    ladder: DEFAULT_LADDER,
    schedule: loop([{ source, duration: 3600 }]),
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

const one = await cost([rung]);
const all = await cost(DEFAULT_LADDER.map(({ height }) => `${height}p`));
console.log(`${SEGMENTS} segments of 4 s, ${file ?? 'generated pictures'}:`);
console.log(
  `${rung} alone ${one.toFixed(1)} s, the whole ladder ${all.toFixed(1)} s of processor time`,
);
console.log(`${(one / all).toFixed(2)} of all together`);
