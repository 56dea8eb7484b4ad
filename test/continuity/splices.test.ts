// deadline: 240 s
// A hundred splices in a row between files of different frame rates, sizes, sample rates and channel layouts: no
// frame is missing or shown twice, in and out points are exact to the frame, and sound stays with its picture from
// the first programme to the last. D5.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { describeCodes } from '../fixtures/barcode.js';
import { Collector, FRAME_RATE, GRID, PRODUCER } from '../support/engine-run.js';
import { judgeRendition, type RenditionReport } from '../support/hls-checker.js';
import {
  type Aired,
  airing,
  codesOnAir,
  makeSource,
  type Programme,
  type Source,
  timelineOf,
} from '../support/programmes.js';
import { soak } from '../support/soak.js';

/** So that the first and the last programme are of the first source. */
const SPLICES = 102 * soak;
const FRAMES = 33;
const RUNG = {
  ...{ id: 'small', width: 320, height: 180, preset: 'ultrafast' },
  ...{ bitrate: 600_000, maxrate: 900_000, bufsize: 1_200_000 },
};
const FPS = FRAME_RATE.num / FRAME_RATE.den;

interface Context {
  engine: Engine;
  programmes: Programme[];
  picture: RenditionReport;
  sound: RenditionReport;
}

const test = suite<Context>('splices');

async function makeSources(): Promise<Source[]> {
  const small = { width: 320, height: 180 };
  return [
    await makeSource({ programme: 1, frames: 225 }),
    await makeSource({
      ...{ programme: 2, frames: 216, frameRate: { num: 24_000, den: 1001 } },
      ...{ width: 480, height: 360, sampleRate: 44_100, channels: 1 },
    }),
    await makeSource({
      ...{ programme: 3, frames: 225, ...small, container: 'ts', startTime: 50, channels: 6 },
    }),
    await makeSource({
      ...{ programme: 4, frames: 540, frameRate: { num: 60_000, den: 1001 }, ...small },
      sampleRate: 32_000,
    }),
    await makeSource({
      ...{ programme: 6, frames: 135, frameRate: { num: 15, den: 1 }, ...small },
      ...{ sampleRate: 22_050, channels: 1 },
    }),
    await makeSource({
      ...{ programme: 7, frames: 450, frameRate: { num: 50, den: 1 }, ...small },
      ...{ container: 'mkv', channels: 8, audio: ['-c:a', 'flac'] },
    }),
  ];
}

/** 33 frames of each in turn, from 14 to 17 frames into some second on: one whole second in each, away from its ends. */
function schedule(sources: readonly Source[]): Programme[] {
  return Array.from({ length: SPLICES + 1 }, (_, index) => {
    const source = sources[index % sources.length];
    if (source === undefined) throw new Error('no sources');
    return {
      source,
      inPoint: { num: 14 + 25 * (index % 5) + (index % 4), den: 25 },
      frames: FRAMES,
    };
  });
}

test.before(async (context) => {
  context.engine = createNativeEngine();
  context.programmes = schedule(await makeSources());
  const frames = context.programmes.reduce((sum, programme) => sum + programme.frames, 0);
  const segments = Math.ceil(frames / GRID.framesPerSegment);
  const collector = new Collector();
  const producer = context.engine.createProducer({ ...PRODUCER, rungs: [RUNG] }, collector);
  // Everything behind the last splice is the programmes again: the encoders look a little ahead.
  const timeline = timelineOf(airing(context.programmes, 0, (segments + 4) * 50));
  await producer.produce({ from: 0, count: segments, rungs: [RUNG.id], timeline });
  await producer.stop();
  assert.equal(collector.faults, []);
  const judge = async (rendition: string) => {
    const problems: string[] = [];
    const options = { grid: GRID, aspects: [4 / 3] };
    const report = await judgeRendition(collector.media(rendition), options, problems);
    assert.equal(problems, []);
    return report;
  };
  context.picture = await judge(RUNG.id);
  context.sound = await judge('audio');
});

test.after(async ({ engine }) => {
  await engine.close();
});

test(`over ${SPLICES} splices every frame is the one that is scheduled`, ({
  programmes,
  picture,
}) => {
  const due = codesOnAir(programmes, 0, picture.codes.length, FRAME_RATE);
  assert.ok(due.length >= (SPLICES + 1) * FRAMES, `${due.length} frames`);
  assert.is(describeCodes(picture.codes), describeCodes(due));
});

/** The whole seconds of a programme that are on the air with the 50 ms of their mark, [channel time, second]. */
function marksOf({ start, frames, inPoint }: Aired): { at: number; second: number }[] {
  const from = inPoint.num / inPoint.den;
  const until = from + frames / FPS - 0.05;
  const marks: { at: number; second: number }[] = [];
  for (let second = Math.ceil(from); second < until; second += 1)
    marks.push({ at: start / FPS + second - from, second });
  return marks;
}

test('every mark sounds once, within a frame of its picture, before the first splice and behind the last', ({
  programmes,
  picture,
  sound,
}) => {
  const frames = picture.codes.length;
  const due = airing(programmes, 0, frames)
    .flatMap(marksOf)
    .filter(({ at }) => at < frames / FPS - 0.05);
  assert.ok(due.length > SPLICES, `${due.length} marks`);
  assert.is(
    sound.marks.map(({ pitch }) => pitch).join(' '),
    due.map(({ second }) => second % 8).join(' '),
  );
  const late = sound.marks.map(({ position }, index) => position / 48_000 - (due[index]?.at ?? 0));
  const worst = Math.max(...late.map(Math.abs));
  assert.ok(
    worst < 1 / FPS,
    `marks are late by ${late.map((value) => value.toFixed(4)).join(' ')} s`,
  );
});

test('bar code against mark: 100 splices move sound and picture by less than a frame', ({
  picture,
  sound,
}) => {
  // Where frames are numbered 25 to the second, the mark of second s belongs to the picture with the number 25 s.
  const offsets = sound.marks.flatMap(({ position }) => {
    const heard = (position / 48_000) * FPS;
    const near = Math.round(heard);
    const window = [-2, -1, 0, 1, 2].map((step) => near + step);
    const shown = window.find((frame) => {
      const code = picture.codes[frame];
      return code?.programme === 1 && code.number % FPS === 0;
    });
    return shown === undefined
      ? []
      : [{ splice: Math.floor(shown / FRAMES), offset: heard - shown }];
  });
  const first = offsets[0];
  const last = offsets.at(-1);
  assert.is(first?.splice, 0);
  assert.ok((last?.splice ?? 0) >= SPLICES, `last after ${last?.splice} splices`);
  for (const { splice, offset } of offsets)
    assert.ok(Math.abs(offset) < 1, `${offset} frames after ${splice} splices`);
  const moved = Math.abs((last?.offset ?? 0) - (first?.offset ?? 0));
  assert.ok(moved < 0.25, `the offset moved by ${moved} frames`);
});

test.run();
