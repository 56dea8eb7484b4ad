// deadline: 480 s
// A thousand splices as players get them: short programmes one after the other on one channel, over HTTP, with a clock
// that goes on as fast as the viewer reads; CMAF and MPEG-TS beside each other. What came is judged by ffprobe, ffmpeg
// and m3u8-parser: every frame by its bar code, every time stamp, every EXTINF and every announced programme, and of
// MPEG-TS every continuity counter; its tables and its clock by ts-reader.ts.
import { type Manifest, Parser } from 'm3u8-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createNativeEngine } from '../../lib/engine/native.js';
import type { Container } from '../../lib/hls/container.js';
import { Headend, loop } from '../../lib/index.js';
import { describeCodes } from '../fixtures/barcode.js';
import { readFrames, readSound } from '../fixtures/read.js';
import { FakeClock } from '../stream/fake-clock.js';
import { probeTracks, type TrackFacts } from '../support/media-facts.js';
import { words } from '../support/process.js';
import { airing, codesOnAir, makeSource, type Programme } from '../support/programmes.js';
import { soak } from '../support/soak.js';
import { readTs } from '../support/ts-reader.js';

const SPLICES = 1000 * soak;
const FRAME_RATE = { num: 10, den: 1 };
const FRAMES_PER_SEGMENT = 20;
const SEGMENT_MS = 2000;
const EPOCH = Date.parse('2026-01-01T00:00:00Z');
/** The segment on air when the viewer comes. */
const FIRST = 1000;
/** Key frames every fifth of a second, so that not all cuts are far behind one. */
const DENSE = '-c:v libx264 -preset veryfast -crf 20 -g 5 -bf 2 -pix_fmt yuv420p';
/** Segments that one run of a reader judges. */
const STRETCH = 50;
/** What the viewer follows. */
const PLAYLISTS: readonly Playlist[] = [
  { path: '180p/index.m3u8', container: 'fmp4', kinds: ['video'] },
  { path: 'audio/index.m3u8', container: 'fmp4', kinds: ['audio'] },
  { path: '180p/ts.m3u8', container: 'ts', kinds: ['video', 'audio'] },
];

interface Playlist {
  readonly path: string;
  readonly container: Container;
  /** Of the tracks in its segments. */
  readonly kinds: readonly TrackFacts['kind'][];
}

interface Got {
  readonly sequence: number;
  readonly extinf: number;
  readonly data: Uint8Array;
}

interface Announced {
  readonly startsAt: number;
  readonly seconds: number;
  readonly title: string;
}

/** What a viewer got of one playlist. */
interface Taken {
  readonly playlist: Playlist;
  /** Those that have not been judged yet, behind the last one that has. */
  readonly segments: Got[];
  /** The segment that it needs next. */
  next: number;
  readonly inits: Set<string>;
  init: Uint8Array;
  /** By their ids. */
  readonly programmes: Map<string, Announced>;
}

interface Context {
  programmes: Programme[];
  clock: FakeClock;
  headend: Headend;
  base: string;
}

const test = suite<Context>('a thousand splices');

test.before(async (context) => {
  context.programmes = await shortProgrammes();
  context.clock = new FakeClock(EPOCH + FIRST * SEGMENT_MS);
  context.headend = await Headend.create(
    { http: { rateLimit: false } },
    { engine: createNativeEngine(), clock: context.clock },
  );
  await context.headend.channels.add({
    id: 'short',
    frameRate: 10,
    segmentDuration: SEGMENT_MS / 1000,
    epoch: new Date(EPOCH),
    ladder: [{ height: 180, bitrate: 300_000, preset: 'ultrafast' }],
    schedule: loop(
      context.programmes.map(({ source, inPoint, frames }, index) => ({
        source: source.url,
        title: `P${index}`,
        inPoint: inPoint.num / inPoint.den,
        duration: frames / FRAME_RATE.num,
      })),
    ),
  });
  const url = await context.headend.listen({ port: 0, host: '127.0.0.1' });
  context.base = `${url}/channels/short`;
});

test.after(async ({ headend }) => {
  await headend?.close();
});

/** Half a second to two seconds long, from anywhere in four files; always the same ones. */
async function shortProgrammes(): Promise<Programme[]> {
  const sources = await Promise.all(
    [10, 10, 25, 30].map((rate, index) =>
      makeSource({
        ...{ programme: index + 1, frameRate: { num: rate, den: 1 }, frames: 6 * rate },
        ...{ width: 320, height: 180, container: index % 2 === 0 ? 'mp4' : 'mkv' },
        ...(rate === 10 ? {} : { video: words(DENSE) }),
      }),
    ),
  );
  return Array.from({ length: 37 }, (_, index) => {
    const source = sources[index % sources.length];
    if (!source) throw new Error('no source');
    const frames = index % 6 === 0 ? 20 : 5 + ((index * 3) % 7);
    return { source, inPoint: { num: (index * 7) % 40, den: 10 }, frames };
  });
}

test('D5: no gap, no overlap, no wrong frame and no wrong word about them in a thousand splices', async (context) => {
  const { programmes } = context;
  const passFrames = programmes.reduce((sum, { frames }) => sum + frames, 0);
  const count = Math.ceil((SPLICES / programmes.length) * (passFrames / FRAMES_PER_SEGMENT)) + 1;
  const taken = await follow(context, FIRST + count);
  const from = FIRST * FRAMES_PER_SEGMENT;
  const spliced = airing(programmes, from, from + count * FRAMES_PER_SEGMENT);
  assert.ok(spliced.length > SPLICES, `${spliced.length} programmes`);
  for (const { playlist, inits, programmes: announced } of taken) {
    assert.is(inits.size, playlist.container === 'ts' ? 0 : 1, `init segments of ${playlist.path}`);
    assertAnnounced(announced, programmes, spliced);
  }
});

/** Reads what is listed, judges it, lets the clock go on by a segment, and so on up to segment `end`. */
async function follow({ base, clock, programmes }: Context, end: number): Promise<Taken[]> {
  const all = PLAYLISTS.map(
    (playlist): Taken => ({
      ...{ playlist, segments: [], next: FIRST, inits: new Set(), init: new Uint8Array() },
      programmes: new Map(),
    }),
  );
  while (all.some(({ next }) => next < end)) {
    await Promise.all(all.map((taken) => poll(`${base}/${taken.playlist.path}`, taken, end)));
    await Promise.all(
      all.map(async (taken) => {
        for (const stretch of stretches(taken, end))
          await assertStretch(taken, stretch, programmes);
      }),
    );
    await clock.advance(SEGMENT_MS);
  }
  return all;
}

/**
 * Takes whole stretches out of what is to be judged, and at the end the rest. Each begins with the last segment of the
 * one before, so that the joins between them are judged, too.
 */
function* stretches({ segments, next }: Taken, end: number): Generator<Got[], void, void> {
  while (segments.length >= (next < end ? STRETCH : 2)) {
    yield segments.slice(0, STRETCH);
    segments.splice(0, STRETCH - 1);
  }
}

async function poll(url: string, taken: Taken, end: number): Promise<void> {
  const parser = new Parser();
  parser.push(Buffer.from(await bytes(`${url}?session=viewer`)).toString());
  parser.end();
  const { manifest } = parser;
  noteProgrammes(manifest, taken);
  for (const [index, { uri, duration, map, programDateTime }] of manifest.segments.entries()) {
    const sequence = (manifest.mediaSequence ?? 0) + index;
    if (sequence < taken.next || taken.next === end) continue;
    assert.is(sequence, taken.next, `${url} lists every segment`);
    assert.is(programDateTime, EPOCH + sequence * SEGMENT_MS, `air time of ${sequence}`);
    if (map && !taken.inits.has(map.uri)) {
      taken.inits.add(map.uri);
      taken.init = await bytes(new URL(map.uri, url));
    }
    taken.segments.push({ sequence, extinf: duration, data: await bytes(new URL(uri, url)) });
    taken.next++;
  }
}

// What is announced once must stay so, whoever lists it.
function noteProgrammes(manifest: Manifest, { programmes }: Taken): void {
  const listedFrom = EPOCH + (manifest.mediaSequence ?? 0) * SEGMENT_MS;
  for (const { id, startDate, duration, xTitle } of manifest.dateRanges) {
    const announced: Announced = {
      startsAt: startDate instanceof Date ? startDate.getTime() : Number.NaN,
      seconds: Number(duration),
      title: String(xTitle),
    };
    const known = programmes.get(String(id));
    if (known) assert.equal(announced, known, `what ${id} says`);
    assert.ok(announced.startsAt + 1000 * announced.seconds > listedFrom, `${id} is over`);
    programmes.set(String(id), announced);
  }
}

async function bytes(url: string | URL): Promise<Uint8Array> {
  const response = await fetch(url);
  const body = new Uint8Array(await response.arrayBuffer());
  assert.is(response.status, 200, `${url}: ${Buffer.from(body).toString('latin1', 0, 300)}`);
  return body;
}

/** Every programme that aired was announced, with its instant, length and name, and nothing else was. */
function assertAnnounced(
  announced: ReadonlyMap<string, Announced>,
  programmes: readonly Programme[],
  spliced: ReturnType<typeof airing>,
): void {
  const all = [...announced.values()].sort((a, b) => a.startsAt - b.startsAt);
  const aired = spliced.map(({ start, frames, source, inPoint }): Announced => {
    const index = programmes.findIndex(
      (item) => item.source === source && item.inPoint === inPoint && item.frames === frames,
    );
    const startsAt = EPOCH + (start * 1000) / FRAME_RATE.num;
    return { startsAt, seconds: frames / FRAME_RATE.num, title: `P${index}` };
  });
  assert.equal(all.slice(0, aired.length), aired);
  for (const [index, { startsAt }] of all.entries()) {
    const before = all[index - 1];
    if (before) assert.is(before.startsAt + Math.round(1000 * before.seconds), startsAt);
  }
}

async function assertStretch(
  { init, playlist }: Taken,
  segments: readonly Got[],
  programmes: readonly Programme[],
): Promise<void> {
  const { path, container, kinds } = playlist;
  const from = segments[0]?.sequence ?? 0;
  const until = from + segments.length;
  const what = `${path} from ${from}`;
  const whole = Buffer.concat([init, ...segments.map(({ data }) => data)]);
  const { tracks, complaints } = await probeTracks(whole);
  assert.is(complaints, '', what);
  assert.equal(
    tracks.map(({ kind }) => kind),
    kinds,
    what,
  );
  if (container === 'ts') assert.equal(readTs(whole).problems, [], what);
  for (const track of tracks) {
    if (track.kind === 'video') await assertPictures(whole, track, from, until, programmes);
    else await assertSound(whole, track, from, until);
  }
  for (const { sequence, extinf } of segments) {
    const real = kinds.includes('video')
      ? SEGMENT_MS / 1000
      : ((unitAt(sequence + 1) - unitAt(sequence)) * 1024) / 48_000;
    assert.ok(Math.abs(extinf - real) < 1e-6, `EXTINF of ${sequence} in ${path}: ${extinf}`);
  }
}

async function assertPictures(
  whole: Uint8Array,
  { packets, timescale }: TrackFacts,
  from: number,
  until: number,
  programmes: readonly Programme[],
): Promise<void> {
  const [first, end] = [from * FRAMES_PER_SEGMENT, until * FRAMES_PER_SEGMENT];
  const ticks = (timescale * FRAME_RATE.den) / FRAME_RATE.num;
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b);
  assert.equal(shown, multiples(first, end, ticks), `times of the pictures from ${from}`);
  const { codes, complaints } = await readFrames(whole);
  assert.is(complaints, '');
  const due = codesOnAir(programmes, first, end, FRAME_RATE);
  assert.is(describeCodes(codes), describeCodes(due));
}

async function assertSound(
  whole: Uint8Array,
  { packets, timescale }: TrackFacts,
  from: number,
  until: number,
): Promise<void> {
  const [first, end] = [unitAt(from), unitAt(until)];
  const decoded = packets.map(({ dts }) => dts);
  const due = multiples(first, end, (1024 * timescale) / 48_000);
  assert.equal(decoded, due, `times of the sound from ${from}`);
  const { samples, complaints } = await readSound(whole);
  assert.is(complaints, '');
  assert.is(samples.length, (end - first) * 1024);
}

/** The first access unit that starts in the time of the segment: 1024 samples each, counted from the epoch. */
function unitAt(sequence: number): number {
  return Math.ceil((sequence * SEGMENT_MS * 48) / 1024);
}

function multiples(from: number, until: number, step: number): number[] {
  return Array.from({ length: until - from }, (_, index) => (from + index) * step);
}

test.run();
