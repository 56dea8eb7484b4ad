// The server's lives: started, killed without warning, started again at the same address with the same journal.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServerPlan, ServerReport } from './server.js';

const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url));

/** A server that is killed and comes back. */
export class Lives {
  readonly #plan: Omit<ServerPlan, 'port'>;
  #child: ChildProcess | null = null;
  #url = '';
  #number = 0;
  #upSince = Number.POSITIVE_INFINITY;
  #up: Promise<void> = Promise.resolve();
  /** What it said besides. */
  said = '';

  constructor(plan: Omit<ServerPlan, 'port'>) {
    this.#plan = plan;
  }

  /** Its address. */
  get url(): string {
    return this.#url;
  }

  /** Counts its lives from 1. */
  get number(): number {
    return this.#number;
  }

  /** When it began to listen; `Infinity` while it is down. */
  get upSince(): number {
    return this.#upSince;
  }

  /** Resolves when it listens. */
  up(): Promise<void> {
    return this.#up;
  }

  /** Starts it. Resolves with what it found. */
  start(): Promise<ServerReport> {
    this.#number++;
    const started = this.#start();
    this.#up = started.then(() => {});
    return started;
  }

  /** Kills it, as the kernel does. */
  async kill(): Promise<void> {
    this.#upSince = Number.POSITIVE_INFINITY;
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    this.#up = new Promise(() => {});
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async #start(): Promise<ServerReport> {
    const port = this.#url === '' ? 0 : Number(new URL(this.#url).port);
    const plan: ServerPlan = { ...this.#plan, port };
    const child = spawn(process.execPath, ['--import', 'tsx', SERVER, JSON.stringify(plan)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    for await (const line of createInterface(child.stdout)) {
      const report = JSON.parse(line) as ServerReport;
      this.#url = report.url;
      this.#upSince = Date.now();
      return report;
    }
    throw new Error(`the server ended: ${this.said}`);
  }
}
