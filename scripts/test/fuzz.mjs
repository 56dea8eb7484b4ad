// The fuzzers of native/fuzz/: built with clang, the address and undefined-behaviour sanitizers and libFuzzer, fed
// with small files that are made here, and run for a minute each.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { out, root } from '../setup/paths.mjs';
import { attempt, run } from '../setup/run.mjs';
import { asan, ensureBuilt, folderOf } from './native.mjs';

const seconds = 60;
const seeds = join(out, 'fuzz/seeds');

const picture = '-f lavfi -i testsrc2=size=64x36:rate=25:duration=0.6';
const sound = '-f lavfi -i sine=frequency=440:sample_rate=44100:duration=0.6';
const av = `${picture} ${sound}`;

/** ffmpeg's arguments by the name of the file: containers, codecs, and what cold starts and splices stumble over. */
const files = {
  'h264.mp4': `${av} -c:v libx264 -preset ultrafast -c:a aac -b:a 32k`,
  'b-frames.mp4': `${av} -c:v libx264 -bf 3 -g 5 -c:a aac -b:a 32k`,
  'fragmented.mp4': `${av} -c:v libx264 -g 5 -c:a aac -b:a 32k -movflags +frag_keyframe+empty_moov`,
  'h264.mkv': `${av} -c:v libx264 -bf 2 -c:a pcm_s16le -ar 8000`,
  'vp8.webm': `${av} -c:v libvpx -b:v 50k -c:a libopus -b:a 32k`,
  'mpeg2.ts': `${av} -c:v mpeg2video -b:v 100k -c:a mp2 -b:a 32k -output_ts_offset 50`,
  'h264.ts': `${av} -c:v libx264 -bf 2 -c:a ac3 -b:a 64k`,
  'interlaced.ts': `${picture} -c:v mpeg2video -b:v 100k -flags +ilme+ildct`,
  'mpeg4.avi': `${av} -c:v mpeg4 -b:v 50k -c:a mp3 -b:a 32k`,
  'h264.flv': `${av} -c:v libx264 -c:a aac -b:a 32k`,
  'motion.mjpeg': `${picture} -c:v mjpeg -q:v 20`,
  'still.png': `${picture} -frames:v 1`,
  'moving.gif': `${picture}`,
  'raw.h264': `${picture} -c:v libx264 -bf 0`,
  'sound.mp3': `${sound} -b:a 32k`,
  'sound.wav': `${sound} -c:a pcm_u8 -ar 8000`,
  'sound.flac': `${sound} -ar 8000`,
  'sound.ogg': `${sound} -c:a libvorbis -ar 22050 -ac 2`,
};

/**
 * An input of the fuzzer is a byte that says where the programme is entered, and the file. Whole and cut in the
 * middle, since a cut is what happens to files most often.
 */
async function makeSeeds() {
  await rm(seeds, { recursive: true, force: true });
  await mkdir(seeds, { recursive: true });
  for (const [name, args] of Object.entries(files)) {
    const file = join(seeds, name);
    await run('ffmpeg', ['-v', 'error', '-y', ...args.split(' '), '-fflags', '+bitexact', file]);
    const bytes = await readFile(file);
    const half = bytes.subarray(0, bytes.length >> 1);
    await writeFile(`${file}.half`, Buffer.concat([Uint8Array.of(0), half]));
    await writeFile(file, Buffer.concat([Uint8Array.of(1), bytes]));
  }
}

/** @param {string} output @returns {import('../test.mjs').Outcome} */
const failure = (output) => ({ passed: 0, failed: 1, skipped: 0, output });

/** Where a fuzzer stopped and what it found, without the lines that tell its progress. @param {string} output */
const findings = (output) =>
  output
    .split('\n')
    .filter((line) => !/^#\d+\t(NEW|REDUCE|pulse|RELOAD)/.test(line))
    .slice(-80)
    .join('\n');

/** @param {string} name @param {number} soak @returns {Promise<import('../test.mjs').Outcome>} */
async function fuzz(name, soak) {
  const built = await ensureBuilt(asan);
  if (!built.ok) return failure(built.output);
  await makeSeeds();
  const program = join(folderOf(asan), name);
  const corpus = join(out, 'fuzz', name); // what was found goes on from run to run
  await mkdir(corpus, { recursive: true });
  const { code, output } = await attempt(program, [
    ...[`-max_total_time=${seconds * soak}`, '-timeout=60', '-rss_limit_mb=4096', '-max_len=65536'],
    ...[`-artifact_prefix=${join(out, 'fuzz')}/`, '-print_final_stats=1', corpus, seeds],
  ]);
  const again = `Again: ${program} with the file that is named above.`;
  if (code !== 0) return failure(`${findings(output)}\n${again}`);
  const runs = Number(/stat::number_of_executed_units: (\d+)/.exec(output)?.[1] ?? 0);
  if (runs < Object.keys(files).length) return failure(`only ${runs} inputs were tried\n${output}`);
  return { passed: 1, failed: 0, skipped: 0, note: `${runs} inputs` };
}

/**
 * One unit per file of native/fuzz/.
 * @param {number} soak how many minutes each
 * @returns {Promise<import('../test.mjs').Unit[]>}
 */
export async function fuzzers(soak) {
  const sources = await readdir(join(root, 'native/fuzz')).catch(() => []);
  const names = sources.filter((file) => file.endsWith('.cc')).map((file) => file.slice(0, -3));
  return names.sort().map((name) => ({ name: `fuzz/${name}`, run: () => fuzz(name, soak) }));
}
