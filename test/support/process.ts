// Runs a program to its end: bytes in, bytes out. For the independent readers (ffmpeg, ffprobe) and the shell tools of tests.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

export interface Finished {
  readonly code: number | null;
  /** What it died of, when it has no exit code: `SIGKILL` when its time was over, `SIGSEGV` when it crashed. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  /** Bytes for its standard input; a program that stops reading early is no error. */
  readonly input?: Uint8Array | Iterable<Uint8Array>;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Kills the program after so many milliseconds and says on its standard error what its threads were at. Default
   * 110 s, below the runner's deadline for a file.
   */
  readonly timeoutMs?: number;
}

/** Runs a program and collects what it says. Does not throw on an exit code. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const child = spawn(command, [...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => {});
  const closed = once(child, 'close');
  let wasKilled = false;
  const timer = setTimeout(() => {
    wasKilled = true;
    try {
      err.push(
        Buffer.from(`\nStill running when its time was over:\n${threadsOf(child.pid ?? 0)}\n`),
      );
    } catch {
      // It has just ended, or this system has no /proc.
    }
    child.kill('SIGKILL');
  }, options.timeoutMs ?? 110_000);
  try {
    await Promise.race([feed(child.stdin, options.input), closed]);
    const [code, signal] = (await closed) as [number | null, NodeJS.Signals | null];
    if (signal !== null && !wasKilled) err.push(Buffer.from(lastCrashes()));
    return { code, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() };
  } finally {
    clearTimeout(timer);
  }
}

/** What the kernel wrote down last about any process that died, where one may read it: which thread, and in what. */
function lastCrashes(): string {
  const { stdout } = spawnSync('dmesg', { encoding: 'utf8' });
  const lines = (stdout ?? '').split('\n').filter((line) => /segfault|traps:|Killed/.test(line));
  return lines
    .slice(-4)
    .map((line) => `\n${line}`)
    .join('');
}

/** A line per thread of a process: its name and state, and where in the kernel it waits. */
function threadsOf(pid: number): string {
  const tasks = `/proc/${pid}/task`;
  const read = (id: string, name: string) => readFileSync(`${tasks}/${id}/${name}`, 'utf8').trim();
  const line = (id: string) => {
    const state = /^State:\s+(.*)$/m.exec(read(id, 'status'))?.[1];
    return `${read(id, 'comm')}: ${state}, ${read(id, 'wchan')}, ${read(id, 'syscall')}`;
  };
  return readdirSync(tasks).map(line).join('\n');
}

/** The words of a command line without quotes, for long argument lists. */
export function words(line: string): string[] {
  return line.split(' ').filter((word) => word !== '');
}

/** Runs a program that must succeed and gives its standard output. */
export async function output(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Buffer> {
  const { code, signal, stdout, stderr } = await run(command, args, options);
  if (code !== 0)
    throw new Error(
      `${command} ended with ${code ?? signal}: ${stderr.slice(-2000)}\n${command} ${args.join(' ')}`,
    );
  return stdout;
}

async function feed(stdin: NodeJS.WritableStream, input: RunOptions['input']): Promise<void> {
  const chunks = input instanceof Uint8Array ? [input] : (input ?? []);
  for await (const chunk of chunks) {
    if (!(stdin as unknown as { writable: boolean }).writable) return;
    if (!stdin.write(chunk)) await once(stdin, 'drain').catch(() => {});
  }
  stdin.end();
}
