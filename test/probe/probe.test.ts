// What `probe` finds out about real files, what is remembered of it, and how many are looked at together.
import { copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  createHeadend,
  type Headend,
  HeadendError,
  loop,
  type ProbeOutcome,
} from '../../lib/index.js';
import { describe, probe } from '../../server/probe.js';
import { makeFixture } from '../fixtures/make.js';
import { output, run, words } from '../support/process.js';

interface Context {
  headend: Headend;
  folder: string;
}

const test = suite<Context>('probe');

test.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-probe-'));
  context.headend = await createHeadend();
});

test.after(async ({ headend, folder }) => {
  await headend.close();
  await rm(folder, { recursive: true });
});

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof HeadendError ? error.code : String(error);
  }
  return 'none';
}

/** Encodes half a second of a generated picture. */
async function encode({ folder }: Context, name: string, options: string): Promise<string> {
  const path = join(folder, name);
  const source = words('-v error -y -f lavfi -i testsrc2=s=320x240:r=25:d=2');
  await output('ffmpeg', [...source, ...words(options), path]);
  return path;
}

test('D7: shape: coded size, sample aspect, rotation', async (context) => {
  const plain = await encode(context, 'plain.mp4', '-c:v libx264 -vf setsar=4/3');
  const turned = join(context.folder, 'turned.mp4');
  await output('ffmpeg', [
    ...['-v', 'error', '-i', plain, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned],
  ]);
  const { video } = await context.headend.probe(plain);
  assert.is(video?.width, 320);
  assert.equal(video?.sampleAspect, { num: 4, den: 3 });
  assert.equal(video?.shown, { width: 427, height: 240 });
  assert.is(video?.rotation, 0);
  const upright = (await context.headend.probe(turned)).video;
  // ffprobe counts counter-clockwise.
  const entry = words('-v error -show_entries stream_side_data=rotation -of csv=p=0');
  const turn = Number((await output('ffprobe', [...entry, turned])).toString().trim());
  assert.is(upright?.rotation, (360 - turn) % 360);
  assert.equal(upright?.shown, { width: 240, height: 427 });
});

test('D7: colour and depth', async (context) => {
  const tags = (transfer: string) =>
    `-c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc ${transfer} -colorspace bt2020nc`;
  for (const [transfer, expected] of [
    ['smpte2084', 'hdr10'],
    ['arib-std-b67', 'hlg'],
    ['bt709', 'sdr'],
  ] as const) {
    const path = await encode(context, `${expected}.mp4`, tags(transfer));
    const { video } = await context.headend.probe(path);
    assert.is(video?.dynamicRange, expected);
    assert.is(video?.transfer, transfer);
    assert.is(video?.primaries, 'bt2020');
    assert.is(video?.bitDepth, 10);
    assert.is(video?.dolbyVision, null);
  }
});

test('D7: interlacing, from the headers or from the pictures', async (context) => {
  for (const [name, options, expected] of [
    ['tff.mpg', '-c:v mpeg2video -flags +ilme+ildct -vf setfield=tff', 'top-first'],
    ['bff.avi', '-c:v mpeg4 -flags +ilme+ildct -vf setfield=bff -top 0', 'bottom-first'],
    // ffmpeg's encoder says top-first in the timing of each picture, and puts the bottom field first.
    ['bff.ts', '-c:v libx264 -flags +ilme+ildct -vf setfield=bff', 'bottom-first'],
    ['progressive.mp4', '-c:v libx264', 'progressive'],
    ['progressive.avi', '-c:v mpeg4', 'progressive'],
  ] as const) {
    const { video } = await context.headend.probe(await encode(context, name, options));
    assert.is(video?.fieldOrder, expected, name);
  }
});

test('D7: frame rate, steady and variable', async (context) => {
  const ntsc = await makeFixture({ frameRate: { num: 30_000, den: 1001 }, frames: 90 });
  const steady = (await context.headend.probe(ntsc.path)).video;
  assert.equal(steady?.frameRate, { num: 30_000, den: 1001 });
  assert.is(steady?.variableRate, false);
  for (const container of ['mp4', 'mkv']) {
    const path = await encode(
      context,
      `variable.${container}`,
      `-c:v libx264 -fps_mode vfr -vf setpts='N*N/400/TB'`,
    );
    assert.is((await context.headend.probe(path)).video?.variableRate, true, container);
  }
  const ts = await makeFixture({ programme: 1, frames: 200, container: 'ts' });
  assert.is((await context.headend.probe(ts.path)).video?.variableRate, false);
});

test('D7: every sound track with layout and language; subtitles; cover; title', async (context) => {
  const { path: sound } = await makeFixture({
    frames: 50,
    video: false,
    container: 'wav',
    audio: words('-c:a pcm_s16le'),
  });
  const words_ = join(context.folder, 'words.srt');
  await writeFile(words_, '1\n00:00:00,000 --> 00:00:01,000\nHello\n\n');
  const path = join(context.folder, 'tracks.mkv');
  await output('ffmpeg', [
    ...['-v', 'error', '-i', sound, '-i', sound, '-i', words_, '-map', '0', '-map', '1'],
    ...['-map', '2', '-c:a:0', 'aac', '-ac:a:0', '6', '-c:a:1', 'flac', '-c:s', 'srt'],
    ...['-metadata:s:a:0', 'language=deu', '-metadata:s:a:1', 'language=eng'],
    ...['-metadata:s:a:1', 'title=Comments', '-metadata:s:s:0', 'language=fra'],
    ...['-metadata', 'title=The film', path],
  ]);
  const facts = await context.headend.probe(path);
  assert.is(facts.title, 'The film');
  assert.is(facts.video, null);
  assert.equal(
    facts.audioTracks.map(({ codec, layout, language, title }) => [codec, layout, language, title]),
    [
      ['aac', '5.1', 'deu', null],
      ['flac', 'stereo', 'eng', 'Comments'],
    ],
  );
  assert.is(facts.audio?.language, 'deu');
  assert.equal(
    facts.subtitles.map(({ codec, language }) => [codec, language]),
    [['subrip', 'fra']],
  );
  assert.is(facts.cover, false);
});

test('D7: key frames, from the index or read through', async ({ headend }) => {
  for (const container of ['mp4', 'mkv', 'ts']) {
    const { path } = await makeFixture({ programme: 2, frames: 200, container });
    const { keyFrames } = await headend.probe(path, { keyFrames: true });
    assert.equal(keyFrames, [0, 2, 4, 6], container);
    assert.is((await headend.probe(path)).keyFrames, null);
  }
  const raw = await makeFixture({ programme: 2, frames: 200, container: 'h264', audio: false });
  assert.is((await headend.probe(raw.path, { keyFrames: true })).keyFrames, null);
});

test('D7: of an MP4 file that was cut off, what is there counts, and the schedule says so', async ({
  headend,
  folder,
}) => {
  const video = words('-c:v libx264 -preset ultrafast -g 50 -bf 2 -movflags +faststart');
  const { path } = await makeFixture({ programme: 3, frames: 200, video });
  const whole = await headend.probe(path);
  assert.equal([whole.duration, whole.declaredDuration], [{ num: 8, den: 1 }, null]);
  const source = join(folder, 'cut.mp4');
  const bytes = await readFile(path);
  const cutTo = (part: number) => writeFile(source, bytes.subarray(0, bytes.length * part));

  await cutTo(0.5);
  const { duration, declaredDuration } = await headend.probe(source);
  assert.equal(declaredDuration, whole.duration);
  const seconds = duration ? duration.num / duration.den : 0;
  assert.ok(seconds > 2 && seconds < 6, `${seconds} s`);
  assert.match(describe({ source, facts: await headend.probe(source), error: null }), 'cut off');
  const channel = await headend.channels.add({ id: 'cut', schedule: loop([{ source }]) });
  const { now } = channel.nowNext();
  const airs = (now.endsAt.getTime() - now.startsAt.getTime()) / 1000;
  assert.ok(airs > seconds - 0.05 && airs <= seconds, `it airs for ${airs} s`);
  assert.equal(
    channel.problems.map(({ code, message }) => [code, message]),
    [
      [
        'SOURCE_DAMAGED',
        `programme 0: the file of cut is cut off: ${seconds.toFixed(1)} s of 8.0 s are there`,
      ],
    ],
  );
  await headend.channels.remove('cut');

  const header = bytes.indexOf('mdat') + 20;
  await writeFile(source, bytes.subarray(0, header));
  assert.is(await failure(headend.probe(source)), 'SOURCE_INVALID');
});

test('D7: what cannot be read is a typed error', async ({ headend, folder }) => {
  const text = join(folder, 'text.mp4');
  await writeFile(text, 'no film\n'.repeat(200));
  assert.is(await failure(headend.probe(join(folder, 'missing.mp4'))), 'SOURCE_NOT_FOUND');
  assert.is(await failure(headend.probe(text)), 'SOURCE_INVALID');
  assert.is(await failure(headend.probe(folder)), 'SOURCE_INVALID');
  // What FFmpeg says, without an address in memory: two warnings about a file are the same.
  const headless = join(folder, 'headless.mp4');
  await writeFile(headless, Buffer.from('00000008667265650000000866726565', 'hex'));
  const message = await headend.probe(headless).catch(({ message: text }) => text);
  assert.match(message, /moov atom not found/);
  assert.not.match(message, / @ 0x/);
  const { path } = await makeFixture({ frames: 50, audio: false });
  assert.is(await failure(headend.measureLoudness(path)), 'SOURCE_INVALID');
  assert.is((await headend.probe(path, { loudness: true })).loudness, null);
});

test('loudness is that of EBU Tech 3341: a sine of -23 dBFS in both channels is -23 LUFS', async ({
  headend,
  folder,
}) => {
  for (const [dbfs, rate] of [
    [-23, 48_000],
    [-33, 44_100],
  ] as const) {
    const path = join(folder, `sine${dbfs}.wav`);
    const amplitude = 10 ** (dbfs / 20);
    const sine = `${amplitude}*sin(2*PI*1000*t)`;
    const source = `aevalsrc='${sine}|${sine}':s=${rate}:d=20`;
    await output('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-c:a', 'pcm_s24le', path]);
    const told: number[] = [];
    const { integrated, truePeak } = await headend.measureLoudness(path, {
      onProgress: (seconds) => told.push(seconds),
    });
    assert.ok(Math.abs((integrated ?? 0) - dbfs) < 0.1, `${integrated} LUFS`);
    assert.ok(Math.abs((truePeak ?? 0) - dbfs) < 0.2, `${truePeak} dBTP`);
    assert.ok(told.length > 10 && told.every((at, index) => at > (told[index - 1] ?? 0)));
    assert.is((await headend.probe(path)).loudness?.integrated, integrated);
    const part = await headend.measureLoudness(path, {
      inPoint: { num: 5, den: 1 },
      duration: { num: 3, den: 1 },
    });
    assert.ok(Math.abs((part.integrated ?? 0) - dbfs) < 0.1, `${part.integrated} LUFS`);
  }
});

test('silence has no loudness; a measurement can be cancelled', async ({ headend, folder }) => {
  const silent = join(folder, 'silent.wav');
  await output('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'anullsrc=d=5', silent]);
  assert.equal(await headend.measureLoudness(silent), { integrated: null, truePeak: null });
  const long = join(folder, 'long.wav');
  const noise = 'anoisesrc=d=1200:r=48000:a=0.1';
  await output('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', noise, long]);
  const stop = new AbortController();
  const measuring = failure(
    headend.measureLoudness(long, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    }),
  );
  assert.is(await measuring, 'Error: enough');
});

test('D7: a file that changed is looked at anew', async ({ headend, folder }) => {
  const a = await makeFixture({ frames: 50 });
  const b = await makeFixture({ frames: 75 });
  const path = join(folder, 'changing.mp4');
  const lengths: unknown[] = [];
  for (const fixture of [a, b]) {
    await copyFile(fixture.path, path);
    await utimes(path, new Date(), new Date(Date.parse('2025-01-01') + fixture.frames));
    lengths.push((await headend.probe(path)).duration);
  }
  assert.equal(lengths, [
    { num: 2, den: 1 },
    { num: 3, den: 1 },
  ]);
});

test('many sources: each is an outcome, with progress; a limit; early ends', async ({
  headend,
  folder,
}) => {
  const { path } = await makeFixture({ frames: 50 });
  const copies = Array.from({ length: 12 }, (_, index) => join(folder, `copy${index}.mp4`));
  await Promise.all(copies.map((copy) => copyFile(path, copy)));
  const sources = [...copies, join(folder, 'missing.mp4')];
  const outcomes: ProbeOutcome[] = [];
  const progress: number[] = [];
  const onProgress = ({ done, total }: { done: number; total: number | null }) => {
    assert.is(total, 13);
    progress.push(done);
  };
  for await (const outcome of headend.probeAll(sources, { concurrency: 3, onProgress })) {
    outcomes.push(outcome);
  }
  assert.equal(
    progress,
    sources.map((_, index) => index + 1),
  );
  assert.equal(outcomes.map(({ source }) => source).sort(), [...sources].sort());
  const failed = outcomes.filter(({ error }) => error !== null);
  assert.equal(
    failed.map(({ source, error }) => [source, error?.code]),
    [[join(folder, 'missing.mp4'), 'SOURCE_NOT_FOUND']],
  );

  for await (const _ of headend.probeAll(sources)) break;
  const stop = new AbortController();
  const walk = async () => {
    for await (const _ of headend.probeAll(sources, { signal: stop.signal })) {
      stop.abort(new Error('enough'));
    }
  };
  assert.is(await failure(walk()), 'Error: enough');
  assert.is(await failure(headend.probeAll([], { concurrency: 0 }).next()), 'INVALID_OPTIONS');
});

test('the command: for people, for programs, and its exit code', async ({ folder }) => {
  const { path } = await makeFixture({ frames: 50 });
  const missing = join(folder, 'missing.mp4');
  const common = { json: false, loudness: true, keyFrames: true, concurrency: 1 };
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  assert.is(await probe([path], common, write), 0);
  assert.match(lines[0] ?? '', /video: h264 .*640x360.*25 fps/);
  assert.match(lines[0] ?? '', /loudness: -\d+\.\d LUFS/);
  assert.match(lines[0] ?? '', /key frames: 1/);
  // Of a folder what would air: not what lies beside the films.
  const films = await mkdtemp(join(folder, 'films-'));
  await mkdir(join(films, 'below'));
  await copyFile(path, join(films, '10.mp4'));
  await copyFile(path, join(films, '9.mp4'));
  await copyFile(path, join(films, 'below', 'a.mp4'));
  for (const name of ['9.srt', 'info.nfo', '.hidden.mp4']) await writeFile(join(films, name), 'x');
  lines.length = 0;
  assert.is(await probe([films], common, write), 0, lines.join('\n'));
  assert.equal(
    lines.map((line) => line.slice(films.length + 1).split('\n')[0]),
    ['9.mp4', '10.mp4', 'below/a.mp4'],
  );

  const cli = [
    ...['--import', 'tsx', 'server/main.ts', 'probe', '--json', '--concurrency', '1'],
    ...['--cache', join(folder, 'cli.sqlite'), path, missing],
  ];
  const { code, stdout } = await run(process.execPath, cli);
  assert.is(code, 1);
  const [first, second] = stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(first.duration, { num: 2, den: 1 });
  assert.is(second.error.code, 'SOURCE_NOT_FOUND');
  const error = new HeadendError('SOURCE_INVALID', 'probe', 'it is bad');
  assert.is(describe({ source: 'x', facts: null, error }), 'x\n  SOURCE_INVALID: it is bad\n');
});

test.run();
