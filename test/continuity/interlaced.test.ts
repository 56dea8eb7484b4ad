// deadline: 240 s
// D7, HLS 1.14: interlaced pictures come out progressive, each from its own moment, before they are scaled. Bars move
// steadily from field to field: where the fields of a picture are mixed, their edges are smeared over the way that they
// move in a field, whether combed or blended; where they are tells which field is shown. Decoded by ffmpeg.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { fitted } from '../fixtures/barcode.js';
import { FRAMES_PER_SEGMENT, fileItem, PRODUCER, produceBatches } from '../support/engine-run.js';
import { output, words } from '../support/process.js';

const BARS = 4;
/** Fields until a bar is where the next one was. */
const FIELDS_PER_BAR = 20;
/** How much of their distance is lit. */
const LIT = 1 / 4;
const BLACK = 16;
const WHITE = 235;

/** How sharp and how exact the pictures must be, in fields. */
const MAX_SMEAR = 0.5;
const MAX_OFF = 0.2;

const FIELD_RATE = 50;
const SEGMENT_SECONDS = FRAMES_PER_SEGMENT / 25;
const FIELDS_PER_SEGMENT = FIELD_RATE * SEGMENT_SECONDS;

const MPEG2 = '-c:v mpeg2video -b:v 8M -bf 2';
const H264 = '-c:v libx264 -preset veryfast -crf 18 -bf 2 -g 50';

interface Clip {
  readonly encoder: string;
  readonly width: number;
  readonly height: number;
  readonly aspect: number;
  /** Which lines show the earlier field of each picture; all: there is no later one. */
  readonly earlier: 'top' | 'bottom' | 'all';
  /** Whether it says that it is interlaced. */
  readonly flagged: boolean;
  readonly firstField: number;
  readonly segments: number;
}

const CLIP: Clip = {
  ...{ encoder: MPEG2, width: 640, height: 360, aspect: 16 / 9 },
  ...{ earlier: 'top', flagged: true, firstField: 0, segments: 2 },
};

function* paint({ width, height, earlier, firstField, segments }: Clip) {
  const fields = segments * FIELDS_PER_SEGMENT;
  for (let field = firstField; field < firstField + fields; field += 2) {
    const [now, next] = [lineAt(field, width), lineAt(field + 1, width)];
    const picture = new Uint8Array(width * height);
    for (let y = 0; y < height; y += 1) {
      const parity = y % 2 === 0 ? 'top' : 'bottom';
      picture.set(earlier === 'all' || earlier === parity ? now : next, y * width);
    }
    yield picture;
  }
}

function lineAt(field: number, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, x) => {
    const bars = (x / width) * BARS - field / FIELDS_PER_BAR;
    return bars - Math.floor(bars) < LIT ? WHITE : BLACK;
  });
}

/** Writes a clip of 25 frames, 50 fields, per second. */
async function makeClip(url: string, clip: Clip): Promise<void> {
  const order = clip.earlier === 'bottom' ? 'bff' : 'tff';
  const input = `-f rawvideo -pix_fmt gray -s ${clip.width}x${clip.height} -r 25 -i pipe:0`;
  const filter = `format=yuv420p,setdar=${clip.aspect},setfield=${clip.flagged ? order : 'prog'}`;
  const flags = clip.flagged ? '-flags +ildct+ilme' : '';
  const offset = `-output_ts_offset ${clip.firstField / FIELD_RATE}`;
  const args = words(`-v error ${input} -vf ${filter} ${clip.encoder} ${flags} ${offset}`);
  await output('ffmpeg', [...args, url], { input: paint(clip) });
}

/** What a picture shows, in fields. */
interface Seen {
  /** How wide edges are: nothing where they are sharp, 1 where two fields are mixed. */
  readonly smear: number;
  /** The number of the field, give or take whole bars. */
  readonly field: number;
}

/** Looks at the mean of each column. */
function see(picture: Uint8Array, width: number): Seen {
  const columns = new Float64Array(width);
  picture.forEach((luma, at) => {
    columns[at % width] = (columns[at % width] ?? 0) + luma;
  });
  let [grey, sine, cosine] = [0, 0, 0];
  for (const [x, sum] of columns.entries()) {
    const mean = (sum * width) / picture.length;
    // Scaled edges overshoot.
    const level = Math.min(1, Math.max(0, (mean - BLACK) / (WHITE - BLACK)));
    const angle = (2 * Math.PI * BARS * (x + 0.5)) / width;
    grey += 4 * level * (1 - level);
    sine += level * Math.sin(angle);
    cosine += level * Math.cos(angle);
  }
  const columnsPerField = width / BARS / FIELDS_PER_BAR;
  const middle = Math.atan2(sine, cosine) / (2 * Math.PI);
  return {
    smear: grey / (2 * BARS) / columnsPerField,
    field: (middle - LIT / 2) * FIELDS_PER_BAR,
  };
}

/** Decodes a film and looks at the middle of each picture. */
async function look(film: Uint8Array, width: number, height: number): Promise<Seen[]> {
  const filter = `crop=${width}:${height},format=gray`;
  const args = words(`-v error -i pipe:0 -map 0:v -fps_mode passthrough -vf ${filter}`);
  const raw = await output('ffmpeg', [...args, ...words('-f rawvideo pipe:1')], { input: film });
  const size = width * height;
  return Array.from({ length: raw.length / size }, (_, index) =>
    see(raw.subarray(index * size, (index + 1) * size), width),
  );
}

/** Each picture shows one field, the first of them `first`, and `step` fields later the next. */
function assertClean(pictures: readonly Seen[], first: number, step: number): void {
  for (const [index, { smear, field }] of pictures.entries()) {
    const bars = (field - first - index * step) / FIELDS_PER_BAR;
    const off = (bars - Math.round(bars)) * FIELDS_PER_BAR;
    assert.ok(smear < MAX_SMEAR, `picture ${index} is smeared over ${smear.toFixed(2)} fields`);
    assert.ok(Math.abs(off) < MAX_OFF, `picture ${index} is ${off.toFixed(2)} fields off`);
  }
}

function assertMixed(pictures: readonly Seen[]): void {
  for (const [index, { smear }] of pictures.entries())
    assert.ok(smear > MAX_SMEAR + 0.2, `picture ${index}: ${smear.toFixed(2)} fields`);
}

interface Context {
  engine: Engine;
  folder: string;
}

const test = suite<Context>('interlaced');

test.before(async (context) => {
  context.engine = createNativeEngine();
  context.folder = await mkdtemp(join(tmpdir(), 'headend-interlaced-'));
});

test.after(async ({ engine, folder }) => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** The pictures of segments [from, from + count) on every rung of a channel of `rate` frames per second. */
async function play(
  { engine }: Context,
  url: string,
  { from = 0, count = 1, rate = 25, aspect = 16 / 9 } = {},
): Promise<Seen[][]> {
  const framesPerSegment = rate * SEGMENT_SECONDS;
  const format = {
    ...{ frameRate: { num: rate, den: 1 }, framesPerSegment },
    ...{ keyFrameInterval: framesPerSegment, framesPerFragment: rate },
  };
  const items = [fileItem(url, 0, (from + count) * framesPerSegment)];
  const made = await produceBatches(engine, items, from, [count], { ...PRODUCER, format });
  assert.equal(made.faults, []);
  return Promise.all(
    PRODUCER.rungs.map(async ({ id, width, height }) => {
      const seen = await look(made.joined(id), fitted(width, height, aspect).width, height);
      assert.is(seen.length, count * framesPerSegment);
      return seen;
    }),
  );
}

for (const [name, file, clip] of [
  ['MPEG-2, top field first', 'top.ts', CLIP],
  [
    'H.264, bottom field first',
    'bottom.mp4',
    { ...CLIP, encoder: `${H264} -x264-params bff=1`, earlier: 'bottom' },
  ],
  ['SD, scaled and padded', 'sd.mpg', { ...CLIP, width: 720, height: 576, aspect: 4 / 3 }],
] as const satisfies [string, string, Clip][]) {
  test(`${name}: every picture is of one field`, async (context) => {
    const url = join(context.folder, file);
    await makeClip(url, clip);
    assertMixed(await look(await readFile(url), clip.width, clip.height));
    const { aspect } = clip;
    for (const rung of await play(context, url, { aspect })) assertClean(rung, 0, 2);
    // A channel that is fast enough shows every field; cold, from the middle.
    for (const rung of await play(context, url, { aspect, rate: FIELD_RATE, from: 1 }))
      assertClean(rung, FIELDS_PER_SEGMENT, 1);
  });
}

test('the flags of each picture decide, wherever production starts', async (context) => {
  // As MPEG-2, ffmpeg's decoder would lose the last picture of each part.
  const part: Clip = { ...CLIP, encoder: `${H264} -bf 0`, segments: 1 };
  const clips: readonly Clip[] = [
    { ...part, earlier: 'all', flagged: false },
    { ...part, firstField: FIELDS_PER_SEGMENT },
    // Not interlaced as far as anybody can know: left as it is.
    { ...part, firstField: 2 * FIELDS_PER_SEGMENT, flagged: false },
  ];
  const parts: Buffer[] = [];
  for (const [index, clip] of clips.entries()) {
    const url = join(context.folder, `part-${index}.ts`);
    await makeClip(url, clip);
    parts.push(await readFile(url));
  }
  const url = join(context.folder, 'changing.ts');
  await writeFile(url, Buffer.concat(parts));
  for (const from of [0, 1]) {
    for (const rung of await play(context, url, { from, count: 3 - from })) {
      const known = (2 - from) * FRAMES_PER_SEGMENT;
      assertClean(rung.slice(0, known), from * FIELDS_PER_SEGMENT, 2);
      assertMixed(rung.slice(known));
    }
  }
});

test.run();
