// deadline: 240 s
// live
// Channels as a viewer gets them: the real engine behind the library's own HTTP server, followed by readers
// that are not ours. Frames are named by bar codes, seconds by marks in the sound.
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ChannelOptions,
  type ChannelSegment,
  createHeadend,
  type Fault,
  type Headend,
  loop,
} from '../../lib/index.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { describeCodes } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { readBeeps, readFrames } from '../fixtures/read.js';
import {
  expectedCode,
  expectedCodes,
  FRAME_RATE,
  fileItem,
  type Item,
  programmesOf,
} from '../support/engine-run.js';
import { type ChannelReport, checkChannel } from '../support/hls-checker.js';

const SEGMENT_SECONDS = 2;
const FPS = 25;

interface Context {
  headend: Headend;
  folder: string;
  items: Item[];
  faults: Fault[];
}

const test = suite<Context>('channel');

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-channel-test-'));
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({
    ...{ programme: 2, frames: 120, width: 1280, height: 720, container: 'mkv' },
    ...{ sampleRate: 44_100, channels: 1 },
  });
  const [first, second] = [join(context.folder, 'a.mp4'), join(context.folder, 'b.mkv')];
  await Promise.all([copyFile(a.path, first), copyFile(b.path, second)]);
  // No second of a programme falls on a segment's border, and no cut either.
  context.items = [fileItem(first, 1, 115, 10), fileItem(second, 2, 95, 5)];
  context.faults = [];
  context.headend = await createHeadend({ hardware: 'software' });
  context.headend.on('fault', (fault) => context.faults.push(fault));
});

test.after.each(async ({ headend, folder }) => {
  await headend.close();
  await rm(folder, { recursive: true });
});

/** A channel of the items that has been on the air for so long. */
function channelOf(items: readonly Item[], ageSeconds: number): ChannelOptions {
  return {
    id: 'test',
    name: 'Test',
    frameRate: FPS,
    segmentDuration: SEGMENT_SECONDS,
    epoch: new Date(Date.now() - ageSeconds * 1000),
    ladder: [
      { height: 360, bitrate: 800_000 },
      { height: 180, bitrate: 250_000 },
    ],
    schedule: loop(programmesOf(items)),
  };
}

async function follow(headend: Headend, segments: number): Promise<ChannelReport> {
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  const report = await checkChannel(`${url}/channels/test/index.m3u8`, { segments });
  assert.equal(report.problems, []);
  assert.is(report.video.length, 2);
  assert.is(report.audio.length, 1);
  return report;
}

function assertShows(report: ChannelReport, items: readonly Item[], segments: number): void {
  for (const rendition of report.video) {
    const first = rendition.segments[0]?.sequence ?? 0;
    assert.is(describeCodes(rendition.codes), describeCodes(expectedCodes(items, first, segments)));
  }
}

test('frames follow the schedule across segments, batches and programmes, and sound keeps with them', async ({
  headend,
  items,
  faults,
}) => {
  // Segment 17 or 18 is on the air: a cold start in the middle of a programme.
  const channel = await headend.channels.add(channelOf(items, 35));
  const report = await follow(headend, 14);
  assertShows(report, items, 14);
  assert.equal(faults, []);

  const onAir = report.video[0]?.segments[0]?.sequence ?? 0;
  assert.ok(onAir >= 17 && onAir <= 27, `the list began with segment ${onAir}`);
  assert.equal(
    channel.rungs.map(({ height }) => height),
    [360, 180],
  );
  assertMarks(report, items, 14);
});

/** Every mark is heard within one video frame of the frame it belongs to, and none is missing. */
function assertMarks(report: ChannelReport, items: readonly Item[], segments: number): void {
  const [audio] = report.audio;
  const [first] = audio?.segments ?? [];
  if (audio === undefined || first === undefined) throw new Error('no audio');
  const start = first.sequence * SEGMENT_SECONDS;
  const due = expectedCodes(items, first.sequence, segments).flatMap((code, index) =>
    code !== null && code.number % FPS === 0 ? [start + index / FPS] : [],
  );
  const heard = audio.marks.map(
    ({ position }) => first.start / audio.timescale + position / 48_000,
  );
  const late = heard.map((at, index) => at - (due[index] ?? 0));
  assert.is(heard.length, due.length);
  assert.ok(Math.max(...late.map(Math.abs)) < 1 / FPS, `marks late by ${late.join(' ')} s`);
}

test('a file that is deleted becomes slate for as long as it was scheduled, and the channel goes on', async ({
  headend,
  items,
  folder,
  faults,
}) => {
  await headend.channels.add(channelOf(items, 3));
  await rm(join(folder, 'b.mkv'));
  const report = await follow(headend, 8);
  assertShows(
    report,
    items.map((item) => (item.programme === 2 ? { ...item, programme: null } : item)),
    8,
  );
  assert.ok(faults.length > 0, 'no fault was raised');
  for (const fault of faults) {
    assert.is(fault.code, 'SOURCE_NOT_FOUND');
    assert.is(fault.channelId, 'test');
    assert.match(fault.message, 'b.mkv');
  }
});

test('a file that is missing from the start is refused with a typed error', async ({
  headend,
  folder,
}) => {
  const source = join(folder, 'missing.mp4');
  try {
    await headend.channels.add({ id: 'broken', schedule: loop([{ source }]) });
    assert.unreachable('the channel was added');
  } catch (error) {
    assert.is((error as { code?: string }).code, 'SOURCE_NOT_FOUND');
    assert.match(String(error), 'missing.mp4');
  }
  assert.equal(headend.channels.list(), []);
});

test('another Headend continues the same channel: same init segments, next frame', async ({
  headend,
  items,
}) => {
  const options = channelOf(items, 21);
  const take = async (from: Headend, sequence: number | undefined, count: number) => {
    const channel = await from.channels.add(options);
    const taken: { sequence: number; data: Uint8Array }[] = [];
    const start = sequence === undefined ? {} : { from: sequence };
    for await (const segment of channel.segments({ rendition: '180p', ...start })) {
      taken.push({ sequence: segment.sequence, data: segment.data });
      if (taken.length === count) break;
    }
    const playlist = await channel.mediaPlaylist('180p');
    const [, hash = ''] = /init-(\w+)\.mp4/.exec(playlist) ?? [];
    return { taken, init: channel.init('180p', hash).data };
  };
  const before = await take(headend, undefined, 2);
  await headend.close();
  const next = (before.taken.at(-1)?.sequence ?? 0) + 1;
  await using second = await createHeadend({ hardware: 'software' });
  const after = await take(second, next, 2);
  assert.ok(Buffer.from(before.init).equals(after.init), 'the init segments differ');
  const all = [...before.taken, ...after.taken];
  const joined = Buffer.concat([before.init, ...all.map(({ data }) => data)]);
  const { codes, complaints } = await readFrames(joined);
  assert.is(complaints, '');
  assert.is(describeCodes(codes), describeCodes(expectedCodes(items, next - 2, 4)));
});

test('a new schedule takes over in the frame that was said, in sight and sound, while segments are being made', async ({
  items,
}) => {
  const [, second] = items;
  if (second === undefined) throw new Error('no items');
  // Segments shorter than what the encoder holds back: it has read much of what will not air.
  const settings = { hardware: 'software', batchSegments: 2, batchThreshold: 1 } as const;
  await using headend = await createHeadend(settings);
  const epoch = new Date(Date.now() - 30_000);
  const ladder = [{ height: 180, bitrate: 250_000, preset: 'slow' as const }];
  const options = { ...channelOf(items, 0), epoch, segmentDuration: 1, ladder };
  const channel = await headend.channels.add(options);
  let cut = Infinity;
  const take = async (rendition: string, from?: number) => {
    const taken: ChannelSegment[] = [];
    for await (const segment of channel.segments({ rendition, ...(from ? { from } : {}) })) {
      if (taken.push(segment) === 1 && cut === Infinity) {
        const at = await channel.setSchedule(loop(programmesOf([second])));
        cut = ((at.getTime() - epoch.getTime()) * FPS) / 1000;
      }
      if (segment.sequence > cut / FPS + 1) break;
    }
    const first = taken[0]?.sequence ?? 0;
    const init = channel.init(rendition, taken[0]?.init ?? '').data;
    return { first, count: taken.length, data: Buffer.concat([init, ...taken.map((s) => s.data)]) };
  };
  const pictures = await take('180p');
  const sound = await take('audio', pictures.first);
  const due = (frame: number) => expectedCode(frame < cut ? items : [second], frame);
  const frames = Array.from({ length: pictures.count * FPS }, (_, n) => pictures.first * FPS + n);
  const { codes, complaints } = await readFrames(pictures.data);
  assert.is(complaints, '');
  assert.is(describeCodes(codes), describeCodes(frames.map(due)));

  // A mark that the cut or an end of the recording shortens may be heard or not.
  const isWhole = (at: number) =>
    at > pictures.first + 0.1 &&
    at < pictures.first + sound.count - 0.1 &&
    Math.abs(at - cut / FPS) > 0.1;
  const start = new Grid(0, channelFormat(FRAME_RATE, 1)).firstAccessUnit(sound.first) * 1024;
  const heard = (await readBeeps(sound.data)).map(({ position }) => (start + position) / 48_000);
  const expected = frames.filter((frame) => (due(frame)?.number ?? 1) % FPS === 0);
  const marks = expected.map((frame) => frame / FPS).filter(isWhole);
  const late = heard.filter(isWhole).map((at, n) => at - (marks[n] ?? Infinity));
  assert.is(late.length, marks.length);
  assert.ok(Math.max(...late.map(Math.abs)) < 1 / FPS, `marks late by ${late.join(' ')} s`);
});

test.run();
