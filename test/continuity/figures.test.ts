// deadline: 120 s
// What the engine tells besides segments: programme starts, fragments, what a batch took; against fixtures whose
// frames are counted.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, Fragment, ProducerSink, ProgrammeStart } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { makeFixture } from '../fixtures/make.js';
import {
  Collector,
  FRAMES_PER_SEGMENT,
  fileItem,
  type Item,
  PRODUCER,
  request,
} from '../support/engine-run.js';

class Listener extends Collector implements ProducerSink {
  readonly fragments: Fragment[] = [];
  readonly programmes: ProgrammeStart[] = [];

  onFragment(fragment: Fragment): void {
    assert.not.ok(
      this.segments.some(
        ({ rendition, sequence }) =>
          rendition === fragment.rendition && sequence === fragment.sequence,
      ),
      'fragments come before their segment',
    );
    this.fragments.push(fragment);
  }

  onProgramme(programme: ProgrammeStart): void {
    this.programmes.push(programme);
  }
}

const test = suite<{ engine: Engine; items: Item[]; path: string }>('figures');

test.before(async (context) => {
  context.engine = createNativeEngine();
  const { path } = await makeFixture({ programme: 1, frames: 200 });
  context.path = path;
  const missing: Item = {
    source: { kind: 'file', url: '/nowhere/at/all.mp4', inPoint: { num: 0, den: 1 } },
    ...{ frames: 30, programme: null, firstNumber: 0 },
  };
  context.items = [fileItem(path, 1, 120, 0), missing];
});

test.after(async ({ engine }) => {
  await engine.close();
});

test('every programme is told once, at the frame where it starts', async ({
  engine,
  items,
  path,
}) => {
  const sink = new Listener();
  const producer = engine.createProducer(PRODUCER, sink);
  await producer.produce(request(items, 0, 2));
  await producer.produce(request(items, 2, 2));
  await producer.stop();
  const frames = 4 * FRAMES_PER_SEGMENT;
  assert.equal(
    sink.programmes.filter(({ frame }) => frame < frames),
    [
      { frame: 0, startFrame: 0, endFrame: 120, kind: 'file', source: path, slate: false },
      {
        ...{ frame: 120, startFrame: 120, endFrame: 150 },
        ...{ kind: 'file', source: '/nowhere/at/all.mp4', slate: true },
      },
      { frame: 150, startFrame: 150, endFrame: 270, kind: 'file', source: path, slate: false },
    ],
  );
});

test('a run that begins inside a programme tells where', async ({ engine, items }) => {
  const sink = new Listener();
  const producer = engine.createProducer(PRODUCER, sink);
  await producer.produce(request(items, 1, 1));
  await producer.stop();
  const [first] = sink.programmes;
  assert.is(first?.startFrame, 0);
  // A little before the segment, to prime the sound.
  assert.ok(first && first.frame < FRAMES_PER_SEGMENT && first.frame > FRAMES_PER_SEGMENT - 10);
});

test('the fragments of a segment are its bytes', async ({ engine, items }) => {
  const sink = new Listener();
  const producer = engine.createProducer(PRODUCER, sink);
  await producer.produce(request(items, 4, 2));
  await producer.stop();
  for (const { rendition, sequence, data } of sink.segments) {
    const own = sink.fragments.filter(
      (fragment) => fragment.rendition === rendition && fragment.sequence === sequence,
    );
    // Of 25 frames each; those of pictures are three in the place of two.
    const count = rendition === 'audio' ? 2 : 3;
    assert.equal(
      own.map(({ index, last }) => [index, last]),
      Array.from({ length: count }, (_, index) => [index, index === count - 1]),
    );
    assert.equal(Buffer.concat(own.map((fragment) => fragment.data)), Buffer.from(data));
  }
});

test('batches say what they took', async ({ engine, path }) => {
  const sink = new Listener();
  const producer = engine.createProducer(PRODUCER, sink);
  const items = [fileItem(path, 1, 200, 0)];
  const cold = await producer.produce(request(items, 0, 1));
  assert.is(cold.warm, false);
  const warm = await producer.produce(request(items, 1, 2, ['180p']));
  assert.is(warm.warm, true);
  await producer.stop();

  assert.equal(cold.renditions.map(({ rendition }) => rendition).sort(), ['180p', '360p', 'audio']);
  for (const [report, count] of [
    [cold, 1],
    [warm, 2],
  ] as const) {
    for (const { rendition, frames, bytes, busyMs } of report.renditions) {
      if (frames === 0) continue;
      if (rendition !== 'audio') assert.is(frames, count * FRAMES_PER_SEGMENT);
      const from = report === cold ? 0 : 1;
      const segments = sink.segments.filter(
        (segment) => segment.rendition === rendition && segment.sequence >= from,
      );
      const made = segments.slice(0, count).reduce((sum, { data }) => sum + data.byteLength, 0);
      assert.is(bytes, made, rendition);
      assert.ok(busyMs > 0);
    }
  }
  // The same rate in and out: nothing is shown twice but the slate before the first frame, nothing is skipped.
  assert.is(cold.framesDropped, 0);
  assert.is(warm.framesDropped, 0);
  assert.is(warm.framesRepeated, 0);
  assert.ok(cold.framesDecoded >= FRAMES_PER_SEGMENT);
});

test('a cold start decodes nothing that lies before its key frame', async ({ engine, path }) => {
  // The file has a key frame every 50 frames: the channel's frame 50 is one, or lies 10 after one.
  for (const [inFrame, dropped] of [
    [0, 0],
    [10, 10],
  ] as const) {
    const producer = engine.createProducer(PRODUCER, new Listener());
    const items = [fileItem(path, 1, 10_000, inFrame)];
    const { framesDropped } = await producer.produce(request(items, 1, 1));
    await producer.stop();
    assert.is(framesDropped, dropped);
  }
});

test('rate conversion is counted', async ({ engine }) => {
  const slow = await makeFixture({ programme: 3, frames: 100, frameRate: { num: 25, den: 2 } });
  const fast = await makeFixture({ programme: 4, frames: 400, frameRate: { num: 50, den: 1 } });
  const counts: [string, (report: { repeated: number; dropped: number }) => boolean][] = [
    [slow.path, ({ repeated, dropped }) => repeated >= 45 && repeated <= 60 && dropped === 0],
    [fast.path, ({ repeated, dropped }) => repeated <= 10 && dropped >= 90],
  ];
  for (const [path, isRight] of counts) {
    const producer = engine.createProducer(PRODUCER, new Listener());
    const items = [fileItem(path, 3, 200, 0)];
    await producer.produce(request(items, 0, 1));
    const report = await producer.produce(request(items, 1, 2));
    await producer.stop();
    const { framesRepeated: repeated, framesDropped: dropped } = report;
    // 100 frames and a little look-ahead.
    assert.ok(isRight({ repeated, dropped }), JSON.stringify(report));
  }
});

test.run();
