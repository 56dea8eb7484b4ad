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
import { assertNothingKept, heldBy } from './held.js';

const CYCLES_SCRIPT = fileURLToPath(new URL('./cycles.ts', import.meta.url));
const STRETCHES = { warmUp: 60, stretches: 5, cycles: 40 };

test('after 200 engines threads, files and memory are where they were', async () => {
  const { path } = await makeFixture({ frames: 200 });
  assertNothingKept(await heldBy(CYCLES_SCRIPT, path, STRETCHES), STRETCHES);
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
