// Runs the bundled server as a person would, in a process of its own, and waits until it says where it listens.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const READY_MS = 60_000;

/** How a server process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServeOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Program and first arguments. Default: this checkout's server through tsx. */
  readonly command?: readonly [string, ...string[]];
  readonly cwd?: string;
}

/** A running `headend serve`. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Everything it wrote so far, both streams. */
  text = '';

  constructor(options: ServeOptions = {}) {
    const [program, ...first] = options.command ?? [
      process.execPath,
      ...['--import', 'tsx', `${ROOT}server/main.ts`],
    ];
    const state = mkdtempSync(join(tmpdir(), 'headend-state-'));
    this.#child = spawn(program, [...first, 'serve', ...(options.args ?? [])], {
      cwd: options.cwd ?? ROOT,
      env: {
        ...process.env,
        HOST: '127.0.0.1',
        PORT: '0',
        XDG_STATE_HOME: state,
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
      });
    }
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({ code, signal }));
    running.add(this);
    void this.ended.finally(() => {
      running.delete(this);
      rmSync(state, { recursive: true, force: true });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until all channels are on the air, and gives the address. @throws when it ends first or takes too long */
  url(): Promise<string> {
    return this.#told(/on the air with .* (http:\/\/[\w.[\]:-]+:[1-9]\d*)/);
  }

  /** Waits for the address, at which channels may be missing yet. @throws as {@link url} */
  listening(): Promise<string> {
    return this.#told(/Listening on (http:\/\/[\w.[\]:-]+:[1-9]\d*)/);
  }

  async #told(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + READY_MS;
    while (performance.now() < deadline) {
      const [, url] = pattern.exec(this.text) ?? [];
      if (url !== undefined) return url;
      if (this.#child.exitCode !== null) break;
      await Promise.race([
        once(this.#child.stdout ?? this.#child, 'data'),
        once(this.#child, 'close'),
      ]);
    }
    throw new Error(`the server does not say where it listens:\n${this.text}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and tells how it ended and after how many milliseconds. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Ended & { readonly ms: number }> {
    const begin = performance.now();
    this.#child.kill(signal);
    const ended = await this.ended;
    return { ...ended, ms: performance.now() - begin };
  }
}

const running = new Set<ServerProcess>();

// Also when the test breaks off.
process.once('exit', () => {
  for (const server of running) server.kill('SIGKILL');
});

/** Ends what a failed test left running. For `test.after`. */
export async function stopServers(): Promise<void> {
  const left = [...running];
  for (const server of left) server.kill('SIGKILL');
  await Promise.all(left.map((server) => server.ended));
}

/** Waits until `condition` gives something; the runner's deadline bounds it. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | null>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== null) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ids of the channels that a server airs. */
export async function channelsOf(url: string): Promise<string[]> {
  const response = await fetch(`${url}/channels`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const { channels } = (await response.json()) as { channels: { id: string }[] };
  return channels.map(({ id }) => id);
}
