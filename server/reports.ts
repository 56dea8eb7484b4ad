// Warnings about channels and files: one that was given in the last round is not repeated in this one.

import type { Logger } from '../lib/index.js';

/** Tells each warning once, until a round passes without it. */
export class Reports {
  readonly #log: Pick<Logger, 'warn'>;
  #before = new Set<string>();
  #now = new Set<string>();

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log;
  }

  /** How many warnings this round has. */
  get count(): number {
    return this.#now.size;
  }

  /** Begins a round. */
  begin(): void {
    this.#before = this.#now;
    this.#now = new Set();
  }

  warn(details: object, message: string): void {
    if (!this.#before.has(message) && !this.#now.has(message)) this.#log.warn(details, message);
    this.#now.add(message);
  }
}
