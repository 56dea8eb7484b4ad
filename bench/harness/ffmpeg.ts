// The peer: an `ffmpeg` program of the same version over the same static libraries as the addon, built here once from
// the sources that set-up keeps. Where that fails the system's is used, and the tables say so.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rename, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchSource } from '../../scripts/setup/fetch.mjs';
import { depsLink, out } from '../../scripts/setup/paths.mjs';
import { attempt, run } from '../../scripts/setup/run.mjs';
import { sources } from '../../scripts/setup/sources.mjs';

const BUILT = join(out, 'bench/ffmpeg');

/** The program to run, and how it is called in tables. Before `prepareFfmpeg` it is the system's. */
export function ffmpeg(): { readonly path: string; readonly name: string } {
  return existsSync(BUILT)
    ? { path: BUILT, name: 'ffmpeg, same libraries' }
    : { path: 'ffmpeg', name: "the system's ffmpeg" };
}

/** Builds the program, unless it is there. */
export async function prepareFfmpeg(): Promise<void> {
  if (existsSync(BUILT)) return;
  const work = await mkdtemp(join(tmpdir(), 'headend-bench-'));
  try {
    await build(work);
  } catch (error) {
    console.error(`No ffmpeg of the same libraries: ${String(error)}`);
  } finally {
    await rm(work, { recursive: true });
  }
}

/** The programs' own sources need a configuration of the system, but none of the libraries': those are built. */
const CONFIGURE = [
  ...['--disable-everything', '--disable-autodetect', '--disable-doc', '--disable-debug'],
  ...['--disable-avdevice', '--disable-x86asm', '--enable-gpl', '--enable-version3'],
];

async function build(work: string): Promise<void> {
  const pinned = sources.ffmpeg;
  if (pinned === undefined) throw new Error('FFmpeg is not pinned');
  const prefix = await realpath(depsLink);
  const { file } = await fetchSource('ffmpeg', pinned, work);
  const [source, objects] = [join(work, 'source'), join(work, 'objects')];
  await Promise.all([mkdir(source), mkdir(objects)]);
  await run('tar', ['-xf', file, '-C', source, '--strip-components=1']);
  await run(join(source, 'configure'), CONFIGURE, { cwd: objects });

  const tools = join(source, 'fftools');
  const files = (await readdir(tools)).filter(
    (name) => name.endsWith('.c') && !/^(ffplay|ffprobe|fopen_utf8)/.test(name),
  );
  const folders = [objects, source, join(source, 'compat/stdbit'), join(prefix, 'include')];
  const flags = ['-std=c17', '-O3', '-w', '-D_GNU_SOURCE', ...folders.map((name) => `-I${name}`)];
  const compile = files.map((name) => ['-c', join(tools, name), '-o', join(objects, `${name}.o`)]);
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let args = compile.pop(); args !== undefined; args = compile.pop())
      await run('gcc', [...flags, ...args]);
  });
  await Promise.all(workers);

  const archives = (await readdir(join(prefix, 'lib'))).filter((name) => name.endsWith('.a'));
  const program = join(objects, 'ffmpeg');
  await run('gcc', [
    ...['-o', program, ...files.map((name) => join(objects, `${name}.o`))],
    ...['-Wl,--start-group', ...archives.map((name) => join(prefix, 'lib', name))],
    ...['-Wl,--end-group', '-lstdc++', '-lm', '-lpthread', '-ldl'],
  ]);
  await mkdir(join(out, 'bench'), { recursive: true });
  await rename(program, `${BUILT}.new`).catch(async () => {
    await run('cp', [program, `${BUILT}.new`]); // another file system
  });
  await rename(`${BUILT}.new`, BUILT);
}

/** Runs it and gives the processor time that it took, in seconds, start of the process not counted. */
export async function cpuSecondsOf(args: readonly string[]): Promise<number> {
  const { code, output } = await attempt(ffmpeg().path, [
    ...['-nostdin', '-hide_banner', '-y', '-benchmark', ...args],
  ]);
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(output) ?? [];
  if (code !== 0 || user === undefined || system === undefined)
    throw new Error(`ffmpeg ${args.join(' ')}\n${output.slice(-2000)}`);
  return Number(user) + Number(system);
}
