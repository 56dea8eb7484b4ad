// The pinned sources of FFmpeg and of what is linked into it. To update one, see CONTRIBUTING.md.

/**
 * @typedef {object} Source
 * @property {string} version upstream's version
 * @property {string} series versions that start with this are taken from apt when the pin is gone
 * @property {string} file name of the tarball in Debian's pool
 * @property {string} pool its folder there
 * @property {string} sha256
 * @property {string} sha1 the address of the same file at snapshot.debian.org, which keeps all
 * @property {string} license
 * @property {readonly string[]} upstream addresses of the same bytes elsewhere
 */

/** @type {Readonly<Record<string, Source>>} */
export const sources = {
  zlib: {
    version: '1.3.1',
    series: '1:1.3.dfsg+really1.3.',
    file: 'zlib_1.3.dfsg+really1.3.1.orig.tar.gz',
    pool: 'main/z/zlib',
    sha256: '60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb',
    sha1: '3b19b81105d3436095134a648c521b678905eaac',
    license: 'Zlib',
    upstream: [],
  },
  mbedtls: {
    version: '3.6.6',
    series: '3.6.',
    file: 'mbedtls_3.6.6.orig.tar.bz2',
    pool: 'main/m/mbedtls',
    sha256: '8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a',
    sha1: '71dd91cc76e77a0dcf0d8020377523ed7e703d8e',
    license: 'Apache-2.0 OR GPL-2.0-or-later',
    upstream: [
      'https://github.com/Mbed-TLS/mbedtls/releases/download/mbedtls-3.6.6/mbedtls-3.6.6.tar.bz2',
    ],
  },
  x264: {
    version: '0.164.3108+git31e19f9',
    series: '2:0.164.',
    file: 'x264_0.164.3108+git31e19f9.orig.tar.gz',
    pool: 'main/x/x264',
    sha256: '41606cb8e788a7f8c4514290646d4ba5c7bc68d9e1ccd1a73f446a90546913eb',
    sha1: '5c7733d7122f3a76d88235c635e2ddd8233643a0',
    license: 'GPL-2.0-or-later',
    upstream: [],
  },
  dav1d: {
    version: '1.5.1',
    series: '1.5.',
    file: 'dav1d_1.5.1.orig.tar.xz',
    pool: 'main/d/dav1d',
    sha256: '401813f1f89fa8fd4295805aa5284d9aed9bc7fc1fdbe554af4292f64cbabe21',
    sha1: 'eaefdc760c0eb26f7b6546eeb9e45aa9cf0dbc55',
    license: 'BSD-2-Clause',
    upstream: ['https://downloads.videolan.org/pub/videolan/dav1d/1.5.1/dav1d-1.5.1.tar.xz'],
  },
  freetype: {
    version: '2.13.3',
    series: '2.13.',
    file: 'freetype_2.13.3+dfsg.orig.tar.xz',
    pool: 'main/f/freetype',
    sha256: '686ec73cbf6783b245dd068a09ce807b729ac0f8a46dd70f7867923c32fdf4de',
    sha1: '66e7e402e4f262f2dbb7577734717c98cfbeb59c',
    license: 'FTL OR GPL-2.0-or-later',
    upstream: [],
  },
  harfbuzz: {
    version: '10.2.0',
    series: '10.2.',
    file: 'harfbuzz_10.2.0.orig.tar.xz',
    pool: 'main/h/harfbuzz',
    sha256: '620e3468faec2ea8685d32c46a58469b850ef63040b3565cde05959825b48227',
    sha1: '343fd7c83aa490802f0fddb55ccf48983b33efe5',
    license: 'MIT-Modern-Variant',
    upstream: [
      'https://github.com/harfbuzz/harfbuzz/releases/download/10.2.0/harfbuzz-10.2.0.tar.xz',
    ],
  },
  zimg: {
    version: '3.0.4',
    series: '3.0.4',
    file: 'zimg_3.0.4+ds1.orig.tar.xz',
    pool: 'main/z/zimg',
    sha256: '19266d15ffb2f4b36835878ac776c746664725227ac3d10ec5e415a55765cf06',
    sha1: '7d443f207b00e23a39042792ed1b272e54bb547a',
    license: 'WTFPL',
    upstream: [],
  },
  'nv-codec-headers': {
    version: '12.1.14.0',
    series: '12.1.14.',
    file: 'nv-codec-headers_12.1.14.0.orig.tar.xz',
    pool: 'main/n/nv-codec-headers',
    sha256: '0ca1a0c85b149646fa6ce4d600584507fdccf5a23d58e668d8701e89cee0c3fb',
    sha1: 'f569308b64391b2dd7b00811ae9c1f4df10c4215',
    license: 'MIT',
    upstream: [],
  },
  onevpl: {
    version: '2023.1.1',
    series: '2023.1.',
    file: 'onevpl_2023.1.1.orig.tar.xz',
    pool: 'main/o/onevpl',
    sha256: 'c1cef32f8896e03fe16e502cd79ced9f1fffd1b6421c64a02ec5987fcf05b10b',
    sha1: 'a8ca8959228110c91d7468351339e3b751dc49d9',
    license: 'MIT',
    upstream: [],
  },
  // Headers alone: the libraries are opened at run time (hardware-stubs.mjs). Older headers than
  // trixie's on purpose, so that no function is called that a machine's libva may not have.
  libva: {
    version: '2.17.0',
    series: '2.17.',
    file: 'libva_2.17.0.orig.tar.gz',
    pool: 'main/libv/libva',
    sha256: '8940541980ef998a36cd8f6ad905e81838ea4ddf56dc479ed2bebd12711e6001',
    sha1: '5e252956d9dedd8711def786218dbc730c49937e',
    license: 'MIT',
    upstream: ['https://github.com/intel/libva/archive/refs/tags/2.17.0.tar.gz'],
  },
  libdrm: {
    version: '2.4.114',
    series: '2.4.114',
    file: 'libdrm_2.4.114.orig.tar.xz',
    pool: 'main/libd/libdrm',
    sha256: '3049cf843a47d12e5eeefbc3be3496d782fa09f42346bf0b7defe3d1e598d026',
    sha1: 'ef3d35d9aeae48be1294724007e5e66f17fa53a4',
    license: 'MIT',
    upstream: ['https://dri.freedesktop.org/libdrm/libdrm-2.4.114.tar.xz'],
  },
  ffmpeg: {
    version: '7.1.5',
    series: '7:7.1.',
    file: 'ffmpeg_7.1.5.orig.tar.xz',
    pool: 'main/f/ffmpeg',
    sha256: 'de668509caf9e35e3cd162473441fdb29538c6d96ed080292b3cf9e6fc5d558f',
    sha1: '280615051f0546371d20d8b119f3ff357e0fb948',
    license: 'GPL-3.0-or-later as configured here',
    upstream: ['https://ffmpeg.org/releases/ffmpeg-7.1.5.tar.xz'],
  },
};
