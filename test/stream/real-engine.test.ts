// deadline: 240 s
// alone
// Channels on the real engine that are started and stopped: at once, and without leaving anything behind.
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ChannelOptions, createHeadend, loop } from '../../lib/index.js';

/** Stopping is promised within a second; the machine may be busy. */
const STOP_MS = 2000;
const RSS_SLACK_BYTES = 32 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

function channelOf(height: number, preset: 'ultrafast' | 'slow'): ChannelOptions {
  return {
    id: 'c',
    ladder: [{ height, bitrate: 400_000, preset }],
    segmentDuration: 1,
    frameRate: 25,
    schedule: loop([
      { source: { video: "hue=h='90*t'", audio: 'anull' }, duration: 60, title: 'Colours' },
    ]),
  };
}

/** What the process holds. */
function holdings() {
  if (typeof collectGarbage === 'function') collectGarbage();
  return {
    files: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    rss: process.memoryUsage.rss(),
  };
}

test('C7: a channel is stopped within a second while it encodes', async () => {
  await using headend = await createHeadend({ hardware: 'software' });
  const channel = await headend.channels.add(channelOf(1080, 'slow'));
  const waiting = channel.mediaPlaylist('1080p').catch((error: unknown) => error);
  while (channel.status().production?.producer !== 'working') {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const begin = performance.now();
  await Promise.all([channel.stop(), channel.stop()]);
  const took = performance.now() - begin;
  assert.ok(took < STOP_MS, `stopping took ${took} ms`);
  assert.is(channel.state, 'idle');
  assert.match(String(await waiting), /was stopped/);
});

test('C11: a hundred times on and off leave no file, no thread and no memory', async () => {
  await using headend = await createHeadend({ hardware: 'software' });
  const channel = await headend.channels.add(channelOf(120, 'ultrafast'));
  const cycle = async () => {
    const playlist = await channel.mediaPlaylist('120p');
    assert.match(playlist, /#EXTINF/);
    await channel.stop();
  };
  for (let n = 0; n < 10; n++) await cycle();
  const before = holdings();
  for (let n = 0; n < 100; n++) await cycle();
  const after = holdings();
  assert.is(after.files, before.files);
  assert.is(after.threads, before.threads);
  assert.ok(after.rss < before.rss + RSS_SLACK_BYTES, `${before.rss} bytes, then ${after.rss}`);
});

test.run();
