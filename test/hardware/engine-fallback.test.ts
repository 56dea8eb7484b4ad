// deadline: 240 s
// needs: test addon
// D2, D3: which encoders work is found out by encoding; one that breaks while a producer works is replaced by
// software without a frame lost, and other producers do not notice. Judged by ffmpeg, ffprobe and bar codes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AbandonedSegment,
  type Engine,
  type Fragment,
  type InitSegment,
  SOFTWARE_ENCODER,
} from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { HARDWARE } from '../../lib/options.js';
import { hardwareTable } from '../../server/hardware.js';
import { describeCodes } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import {
  Collector,
  expectedCodes,
  FRAMES_PER_SEGMENT,
  fileItem,
  GRID,
  type Item,
  PRODUCER,
  RUNG_IDS,
  request,
} from '../support/engine-run.js';
import { judgeRendition } from '../support/hls-checker.js';
import { createTestEngine } from '../support/test-addon.js';

interface Context {
  engine: Engine;
  items: Item[];
}

const test = suite<Context>('fallback of a producer');

test.before(async (context) => {
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({ programme: 2, frames: 120, width: 1280, height: 720 });
  context.items = [fileItem(a.path, 1, 115, 10), fileItem(b.path, 2, 95, 5)];
  context.engine = createTestEngine();
});

test.after(async ({ engine }) => {
  await engine.close();
});

/** Keeps every init segment, also of a rendition that gets another one. */
class InitKeeper extends Collector {
  readonly all: InitSegment[] = [];

  override onInit(init: InitSegment): void {
    super.onInit(init);
    this.all.push(init);
  }

  /** Judges a rung's last production of each segment; the init segments in order of the segments. */
  async judge(rendition: string, items: readonly Item[], from: number, count: number) {
    const last = new Map(
      this.segments
        .filter((segment) => segment.rendition === rendition)
        .map((segment) => [segment.sequence, segment]),
    );
    const sequences = Array.from({ length: count }, (_, index) => from + index);
    const hashes = sequences.map((sequence) => last.get(sequence)?.init ?? 'missing');
    const problems: string[] = [];
    for (const init of new Set(hashes)) {
      const segments = [...last.values()].filter((segment) => segment.init === init);
      const data = this.all.find(({ hash }) => hash === init)?.data ?? new Uint8Array();
      const media = { name: rendition, kind: 'video', init: data, segments } as const;
      const { codes } = await judgeRendition(media, { grid: GRID }, problems);
      const first = segments[0]?.sequence ?? 0;
      assert.is(
        describeCodes(codes),
        describeCodes(expectedCodes(items, first, codes.length / FRAMES_PER_SEGMENT)),
      );
    }
    assert.equal(problems, []);
    return hashes;
  }

  hashOf(rendition: string, encoder: string): string {
    const init = this.all.find((one) => one.rendition === rendition && one.encoder === encoder);
    return init?.hash ?? `no ${encoder}`;
  }
}

test('D2: every known encoder is tried, the best first, and each refusal has its reason', async () => {
  const engine = createNativeEngine();
  try {
    const reports = await engine.hardware();
    assert.equal(['auto', ...reports.map(({ name }) => name)], [...HARDWARE]);
    for (const { works, reason } of reports) assert.is(works, reason === '');
    assert.ok(reports.at(-1)?.works, 'software works everywhere');
    assert.is(await engine.hardware(), reports, 'tried once');
    const text = hardwareTable(reports);
    for (const { name, reason } of reports) assert.ok(text.includes(name) && text.includes(reason));
    console.log(text);
  } finally {
    await engine.close();
  }
});

test('D2: closing the engine ends a trial', async () => {
  const engine = createNativeEngine();
  const reports = engine.hardware().then(
    () => 'answered',
    (error: { code?: string }) => error.code,
  );
  await engine.close();
  assert.match(String(await reports), /^(ENGINE_STOPPED|answered)$/);
});

for (const encoder of [
  'failing:after=130',
  'failing:after=130,height=180',
  'failing:swallow=120',
]) {
  test(`D3: ${encoder}: every rung changes at one segment, with every frame in its place`, async ({
    engine,
    items,
  }) => {
    const keeper = new InitKeeper();
    const producer = engine.createProducer({ ...PRODUCER, encoder }, keeper);
    for (let sequence = 4; sequence < 10; sequence++) {
      await producer.produce(request(items, sequence, 1));
    }
    await producer.stop();

    const [fault, ...more] = keeper.faults;
    assert.equal(more, []);
    assert.is(fault?.code, 'ENCODE_FAILED');
    assert.is(fault?.stage, 'encode');
    assert.ok(fault?.message.includes(encoder), fault?.message);
    const change = (fault?.frame ?? 0) / FRAMES_PER_SEGMENT;
    assert.ok(change > 4 && change < 9, `changed at ${change}`);
    for (const rung of RUNG_IDS) {
      const hashes = await keeper.judge(rung, items, 4, 6);
      assert.equal(
        hashes,
        hashes.map((_, index) =>
          keeper.hashOf(rung, 4 + index < change ? encoder : SOFTWARE_ENCODER),
        ),
      );
      const software = keeper.all.find(
        (init) => init.rendition === rung && init.encoder === SOFTWARE_ENCODER,
      );
      assert.is(software?.from, change);
    }
    const problems: string[] = [];
    await judgeRendition(keeper.media('audio'), { grid: GRID }, problems);
    assert.equal(problems, [], 'the audio goes on');
    assert.is(keeper.all.filter(({ rendition }) => rendition === 'audio').length, 1);
  });
}

test('D3: what was out of a segment in flight is taken back, and comes again behind another init segment', async ({
  engine,
  items,
}) => {
  const keeper = new InitKeeper();
  const fragments: Fragment[] = [];
  const abandoned: (AbandonedSegment & { readonly after: number })[] = [];
  // Packets end in the middle of the third segment, behind its first fragment.
  const encoder = 'failing:swallow=135';
  const producer = engine.createProducer(
    { ...PRODUCER, encoder },
    {
      onInit: (init) => keeper.onInit(init),
      onSegment: (segment) => keeper.onSegment(segment),
      onFault: (fault) => keeper.onFault(fault),
      onFragment: (fragment) => void fragments.push(fragment),
      onAbandoned: (segment) => void abandoned.push({ ...segment, after: fragments.length }),
    },
  );
  for (let sequence = 4; sequence < 8; sequence++) {
    await producer.produce(request(items, sequence, 1));
  }
  await producer.stop();

  const change = (keeper.faults[0]?.frame ?? 0) / FRAMES_PER_SEGMENT;
  const rungs = RUNG_IDS.filter((rung) =>
    abandoned.some(({ rendition, sequence }) => rendition === rung && sequence === change),
  );
  assert.ok(rungs.length > 0, 'the rung that broke had a fragment out');
  for (const rung of rungs) {
    const { after = 0 } = abandoned.find(({ rendition }) => rendition === rung) ?? {};
    const ofSegment = ({ rendition, sequence }: Fragment) =>
      rendition === rung && sequence === change;
    const before = fragments.slice(0, after).filter(ofSegment);
    const again = fragments.slice(after).filter(ofSegment);
    assert.equal(new Set(before.map(({ init }) => init)), new Set([keeper.hashOf(rung, encoder)]));
    assert.equal(
      again.map(({ index, init }) => [index, init]),
      again.map((_, index) => [index, keeper.hashOf(rung, SOFTWARE_ENCODER)]),
    );
    const made = keeper.segments.filter((one) => one.rendition === rung && one.sequence === change);
    assert.equal(
      made.map(({ init }) => init),
      [keeper.hashOf(rung, SOFTWARE_ENCODER)],
    );
    assert.ok(Buffer.concat(again.map(({ data }) => data)).equals(made[0]?.data ?? Buffer.of()));
  }
});

test('D3: an encoder that does not open is never announced, and another producer keeps its own', async ({
  engine,
  items,
}) => {
  const [broken, whole] = [new InitKeeper(), new InitKeeper()];
  const first = engine.createProducer({ ...PRODUCER, encoder: 'failing:open=0' }, broken);
  const second = engine.createProducer({ ...PRODUCER, encoder: 'failing:after=9999' }, whole);
  await Promise.all([first, second].map((producer) => producer.produce(request(items, 3, 2))));
  await Promise.all([first.stop(), second.stop()]);
  assert.is(broken.faults.length, 1);
  assert.equal(new Set(broken.all.map(({ encoder }) => encoder)), new Set(['aac', 'software']));
  assert.equal(whole.faults, []);
  for (const rung of RUNG_IDS) {
    await broken.judge(rung, items, 3, 2);
    await whole.judge(rung, items, 3, 2);
  }
});

test('D3: software makes the same init segment after a fallback as from the beginning', async ({
  engine,
  items,
}) => {
  const [fallen, plain] = [new InitKeeper(), new InitKeeper()];
  const first = engine.createProducer({ ...PRODUCER, encoder: 'failing:after=40' }, fallen);
  const second = engine.createProducer(PRODUCER, plain);
  await first.produce(request(items, 0, 1));
  await second.produce(request(items, 0, 1));
  await Promise.all([first.stop(), second.stop()]);
  for (const rung of RUNG_IDS) {
    assert.is(fallen.hashOf(rung, SOFTWARE_ENCODER), plain.hashOf(rung, SOFTWARE_ENCODER));
  }
});

/** Segments 2 to 4 of pictures that are decoded and scaled on a device, but for those that need more than scaling. */
async function onDevice(engine: Engine, encoder: string, items: readonly Item[]) {
  const keeper = new InitKeeper();
  const producer = engine.createProducer({ ...PRODUCER, encoder, device: true }, keeper);
  for (const sequence of [2, 3, 4]) await producer.produce(request(items, sequence, 1));
  await producer.stop();
  const encoders = new Map<string, string[]>();
  for (const rung of RUNG_IDS) {
    const hashes = await keeper.judge(rung, items, 2, 3);
    const names = hashes.map(
      (hash) => keeper.all.find((init) => init.hash === hash)?.encoder ?? 'nobody',
    );
    encoders.set(rung, names);
  }
  return { faults: keeper.faults, encoders };
}

const allOf = (encoder: string) => new Map(RUNG_IDS.map((rung) => [rung, Array(3).fill(encoder)]));

for (const [encoder, faults] of [
  ['memory', 0],
  ['memory:decode=60', 1],
] as const) {
  test(`${encoder}: pictures on the device and off it are all in their places`, async ({
    engine,
    items,
  }) => {
    const played = await onDevice(engine, encoder, items);
    assert.is(played.faults.length, faults);
    for (const { code, message } of played.faults) {
      assert.is(code, 'DEVICE_FAILED');
      assert.match(message, 'software decodes the programme from here on');
    }
    assert.equal(played.encoders, allOf(encoder), 'no discontinuity');
  });
}

test('a file that the device does not decode is decoded in software', async ({ engine }) => {
  const { path } = await makeFixture({
    ...{ programme: 3, frames: 320, width: 1280, height: 720 },
    video: ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-pix_fmt', 'yuv420p10le'],
  });
  const played = await onDevice(engine, 'memory', [fileItem(path, 3, 320)]);
  assert.equal(
    played.faults.map(({ code }) => code),
    ['DEVICE_FAILED'],
  );
  assert.match(played.faults[0]?.message ?? '', /does not decode h264 1280x720 yuv420p10le/);
  assert.equal(played.encoders, allOf('memory'));
});

test('D3: a device that breaks while it scales: the segment in flight is made again in software', async ({
  engine,
  items,
}) => {
  const encoder = 'memory:scale=20';
  const played = await onDevice(engine, encoder, items);
  assert.equal(
    played.faults.map(({ code }) => code),
    ['DEVICE_FAILED'],
  );
  const change = (played.faults[0]?.frame ?? 0) / FRAMES_PER_SEGMENT;
  assert.ok(change >= 2 && change <= 4, `changed at ${change}`);
  const names = [2, 3, 4].map((sequence) => (sequence < change ? encoder : SOFTWARE_ENCODER));
  assert.equal(played.encoders, new Map(RUNG_IDS.map((rung) => [rung, names])));
});

test.run();
