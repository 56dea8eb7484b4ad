// deadline: 240 s
// live
// Channels on the real engine that are started and stopped: at once, and without leaving anything behind.
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { createHeadend, loop } from '../../lib/index.js';
import { makeFixture } from '../fixtures/make.js';
import { assertNothingKept, heldBy } from '../lifecycle/held.js';
import { resources } from '../lifecycle/resources.js';

const CYCLES_SCRIPT = fileURLToPath(new URL('./channel-cycles.ts', import.meta.url));
const STRETCHES = { warmUp: 40, stretches: 5, cycles: 20 };

/** Stop to joined is promised within a second: a busy machine makes some stops take longer, but hardly every one. */
const PROMISED_MS = 1000;
const STOPS = 3;
/** Of each: a deadline for a busy machine, not a measure of speed. */
const STOP_MS = 5000;

/** How the reading of a segment in progress ended: an error code, or `whole`. */
async function endOf(fragments: AsyncIterable<Uint8Array>): Promise<string> {
  try {
    for await (const _ of fragments);
  } catch (error) {
    return error instanceof HeadendError ? error.code : String(error);
  }
  return 'whole';
}

test('C7: a channel is stopped in the middle of a segment: cancelled, joined, its segments gone, one stop however many ask', async () => {
  await using headend = await createHeadend({ hardware: 'software' });
  // Ten seconds of a large picture in one segment: long in the making.
  const channel = await headend.channels.add({
    id: 'c',
    ladder: [{ height: 1080, bitrate: 4_000_000, preset: 'slow' }],
    segmentDuration: 10,
    frameRate: 25,
    schedule: loop([
      { source: { video: "hue=h='90*t'", audio: 'anull' }, duration: 60, title: 'Colours' },
    ]),
  });
  const states: string[] = [];
  headend.on('channel', ({ state }) => states.push(state));
  const before = resources();
  const stopsMs: number[] = [];
  for (let n = 0; n < STOPS; n++) {
    const { segmentNumber } = channel.status().onAir;
    const opened = await channel.openSegment('1080p', segmentNumber);
    const reading = opened.data === null ? endOf(opened.fragments) : 'made already';
    assert.is(channel.status().production?.producer, 'working');
    assert.ok(resources().threads.length > before.threads.length, 'there is something to join');
    const begin = performance.now();
    await Promise.all([channel.stop(), channel.stop(), channel.stop()]);
    stopsMs.push(performance.now() - begin);
    const after = resources();
    assert.is(channel.state, 'idle');
    assert.equal(
      after.threads.filter((name) => !before.threads.includes(name)),
      [],
      'every thread is joined',
    );
    assert.is(headend.storeBytes, 0);
    assert.is(await reading, 'SEGMENT_TIMEOUT', 'it was not made to its end');
  }
  assert.ok(
    Math.max(...stopsMs) < STOP_MS && Math.min(...stopsMs) < PROMISED_MS,
    `stopping took ${stopsMs.join(', ')} ms`,
  );
  const once = ['starting', 'stopping', 'idle'];
  assert.equal(states, Array.from({ length: STOPS }, () => once).flat());
});

test('C11: a channel that was a hundred times on and off leaves no thread, no file and no memory', async () => {
  const { path } = await makeFixture({ frames: 200 });
  assertNothingKept(await heldBy(CYCLES_SCRIPT, path, STRETCHES), STRETCHES);
});

test.run();
