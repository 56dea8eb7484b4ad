// From the call that asks for a segment of a channel that is idle to its first segment, against ffmpeg from its start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createNativeEngine } from '../lib/engine/native.js';
import { words } from '../test/support/process.js';
import { type Bench, figure, ratio } from './harness/bench.js';
import { channel, FILM, LADDER, prepareFilm, request, SEGMENT_SECONDS } from './harness/channel.js';
import { ffmpeg, prepareFfmpeg } from './harness/ffmpeg.js';

/** In the film's middle: the file must be sought. */
const SEGMENT = 4;
const RUNGS = LADDER.filter(({ height }) => height === 720);

/** Milliseconds from `produce` to the first event of each kind that the engine tells of the rung. */
async function ours(): Promise<Record<string, number>> {
  const engine = createNativeEngine();
  const figures: Record<string, number> = {};
  let asked = 0;
  const tell = (name: string) => (made: { readonly rendition: string }) => {
    if (made.rendition !== 'audio') figures[name] ??= performance.now() - asked;
  };
  const sink = {
    ...{ onInit() {}, onFault() {} },
    ...{ onSegment: tell('firstSegmentMs'), onFragment: tell('firstFragmentMs') },
  };
  const producer = engine.createProducer(channel(RUNGS), sink);
  asked = performance.now();
  await producer.produce(request(SEGMENT, 1, RUNGS));
  await engine.close();
  return figures;
}

/** Milliseconds from spawn to the first whole fragment of a segment's length that ffmpeg writes. */
async function peer(): Promise<Record<string, number>> {
  const [rung] = RUNGS;
  if (rung === undefined) throw new Error('no rung');
  const asked = performance.now();
  const child = spawn(
    ffmpeg().path,
    [
      ...['-nostdin', '-v', 'error', '-ss', String(SEGMENT * SEGMENT_SECONDS), '-i', FILM],
      ...words(`-vf scale=${rung.width}:${rung.height} -c:v libx264 -preset ${rung.preset}`),
      ...words(`-b:v ${rung.bitrate} -maxrate ${rung.maxrate} -bufsize ${rung.bufsize}`),
      ...words('-g 50 -keyint_min 50 -sc_threshold 0 -an -f mp4'),
      ...words('-movflags +empty_moov+default_base_moof+frag_custom'),
      ...words(`-frag_duration ${SEGMENT_SECONDS * 1_000_000} pipe:1`),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  // The segment is closed when the box of its media is complete: as many bytes as the box says.
  let bytes = Buffer.alloc(0);
  for await (const chunk of child.stdout) {
    bytes = Buffer.concat([bytes, chunk]);
    if (holdsMedia(bytes)) break;
  }
  const firstSegmentMs = performance.now() - asked;
  child.kill('SIGKILL');
  await once(child, 'close');
  return { firstSegmentMs };
}

/** Whether a whole `mdat` box has come. */
function holdsMedia(bytes: Buffer): boolean {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'mdat') return at + size <= bytes.length;
    at += size;
  }
  return false;
}

export const bench: Bench = {
  title: 'Cold start',
  about:
    'Milliseconds until the first segment of 4 s of a 720p rung is there, in the middle of a 1080p film: from ' +
    '`produce` on an idle channel of an engine that runs, against ffmpeg from its start to its first closed segment. ' +
    'The first fragment (of 0.2 s, as of every channel of this rate) can be played before its segment is whole. Goal: the first fragment in 0.25 ' +
    "of the time of ffmpeg's first segment.",
  variants: ['headend', 'ffmpeg'],
  async prepare() {
    await Promise.all([prepareFfmpeg(), prepareFilm()]);
  },
  trial: (variant) => (variant === 'headend' ? ours() : peer()),
  rows: (rounds) => {
    const row = (what: string, variant: string, name: string) => ({
      ...{ '': what, ms: figure(rounds, variant, name) },
      ratio: ratio(rounds, variant, name, 'ffmpeg', 'firstSegmentMs'),
      program: variant === 'ffmpeg' ? ffmpeg().name : variant,
    });
    return [
      row("ffmpeg's first segment", 'ffmpeg', 'firstSegmentMs'),
      row('first segment', 'headend', 'firstSegmentMs'),
      row('first fragment', 'headend', 'firstFragmentMs'),
    ];
  },
};
