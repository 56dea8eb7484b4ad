// Leaks: a process of its own does the same thing again and again and counts what it holds in between; a test judges it.
import { setImmediate as turn } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { output } from '../support/process.js';
import { residentBytes, resources } from './resources.js';

/** What the process held at a moment between two cycles. */
export interface Held {
  readonly threads: number;
  readonly files: number;
  readonly residentBytes: number;
  /** Memory outside V8's heap that it knows of: segments among it. */
  readonly externalBytes: number;
}

/** How often a cycle is gone through. */
export interface Stretches {
  /** Cycles before the first measurement. */
  readonly warmUp: number;
  /** Stretches, with a measurement after each. */
  readonly stretches: number;
  /** Cycles in each. */
  readonly cycles: number;
}

/**
 * 8 KiB a cycle: what is forgotten grows in every stretch, while the heaps of V8 and libc take a step of megabytes now and
 * then, so the median counts. The least that could be forgotten, a picture of 320x180 or the state of an encoder, is more.
 */
const ALLOWANCE_BYTES = 8 * 1024;

async function measure(): Promise<Held> {
  // Finalizers of buffers run in turns of their own.
  for (let pass = 0; pass < 5; pass += 1) {
    globalThis.gc?.();
    await turn();
  }
  const { threads, files } = resources();
  return {
    threads: threads.length,
    files: files.length,
    residentBytes: residentBytes(),
    externalBytes: process.memoryUsage().external,
  };
}

/** In the process of its own: goes through the cycles, and prints what it held. */
export async function printHeld(
  cycle: (number: number) => Promise<void>,
  { warmUp, stretches, cycles }: Stretches,
): Promise<void> {
  const run = async (count: number) => {
    for (let number = 0; number < count; number += 1) await cycle(number);
    return measure();
  };
  const held = [await run(warmUp)];
  while (held.length <= stretches) held.push(await run(cycles));
  console.log(JSON.stringify(held));
}

/** Runs a script that calls {@link printHeld}, with a file and the numbers of the {@link Stretches} as arguments. */
export async function heldBy(
  script: string,
  file: string,
  { warmUp, stretches, cycles }: Stretches,
): Promise<readonly Held[]> {
  const args = ['--expose-gc', '--import', 'tsx', script, file, warmUp, stretches, cycles];
  // glibc gives threads heaps of their own and keeps them: with one heap, what stays is what was forgotten.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const printed = await output(process.execPath, args.map(String), { env, timeoutMs: 170_000 });
  const held: readonly Held[] = JSON.parse(printed.toString());
  assert.is(held.length, stretches + 1);
  return held;
}

/** Threads and files to the last one, memory by the median of the stretches. */
export function assertNothingKept(held: readonly Held[], { cycles }: Stretches): void {
  const [before, ...after] = held;
  for (const [stretch, { threads, files }] of after.entries()) {
    assert.is(threads, before?.threads, `threads after stretch ${stretch}`);
    assert.is(files, before?.files, `files after stretch ${stretch}`);
  }
  const grown = after.map(({ residentBytes }, index) => {
    return residentBytes - (held[index]?.residentBytes ?? 0);
  });
  const median = grown.toSorted((a, b) => a - b)[Math.floor(grown.length / 2)] ?? 0;
  assert.ok(
    median < cycles * ALLOWANCE_BYTES,
    `each ${cycles} cycles kept ${grown.join(', ')} bytes`,
  );
  const external = (after.at(-1)?.externalBytes ?? 0) - (before?.externalBytes ?? 0);
  assert.ok(external < 64 * 1024, `${external} bytes of segments are still held`);
}
