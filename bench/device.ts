// What decoding and scaling on a GPU saves: the same channel with its film in memory and on the device.
import { join } from 'node:path';
import { type Rung, SOFTWARE_ENCODER } from '../lib/engine/engine.js';
import { createNativeEngine } from '../lib/engine/native.js';
import { cacheFolder } from '../test/fixtures/make.js';
import { words } from '../test/support/process.js';
import { type Bench, figure, ratio } from './harness/bench.js';
import {
  BT709,
  channel,
  FILM,
  LADDER,
  LONG,
  makeFilm,
  prepareFilm,
  steadyCost,
} from './harness/channel.js';

/** The same pictures in 2160p, as HEVC of 6 Mbit/s; as long as the long run and what is read ahead of it. */
const UHD = join(cacheFolder(), 'bench-2160p25-1.mp4');
const FILMS: Readonly<Record<string, string>> = { '1080p H.264': FILM, '2160p HEVC': UHD };
const LADDERS: Readonly<Record<string, readonly Rung[]>> = {
  'default ladder': LADDER,
  '480p alone': LADDER.filter(({ height }) => height === 480),
};
const PLACES = ['memory', 'device'];

const prepareUhd = () =>
  makeFilm(UHD, [
    ...['-t', String(LONG + 4), '-i', FILM, '-vf', 'scale=3840:2160'],
    ...words('-c:v libx265 -preset ultrafast -b:v 6M -g 50 -x265-params log-level=error'),
    ...BT709,
    ...words('-tag:v hvc1 -c:a copy'),
  ]);

const variants = Object.keys(FILMS).flatMap((film) =>
  Object.keys(LADDERS).flatMap((ladder) => PLACES.map((place) => `${film}/${ladder}/${place}`)),
);

export const bench: Bench = {
  title: 'Decoding and scaling on a GPU',
  about:
    'Processor seconds (of all cores) and seconds by the clock for a second of film, in the steady state: the film ' +
    'decoded and scaled in memory, and by CUDA (NVDEC and `scale_cuda`), each rung downloaded at its size; x264 encodes ' +
    '`veryfast` in both. Only where a GPU passed its trial.',
  variants,
  trials: 3,
  async unavailable() {
    const engine = createNativeEngine();
    const [report] = await engine.hardware(SOFTWARE_ENCODER);
    await engine.close();
    return report?.device?.works ? undefined : (report?.device?.reason ?? 'no device');
  },
  async prepare() {
    await prepareFilm();
    await prepareUhd();
  },
  async trial(variant) {
    const [film = '', ladder = '', place] = variant.split('/');
    const options = { ...channel(LADDERS[ladder]), device: place === 'device' };
    return steadyCost(options, FILMS[film]);
  },
  rows: (rounds) =>
    Object.keys(FILMS).flatMap((film) =>
      Object.keys(LADDERS).map((ladder) => {
        const variant = (place: string) => `${film}/${ladder}/${place}`;
        const of = (place: string, name: string) => figure(rounds, variant(place), name);
        return {
          ...{ film, rungs: ladder },
          'in memory, CPU s': of('memory', 'cpuSeconds'),
          'on the device, CPU s': of('device', 'cpuSeconds'),
          'device / memory': ratio(rounds, variant('device'), 'cpuSeconds', variant('memory')),
          'in memory, s': of('memory', 'wallSeconds'),
          'on the device, s': of('device', 'wallSeconds'),
        };
      }),
    ),
};
