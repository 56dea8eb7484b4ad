// deadline: 180 s
// Nothing is left of an engine that was closed, and segments are memory that the garbage collector knows of. C11.
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Segment } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { makeFixture } from '../fixtures/make.js';
import { fileItem, produceBatches } from '../support/engine-run.js';
import { output } from '../support/process.js';
import type { Held } from './cycles.js';

const CYCLES_SCRIPT = fileURLToPath(new URL('./cycles.ts', import.meta.url));
const WARM_UP = 60;
const STRETCHES = 5;
const CYCLES = 40;
/**
 * 8 KiB a cycle: what is forgotten grows in every stretch, while the heaps of V8 and libc take a step of megabytes now and
 * then, so the median counts. The least that could be forgotten, a picture of 320x180 or the state of an encoder, is more.
 */
const RSS_ALLOWANCE = CYCLES * 8 * 1024;

test(`after ${STRETCHES * CYCLES} engines threads, files and memory are where they were`, async () => {
  const { path } = await makeFixture({ frames: 200 });
  const args = ['--expose-gc', '--import', 'tsx', CYCLES_SCRIPT, path];
  // glibc gives threads heaps of their own and keeps them: with one heap, what stays is what was forgotten.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const counts = [WARM_UP, STRETCHES, CYCLES].map(String);
  const printed = await output(process.execPath, [...args, ...counts], {
    env,
    timeoutMs: 170_000,
  });
  const held: readonly Held[] = JSON.parse(printed.toString());
  const [before, after] = [held[0], held.at(-1)];
  assert.ok(before !== undefined && after !== undefined && held.length === STRETCHES + 1);
  assert.is(after.threads, before.threads);
  assert.is(after.files, before.files);
  const resident = held.map(({ residentBytes }) => residentBytes);
  const grown = resident.slice(1).map((bytes, index) => bytes - (resident[index] ?? 0));
  const median = grown.sort((a, b) => a - b)[Math.floor(STRETCHES / 2)] ?? 0;
  assert.ok(median < RSS_ALLOWANCE, `each ${CYCLES} cycles kept ${grown.join(', ')} bytes`);
  assert.ok(after.externalBytes - before.externalBytes < 64 * 1024, 'segments are still held');
});

/** Memory outside V8's heap, after what nobody refers to is gone. */
async function externalBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let pass = 0; pass < 5; pass += 1) {
    collect();
    await turn(); // finalizers of buffers run in turns of their own
  }
  return process.memoryUsage().external;
}

async function makeSegments(): Promise<Segment[]> {
  const { path } = await makeFixture({ frames: 200 });
  const engine = createNativeEngine();
  const { segments } = await produceBatches(engine, [fileItem(path, 0, 100)], 0, [4]);
  await engine.close();
  return segments;
}

test('segments count as external memory while they are held, and no longer', async () => {
  const before = await externalBytes();
  let segments = await makeSegments();
  const bytes = segments.reduce((sum, { data }) => sum + data.byteLength, 0);
  assert.ok(bytes > 500_000, `${bytes} bytes of segments`);
  const held = (await externalBytes()) - before;
  assert.ok(held >= bytes && held < bytes * 1.5, `${held} for ${bytes} bytes of segments`);
  segments = [];
  const left = (await externalBytes()) - before;
  assert.is(segments.length, 0);
  assert.ok(left < bytes / 10, `${left} of ${bytes} bytes are still accounted`);
});

test.run();
