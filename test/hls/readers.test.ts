// deadline: 150 s
// Readers that are not ours follow a live channel over HTTP, as their users would: ffmpeg, ffprobe and, where it is
// installed, mpv are given an address and nothing else. Frames are named by bar codes.
//
// Asserted: they say nothing, they get every frame of the schedule once and in order, across several segments and cuts,
// and sound that is as long as the pictures.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHeadend, type Headend, loop } from '../../lib/index.js';
import type { FrameCode } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { readFrames } from '../fixtures/read.js';
import { run, words } from '../support/process.js';

const FPS = 25;
const SECONDS = 9;
/** Frames of the two programmes. */
const FRAMES = [115, 95];

interface Context {
  headend: Headend;
  url: string;
}

const test = suite<Context>('readers of a live channel');

test.before(async (context) => {
  const files = await Promise.all(
    FRAMES.map((frames, index) => makeFixture({ programme: index + 1, frames })),
  );
  context.headend = await createHeadend({ hardware: 'software' });
  await context.headend.channels.add({
    ...{ id: 'test', frameRate: FPS, segmentDuration: 2 },
    ladder: [{ height: 180, bitrate: 250_000 }],
    schedule: loop(files.map(({ path }) => ({ source: path }))),
  });
  context.url = `${await context.headend.listen({ port: 0, host: '127.0.0.1' })}/channels/test`;
});

test.after(async ({ headend }) => {
  await headend.close();
});

const PLACES = {
  CMAF: 'index.m3u8?container=fmp4',
  'MPEG-TS': 'index.m3u8?container=ts',
  'the endless stream': 'stream.ts',
};

/** What ffmpeg says, but for what it says of every live playlist with an init section that it reads again. */
function complaintsOf(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !/duplicated MOOV Atom/.test(line));
}

/** The frame that airs after this one. */
function after({ programme, number }: FrameCode): FrameCode {
  const last = FRAMES[programme - 1] ?? 0;
  if (number + 1 < last) return { programme, number: number + 1 };
  return { programme: (programme % FRAMES.length) + 1, number: 0 };
}

/** mpv's words, of several lines, for its own clock: the next line that ends with a full stop is their last. */
const DESYNCHRONISED =
  /^Audio\/Video desynchronisation detected![\s\S]*?\(see A-V status field\)\.\n(Consider .*\n)?/m;

const hasMpv = (await run('mpv', ['--version']).catch(() => ({ code: 1 }))).code === 0;

for (const [name, path] of Object.entries(PLACES)) {
  const check = hasMpv ? test : test.skip;
  check(`mpv plays ${name}${hasMpv ? '' : ', which is not installed'}`, async ({ url }) => {
    // As fast as it comes, each track by itself: mpv then says on a busy machine that they are apart, which is not about
    // the stream. That they are together is for the tests of the segments.
    const { code, stdout } = await run('mpv', [
      ...words('--no-config --no-input-terminal --vo=null --ao=null --ao-null-untimed --untimed'),
      ...words('--term-status-msg= --msg-level=all=warn,cplayer=info'),
      ...[`--length=${SECONDS}`, `${url}/${path}`],
    ]);
    const said = complaintsOf(stdout.toString().replace(DESYNCHRONISED, ''));
    assert.is(code, 0, said.join('\n'));
    assert.match(said.join('\n'), /Video .*h264[\s\S]*Audio .*aac|Audio .*aac[\s\S]*Video .*h264/);
    assert.equal(
      said.filter((line) => !/^ ?\(\+\)|^ +|^(AO|VO): /.test(line)),
      ['Exiting... (End of file)'],
    );
  });
}

for (const [name, path] of Object.entries(PLACES)) {
  test(`ffmpeg records ${name}`, async ({ url }) => {
    const { code, stdout, stderr } = await run('ffmpeg', [
      ...['-nostdin', '-v', 'repeat+warning', '-i', `${url}/${path}`, '-t', String(SECONDS)],
      ...words('-map 0:v:0 -map 0:a:0 -c copy -f mpegts pipe:1'),
    ]);
    assert.is(code, 0, stderr);
    assert.equal(complaintsOf(stderr), []);
    const recorded = await readFrames(stdout);
    assert.is(recorded.complaints, '');
    // Packets are cut off in the order of decoding: of the last pictures some are missing.
    const codes = recorded.codes.slice(0, (SECONDS - 1) * FPS);
    assert.is(codes.length, (SECONDS - 1) * FPS);
    let due: FrameCode | null = null;
    for (const [index, shown] of codes.entries()) {
      if (shown === null) throw new Error(`frame ${index} shows nothing of the schedule`);
      if (due !== null) assert.equal(shown, due, `frame ${index}`);
      due = after(shown);
    }
    assert.equal([...new Set(codes.map((shown) => shown?.programme))].sort(), [1, 2]);
  });

  test(`ffprobe follows ${name}`, async ({ url }) => {
    const { code, stdout, stderr } = await run('ffprobe', [
      ...['-v', 'repeat+warning', '-read_intervals', `%+${SECONDS}`],
      ...words('-show_packets -of json'),
      ...['-show_entries', 'packet=codec_type,pts_time,dts_time,duration_time'],
      `${url}/${path}`,
    ]);
    assert.is(code, 0, stderr);
    assert.equal(complaintsOf(stderr), []);
    const { packets } = JSON.parse(stdout.toString()) as { packets: Packet[] };
    for (const [kind, step] of [
      ['video', 1 / FPS],
      ['audio', 1024 / 48_000],
    ] as const) {
      const times = packets.filter(({ codec_type }) => codec_type === kind).map(decodeTime);
      assert.ok(times.length * step > SECONDS - 2, `${times.length} packets of ${kind}`);
      for (const [index, time] of times.entries()) {
        const before = times[index - 1];
        if (before === undefined) continue;
        const gap = time - before;
        assert.ok(
          Math.abs(gap - step) < 0.001,
          `${kind} ${index} comes ${gap} s after its predecessor`,
        );
      }
    }
  });
}

interface Packet {
  readonly codec_type: string;
  readonly dts_time: string;
}

function decodeTime({ dts_time }: Packet): number {
  return Number(dts_time);
}

test.run();
