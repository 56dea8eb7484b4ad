// The pictures of the demo channels: a landscape, a clock made of planets, a test card. Each is a chain
// over black 1280x720 frames, a function of `t` alone, with `t` as the time of day in UTC.

import { CLOCK, compose, disc, gradient, HEIGHT, type Rgb, sprite, text, WIDTH } from './chains.js';

type Color = readonly [r: number, g: number, b: number];

/** The colours of a landscape. */
export interface Landscape {
  readonly skyTop: Color;
  readonly skyLow: Color;
  readonly sun: Color;
  /** Far, middle and near ridge, at their crest. */
  readonly ridges: readonly [Color, Color, Color];
}

const RIDGES = [
  { seed: 1, crest: 50, relief: 36, speed: 9, top: 300 },
  { seed: 2.2, crest: 52, relief: 40, speed: 22, top: 370 },
  { seed: 4.1, crest: 60, relief: 44, speed: 47, top: 450 },
] as const;

/** Three ridges that pass at different speeds under a wandering sun. */
export function landscape({ skyTop, skyLow, sun, ridges }: Landscape): string {
  const mix = (a: number, b: number) => `${a}+(${b - a})*pow(Y/89,1.4)`;
  const sky: Rgb = [
    mix(skyTop[0], skyLow[0]),
    mix(skyTop[1], skyLow[1]),
    mix(skyTop[2], skyLow[2]),
  ];
  return compose(
    [
      { still: gradient(160, 90, sky), at: '0:0' },
      { still: disc(56, 110, solid(sun)), at: "x='530+430*sin(t/97)':y='150-60*cos(t/61)'" },
      ...RIDGES.map(({ speed, top, ...shape }, index) => ({
        still: ridge(ridges[index] ?? sun, shape),
        at: `x='-mod(t*${speed},${WIDTH})':y=${top}`,
      })),
    ],
    `${text(CLOCK, '64', 'h-150', 88)},${text('UTC', '68', 'h-50', 22, 'white@0.7')}`,
  );
}

// One period of the crest line, half size, enlarged and set beside itself, so that it can pass for ever.
function ridge(
  color: Color,
  {
    seed,
    crest,
    relief,
  }: { readonly seed: number; readonly crest: number; readonly relief: number },
): string {
  const wave = (times: number, phase: number) => `sin(2*PI*X*${times}/640+${phase})`;
  const line =
    `${crest}+${relief}*(0.55*${wave(1, seed)}+0.28*${wave(3, seed * 2.3)}` +
    `+0.17*${wave(7, seed * 1.7)}+0.08*${wave(17, seed)})`;
  const haze = (value: number) => `${value}+${Math.round(18 + value / 4)}*Y/75`;
  const rgb: Rgb = [haze(color[0]), haze(color[1]), haze(color[2])];
  const period = sprite(640, 75, rgb, `255*clip(2*Y-(${line}),0,1)`);
  return `${period},scale=${WIDTH}:300:flags=bilinear,split,hstack`;
}

const CENTER = { x: 860, y: 360 };
const PLANETS = [
  { orbit: 110, radius: 9, turnSeconds: 20, color: [255, 214, 150] },
  { orbit: 170, radius: 15, turnSeconds: 60, color: [120, 200, 255] },
  { orbit: 236, radius: 12, turnSeconds: 180, color: [255, 130, 110] },
  { orbit: 310, radius: 22, turnSeconds: 3600, color: [214, 190, 255] },
] as const;

/** Planets around a sun; the second one goes round once a minute, the outermost once an hour. */
export function orrery(sun: Color): string {
  const distance = `st(0,hypot(X-${CENTER.x / 2},Y-${CENTER.y / 2}))*0`;
  const rings = PLANETS.map(({ orbit }) => `30*clip(1-abs(ld(0)-${orbit / 2}),0,1)`).join('+');
  const star = 'gt(mod(abs(sin(X*12.9898+Y*78.233)*43758.5453),1),0.9988)*mod(X*Y,190)';
  const space = [
    `trim=end_frame=1,crop=${WIDTH / 2}:${HEIGHT / 2}`,
    `geq=lum='${distance}+22+6*Y/360+${rings}+${star}':cb=140:cr=126`,
    `scale=${WIDTH}:${HEIGHT}:flags=bicubic`,
  ].join(',');
  return compose(
    [
      { still: space, at: '0:0' },
      { still: disc(44, 130, solid(sun)), at: `${CENTER.x - 130}:${CENTER.y - 130}` },
      ...PLANETS.map(({ orbit, radius, turnSeconds, color }) => ({
        still: disc(radius, radius * 2, solid(color)),
        at:
          `x='${CENTER.x - 2 * radius}+${orbit}*sin(2*PI*t/${turnSeconds})':` +
          `y='${CENTER.y - 2 * radius}-${orbit}*cos(2*PI*t/${turnSeconds})'`,
      })),
    ],
    `${text(CLOCK, '64', '300', 80)},${text('UTC', '68', '396', 22, 'white@0.7')}`,
  );
}

const BARS = ['0xbfbfbf', '0xbfbf00', '0x00bfbf', '0x00bf00', '0xbf00bf', '0xbf0000', '0x0000bf'];
const BAR_WIDTH = 120;
const BARS_LEFT = (WIDTH - BARS.length * BAR_WIDTH) / 2;
const FIELD = { top: 120, height: 300 };

/** Colour bars, a sweep once a second, a flash with every beep, and the frame's number within its second. */
export function testCard(accent: string, framesPerSecond: number): string {
  const right = WIDTH - BARS_LEFT;
  const card = [
    'trim=end_frame=1',
    'drawbox=c=0x16181d:t=fill',
    'drawgrid=w=80:h=80:t=1:c=white@0.10',
    ...BARS.map((color, index) => {
      const x = BARS_LEFT + index * BAR_WIDTH;
      return `drawbox=x=${x}:y=${FIELD.top}:w=${BAR_WIDTH}:h=${FIELD.height}:c=${color}:t=fill`;
    }),
    `drawbox=x=${BARS_LEFT}:y=${FIELD.top + FIELD.height}:w=${right - BARS_LEFT}:h=56:c=0x0d0e11:t=fill`,
    ...Array.from({ length: 12 }, (_, step) => {
      const grey = Math.round((step * 255) / 11)
        .toString(16)
        .padStart(2, '0');
      return `drawbox=x=${BARS_LEFT + step * 70}:y=476:w=70:h=40:c=0x${grey}${grey}${grey}:t=fill`;
    }),
  ].join(',');
  const block = (width: number, height: number, color: string) =>
    `trim=end_frame=1,crop=${width}:${height},drawbox=c=${color}:t=fill`;
  const frame = `%{eif\\:mod(round(t*${framesPerSecond})\\,${framesPerSecond})\\:d\\:2}`;
  return compose(
    [
      { still: card, at: '0:0' },
      {
        still: block(10, 56, accent),
        at: `x='${BARS_LEFT}+${right - BARS_LEFT - 10}*mod(t,1)':y=${FIELD.top + FIELD.height}`,
      },
      {
        still: block(96, 96, 'white'),
        at: `x=${right - 96}:y=556:enable='lt(mod(t+0.001,1),0.1)'`,
      },
    ],
    `${text(CLOCK, `${BARS_LEFT}`, '560', 88)},${text(frame, `${BARS_LEFT + 420}`, '560', 88, accent)},` +
      `${text('UTC', `${BARS_LEFT + 4}`, '656', 22, 'white@0.7')},` +
      text('frame', `${BARS_LEFT + 424}`, '656', 22, 'white@0.7'),
  );
}

function solid([r, g, b]: Color): Rgb {
  return [`${r}`, `${g}`, `${b}`];
}
