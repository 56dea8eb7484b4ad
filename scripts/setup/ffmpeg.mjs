// How FFmpeg itself is configured and built on top of recipes.mjs.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { recipes } from './recipes.mjs';
import { attempt, run } from './run.mjs';

const encoders = [
  ...['libx264', 'aac'],
  ...['nvenc', 'qsv', 'vaapi'].flatMap((api) =>
    ['h264', 'hevc', 'av1'].map((codec) => `${codec}_${api}`),
  ),
  ...['h264_v4l2m2m', 'hevc_v4l2m2m'],
  // For pictures, tests and passing frames between filters.
  ...['mjpeg', 'png', 'rawvideo', 'pcm_s16le', 'wrapped_avframe'],
];

const muxers = [
  ...['mp4', 'mov', 'mpegts', 'null'],
  // For tests.
  ...['rawvideo', 'wav', 'framecrc', 'framemd5', 'matroska', 'adts'],
];

const libraries = [
  ...['zlib', 'libx264', 'libdav1d', 'mbedtls', 'libfreetype', 'libharfbuzz', 'libzimg', 'iconv'],
  ...['ffnvcodec', 'cuda', 'cuvid', 'nvdec', 'nvenc', 'vaapi', 'libdrm', 'libvpl', 'v4l2_m2m'],
];

// PTX for Maxwell, which every later GPU's driver compiles further; no CUDA installation is used.
const cudaFlags = '--cuda-gpu-arch=sm_52 --cuda-path=/nonexistent -O2';

/** @param {import('./recipes.mjs').Stage} stage */
function options(stage) {
  return [
    ...['--enable-static', '--disable-shared', '--enable-pic', '--enable-pthreads'],
    ...['--disable-programs', '--disable-doc', '--disable-debug', '--disable-autodetect'],
    '--disable-avdevice',
    // x264 makes the result GPL, mbedtls makes it version 3.
    ...['--enable-gpl', '--enable-version3'],
    ...libraries.map((name) => `--enable-${name.replace('_', '-')}`),
    ...(stage.cudaFilters
      ? ['--enable-cuda-llvm', '--nvcc=clang', `--nvccflags=${cudaFlags}`]
      : []),
    '--disable-encoders',
    `--enable-encoder=${encoders.join(',')}`,
    '--disable-muxers',
    `--enable-muxer=${muxers.join(',')}`,
    ...['--pkg-config=pkg-config', '--pkg-config-flags=--static'],
    // For the C++ inside harfbuzz, zimg and the oneVPL dispatcher.
    '--extra-libs=-lstdc++ -lm -lpthread -ldl',
  ];
}

/**
 * Of scale_cuda's kernels, for every format and interpolation, only that of media/device.cc stays: a driver compiles all of
 * them when it meets them first, which took a GPU of 2024 eleven seconds.
 * @param {import('./recipes.mjs').Stage} stage
 */
async function keepOneKernel(stage) {
  const file = join(stage.source, 'libavfilter/vf_scale_cuda.cu');
  const kernels = await readFile(file, 'utf8');
  const slim = kernels.replace(/^[A-Z]+_KERNELS(?:_RGB)?\(\w+\)$/gm, (line) =>
    line === 'BICUBIC_KERNELS(nv12)' ? 'BICUBIC_KERNEL_RAW(nv12_nv12)' : '',
  );
  if (!slim.includes('(nv12_nv12)')) throw new SetupFailure(`${file} is not as it was`);
  await writeFile(file, slim);
}

/**
 * The built libraries tell their configuration to whoever asks: leave out where they were built.
 * @param {import('./recipes.mjs').Stage} stage
 */
async function hideFolders(stage) {
  const file = join(stage.build, 'config.h');
  const header = await readFile(file, 'utf8');
  await writeFile(
    file,
    header.replace(
      /^#define FFMPEG_CONFIGURATION .*$/m,
      `#define FFMPEG_CONFIGURATION ${JSON.stringify(options(stage).join(' '))}`,
    ),
  );
}

/**
 * Fails if FFmpeg calls a function of libva or libdrm that native/compat has no stub for: the
 * addon would load only where those libraries are loaded already.
 * @param {import('./recipes.mjs').Stage} stage
 */
async function checkStubs(stage) {
  const lib = (/** @type {string} */ name) => join(stage.prefix, 'lib', `lib${name}.a`);
  const names = async (/** @type {string[]} */ args) =>
    new Set((await run('nm', ['-P', ...args])).match(/^(?:va[A-Z]|drm[A-Z])\w*/gm) ?? []);
  const stubs = ['va', 'va-drm', 'drm'].map(lib);
  const wanted = await names(['-u', ...['avutil', 'avcodec', 'avfilter', 'avformat'].map(lib)]);
  const present = await names(['--defined-only', ...stubs]);
  const missing = [...wanted].filter((name) => !present.has(name));
  if (missing.length > 0) {
    throw new SetupFailure(`native/compat has no stub for: ${missing.join(', ')}`);
  }
}

/** @param {import('./recipes.mjs').Stage} stage */
async function build(stage) {
  const at = { ...stage, cwd: stage.build };
  const flags = [
    '-fvisibility=hidden',
    `-ffile-prefix-map=${stage.source}=.`,
    `-ffile-prefix-map=${stage.prefix}=.`,
  ].join(' ');
  await run(
    join(stage.source, 'configure'),
    [`--prefix=${stage.prefix}`, `--extra-cflags=${flags}`, ...options(stage)],
    at,
  );
  await hideFolders(stage);
  if (stage.cudaFilters) await keepOneKernel(stage);

  // One line per file, as `CC	libavcodec/x.o`; the dry run tells how many there will be.
  const kinds = '(?:CC|CXX|X86ASM|NVCC|AS)';
  const { output } = await attempt('make', ['-n'], { cwd: stage.build });
  const total = (output.match(new RegExp(`^printf "${kinds}\\\\t`, 'gm')) ?? []).length;
  const compiled = new RegExp(`^${kinds}\t`);
  let done = 0;
  const onLine = (/** @type {string} */ line) => {
    if (!compiled.test(line)) return;
    done += 1;
    stage.onProgress(done, Math.max(done, total));
  };
  await run('make', [`-j${stage.jobs}`], { ...at, onLine });
  await run('make', ['install-libs', 'install-headers'], at);
  await checkStubs(stage);
}

/** @type {import('./recipes.mjs').Recipe} */
export const ffmpeg = {
  name: 'ffmpeg',
  source: 'ffmpeg',
  needs: recipes.map((recipe) => recipe.name),
  build,
};
