// How each library under FFmpeg is built: static, position independent, hidden, into one prefix.
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { root } from './paths.mjs';
import { run } from './run.mjs';

/**
 * @typedef {object} Stage what a recipe is given
 * @property {string} source the unpacked tarball; empty for a recipe without one
 * @property {string} build an empty folder of its own
 * @property {string} prefix where headers and archives go
 * @property {string} version
 * @property {number} jobs how many processes to use
 * @property {string} log
 * @property {Record<string, string>} env
 * @property {boolean} cudaFilters whether clang can compile FFmpeg's CUDA filters
 * @property {(done: number, total: number) => void} onProgress
 */

/**
 * @typedef {object} Recipe
 * @property {string} name
 * @property {string} [source] key in sources.mjs
 * @property {readonly string[]} needs recipes that must be finished first
 * @property {(stage: Stage) => Promise<void>} build
 */

const flags = ['-O2', '-fPIC', '-fvisibility=hidden', '-ffunction-sections', '-fdata-sections'];

/**
 * Flags that keep the folder of the build out of the object files.
 * @param {Stage} stage
 */
const anonymous = (stage) => [
  `-ffile-prefix-map=${stage.source}=.`,
  `-ffile-prefix-map=${stage.build}=.`,
];

/** @param {Stage} stage */
const cFlags = (stage) => [...flags, ...anonymous(stage)].join(' ');

/**
 * Tells FFmpeg's configure where a library is that brought no .pc file of its own.
 * @param {Stage} stage
 * @param {string} name
 * @param {{ version?: string, libs: string, includes?: readonly string[] }} about
 */
async function describe(stage, name, { version = stage.version, libs, includes = [] }) {
  const folder = join(stage.prefix, 'lib/pkgconfig');
  await mkdir(folder, { recursive: true });
  const cflags = ['', ...includes].map((sub) => `-I${join(stage.prefix, 'include', sub)}`);
  await writeFile(
    join(folder, `${name}.pc`),
    `Name: ${name}\nDescription: ${name}\nVersion: ${version}\n` +
      `Libs: -L${stage.prefix}/lib ${libs}\nCflags: ${cflags.join(' ')}\n`,
  );
}

/**
 * Compiles source files side by side and packs them into one archive of the prefix.
 * @param {Stage} stage
 * @param {string} archive
 * @param {readonly { file: string, flags?: readonly string[] }[]} units
 * @param {readonly string[]} common
 */
async function archiveOf(stage, archive, units, common) {
  /** @type {string[]} */
  const objects = [];
  const queue = units.entries();
  const worker = async () => {
    for (const [index, unit] of queue) {
      const object = join(stage.build, `${index}-${basename(unit.file)}.o`);
      const compiler = extname(unit.file) === '.c' ? 'gcc' : 'g++';
      await run(
        compiler,
        [
          ...flags,
          ...anonymous(stage),
          ...common,
          ...(unit.flags ?? []),
          '-c',
          unit.file,
          '-o',
          object,
        ],
        stage,
      );
      objects.push(object);
    }
  };
  await Promise.all(Array.from({ length: stage.jobs }, worker));
  await mkdir(join(stage.prefix, 'lib'), { recursive: true });
  await run('ar', ['rcs', join(stage.prefix, 'lib', archive), ...objects.sort()], stage);
}

/**
 * @param {Stage} stage
 * @param {readonly string[]} files relative to the source
 * @param {string} [sub] folder under include/
 */
async function installHeaders(stage, files, sub = '') {
  const folder = join(stage.prefix, 'include', sub);
  await mkdir(folder, { recursive: true });
  for (const file of files) await cp(join(stage.source, file), join(folder, basename(file)));
}

/**
 * @param {Stage} stage
 * @param {readonly string[]} options
 */
async function cmake(stage, options) {
  await run(
    'cmake',
    [
      ...['-S', stage.source, '-B', stage.build, '-G', 'Ninja'],
      '-DCMAKE_BUILD_TYPE=Release',
      '-DBUILD_SHARED_LIBS=OFF',
      '-DCMAKE_POSITION_INDEPENDENT_CODE=ON',
      `-DCMAKE_C_FLAGS=${cFlags(stage)}`,
      `-DCMAKE_CXX_FLAGS=${cFlags(stage)}`,
      `-DCMAKE_INSTALL_PREFIX=${stage.prefix}`,
      '-DCMAKE_INSTALL_LIBDIR=lib',
      `-DCMAKE_PREFIX_PATH=${stage.prefix}`,
      ...options,
    ],
    stage,
  );
  await run('ninja', ['-C', stage.build, `-j${stage.jobs}`, 'install'], stage);
}

/** @param {Stage} stage */
async function zlib(stage) {
  const files = (await readdir(stage.source)).filter((file) => file.endsWith('.c'));
  const units = files.map((file) => ({ file: join(stage.source, file) }));
  await archiveOf(stage, 'libz.a', units, ['-D_LARGEFILE64_SOURCE=1', '-DHAVE_UNISTD_H']);
  await installHeaders(stage, ['zlib.h', 'zconf.h']);
  await describe(stage, 'zlib', { libs: '-lz' });
}

/** @param {Stage} stage */
async function mbedtls(stage) {
  const make = ['-C', join(stage.source, 'library'), `-j${stage.jobs}`, 'static'];
  await run('make', [...make, `CFLAGS=${cFlags(stage)}`], stage);
  await mkdir(join(stage.prefix, 'lib'), { recursive: true });
  for (const part of ['tls', 'x509', 'crypto']) {
    const archive = `libmbed${part}.a`;
    await cp(join(stage.source, 'library', archive), join(stage.prefix, 'lib', archive));
  }
  for (const folder of ['mbedtls', 'psa']) {
    const to = join(stage.prefix, 'include', folder);
    await cp(join(stage.source, 'include', folder), to, { recursive: true });
  }
  await describe(stage, 'mbedtls', { libs: '-lmbedtls -lmbedx509 -lmbedcrypto' });
}

/** @param {Stage} stage */
async function x264(stage) {
  const options = [
    ...['--enable-static', '--enable-pic', '--disable-cli', '--disable-opencl'],
    // Channels are sent with 8 bits; players do not take H.264 with more.
    '--bit-depth=8',
  ];
  const at = { ...stage, cwd: stage.source };
  await run(
    './configure',
    [`--prefix=${stage.prefix}`, ...options, `--extra-cflags=${cFlags(stage)}`],
    at,
  );
  await run('make', [`-j${stage.jobs}`, 'install'], at);
}

/** @param {Stage} stage */
async function dav1d(stage) {
  const options = [
    '--buildtype=release',
    '--default-library=static',
    '--libdir=lib',
    `--prefix=${stage.prefix}`,
    '-Denable_tools=false',
    '-Denable_tests=false',
    '-Db_staticpic=true',
  ];
  const env = { ...stage.env, CFLAGS: cFlags(stage) };
  await run('meson', ['setup', stage.build, stage.source, ...options], { ...stage, env });
  await run('ninja', ['-C', stage.build, `-j${stage.jobs}`, 'install'], stage);
}

/** @param {Stage} stage */
async function freetype(stage) {
  const off = ['HARFBUZZ', 'PNG', 'BZIP2', 'BROTLI'].map((what) => `-DFT_DISABLE_${what}=ON`);
  await cmake(stage, [...off, '-DFT_REQUIRE_ZLIB=ON']);
}

/** @param {Stage} stage */
async function harfbuzz(stage) {
  const sources = join(stage.source, 'src');
  await archiveOf(
    stage,
    'libharfbuzz.a',
    [{ file: join(sources, 'harfbuzz.cc') }],
    [
      '-std=c++17',
      '-fno-exceptions',
      '-fno-rtti',
      '-DHAVE_FREETYPE=1',
      '-DHAVE_PTHREAD=1',
      `-I${join(stage.prefix, 'include/freetype2')}`,
    ],
  );
  const headers = (await readdir(sources)).filter((file) => /^hb(-[a-z0-9-]+)?\.h$/.test(file));
  await installHeaders(
    stage,
    headers.map((file) => `src/${file}`),
    'harfbuzz',
  );
  const libs = '-lharfbuzz -lfreetype -lz -lstdc++ -lm -lpthread';
  await describe(stage, 'harfbuzz', { libs, includes: ['harfbuzz'] });
}

/** Instruction sets of zimg's x86 files, by the end of their names. */
const zimgSets = {
  sse: ['-msse'],
  sse2: ['-msse2'],
  avx: ['-mavx', '-mtune=sandybridge'],
  f16c_ivb: ['-mavx', '-mf16c', '-mtune=ivybridge'],
  ivb: ['-mavx', '-mf16c', '-mtune=ivybridge'],
  avx2: ['-mavx2', '-mf16c', '-mfma', '-mtune=haswell'],
  avx512: [
    ...['f', 'cd', 'vl', 'bw', 'dq'].map((set) => `-mavx512${set}`),
    '-mtune=skylake-avx512',
  ],
  avx512_vnni: [
    ...['f', 'cd', 'vl', 'bw', 'dq', 'vnni'].map((set) => `-mavx512${set}`),
    '-mtune=cascadelake',
  ],
};

/** @param {Stage} stage */
async function zimg(stage) {
  const base = join(stage.source, 'src/zimg');
  const x86 = process.arch === 'x64';
  const units = (await readdir(base, { recursive: true }))
    .filter((file) => file.endsWith('.cpp'))
    .filter((file) => !file.includes(x86 ? '/arm/' : '/x86/'))
    .map((file) => {
      const set = Object.entries(zimgSets)
        .filter(([ending]) => file.endsWith(`_${ending}.cpp`))
        .sort(([one], [other]) => other.length - one.length)[0];
      return { file: join(base, file), flags: set && x86 ? set[1] : [] };
    });
  await archiveOf(stage, 'libzimg.a', units, [
    ...['-std=c++14', '-DNDEBUG', `-I${base}`],
    ...(x86 ? ['-DZIMG_X86', '-DZIMG_X86_AVX512'] : ['-DZIMG_ARM']),
  ]);
  await installHeaders(stage, ['src/zimg/api/zimg.h', 'src/zimg/api/zimg++.hpp']);
  await describe(stage, 'zimg', { libs: '-lzimg -lstdc++ -lm' });
}

/** @param {Stage} stage */
async function nvCodecHeaders(stage) {
  await run('make', ['-C', stage.source, `PREFIX=${stage.prefix}`, 'install'], stage);
}

/** @param {Stage} stage */
async function onevpl(stage) {
  const off = ['TOOLS', 'EXAMPLES', 'TESTS', 'PREVIEW'].map((what) => `-DBUILD_${what}=OFF`);
  // Where the dispatcher looks for Intel's runtime: the system's folder, not our prefix.
  const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  const modules = `-DMFX_MODULES_DIR=/usr/lib/${machine}-linux-gnu`;
  await cmake(stage, [...off, '-DINSTALL_EXAMPLE_CODE=OFF', modules]);
}

/** @param {Stage} stage */
async function libva(stage) {
  const template = await readFile(join(stage.source, 'va/va_version.h.in'), 'utf8');
  const [major = '', minor = '', micro = ''] = stage.version.split('.');
  // libva 2.N brings version 1.N of the interface.
  const api = {
    MAJOR_VERSION: String(Number(major) - 1),
    MINOR_VERSION: minor,
    MICRO_VERSION: micro,
  };
  const version = Object.values(api).join('.');
  const header = template.replace(/@VA_API_(\w+)@/g, (_, key) =>
    key === 'VERSION' ? version : api[/** @type {keyof typeof api} */ (key)],
  );
  const headers = (await readdir(join(stage.source, 'va'))).filter((file) => file.endsWith('.h'));
  await installHeaders(stage, [...headers.map((file) => `va/${file}`), 'va/drm/va_drm.h'], 'va');
  await writeFile(join(stage.prefix, 'include/va/va_version.h'), header);
  for (const name of ['va', 'va-drm']) {
    const stub = join(root, `native/compat/lib${name.replace('-', '_')}_stubs.c`);
    await archiveOf(stage, `lib${name}.a`, [{ file: stub }], [`-I${stage.prefix}/include`]);
    const libs = `-l${name} -ldl -lpthread`;
    await describe(stage, `lib${name}`, { version, libs });
  }
}

/** @param {Stage} stage */
async function libdrm(stage) {
  const drm = (await readdir(join(stage.source, 'include/drm'))).filter((file) =>
    file.endsWith('.h'),
  );
  await installHeaders(stage, ['xf86drm.h', 'xf86drmMode.h']);
  await installHeaders(
    stage,
    drm.map((file) => `include/drm/${file}`),
    'libdrm',
  );
  const includes = [`-I${stage.prefix}/include`, `-I${stage.prefix}/include/libdrm`];
  const stub = join(root, 'native/compat/libdrm_stubs.c');
  await archiveOf(stage, 'libdrm.a', [{ file: stub }], includes);
  await describe(stage, 'libdrm', { libs: '-ldrm -ldl -lpthread', includes: ['libdrm'] });
}

/** Everything FFmpeg is linked with, in no particular order. @type {readonly Recipe[]} */
export const recipes = [
  { name: 'zlib', source: 'zlib', needs: [], build: zlib },
  { name: 'freetype', source: 'freetype', needs: ['zlib'], build: freetype },
  { name: 'harfbuzz', source: 'harfbuzz', needs: ['freetype'], build: harfbuzz },
  { name: 'x264', source: 'x264', needs: [], build: x264 },
  { name: 'zimg', source: 'zimg', needs: [], build: zimg },
  { name: 'mbedtls', source: 'mbedtls', needs: [], build: mbedtls },
  { name: 'onevpl', source: 'onevpl', needs: [], build: onevpl },
  { name: 'dav1d', source: 'dav1d', needs: [], build: dav1d },
  { name: 'nv-codec-headers', source: 'nv-codec-headers', needs: [], build: nvCodecHeaders },
  { name: 'libva', source: 'libva', needs: [], build: libva },
  { name: 'libdrm', source: 'libdrm', needs: [], build: libdrm },
];
