// EXT-X-DISCONTINUITY-SEQUENCE over restarts of the server, with a journal in a real file.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Headend } from '../../lib/headend.js';
import type { Channel } from '../../lib/index.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { loop } from '../../lib/timeline/loop.js';
import { FakeClock } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';
import { EPOCH, N, START } from './streams.js';

const NEWS = { id: 'news', schedule: loop([{ source: '/a.mp4', duration: 10 }]) };

const folder = await mkdtemp(join(tmpdir(), 'headend-restart-'));
test.after(() => rm(folder, { recursive: true }));

/** A server with a hardware encoder that breaks at a segment. */
async function start(clock: FakeClock, breaksAt: number, file: string | null) {
  const engine = new FakeEngine(clock, 100);
  Object.assign(engine, { encoder: 'nvenc', breaksAt });
  const journal = file === null ? null : await openJournal({ file, clock });
  const options = {
    hardware: 'auto',
    playlistSegments: 6,
    batchSegments: 2,
    batchThreshold: 1,
  } as const;
  const headend = await Headend.create(options, { engine, clock, journal });
  return { headend, channel: await headend.channels.add(NEWS) };
}

/** What the playlist says for some seconds: each segment's discontinuities before it, its own included. */
async function watch(clock: FakeClock, channel: Channel, seconds: number) {
  let sequence = -1;
  const before = new Map<number, number>();
  for (let second = 0; second < seconds; second += 2) {
    const playlist = channel.mediaPlaylist('720p');
    await clock.advance(2000);
    const text = await playlist;
    const said = Number(/EXT-X-DISCONTINUITY-SEQUENCE:(\d+)/.exec(text)?.[1]);
    assert.ok(said >= sequence, `${said} after ${sequence}`);
    sequence = said;
    let count = said;
    for (const [line, number] of text.matchAll(/^(?:#EXT-X-DISCONTINUITY|(\d+)-\w+\.m4s)$/gm)) {
      if (line.startsWith('#')) count++;
      else {
        assert.is(before.get(Number(number)) ?? count, count, `segment ${number}`);
        before.set(Number(number), count);
      }
    }
  }
  return { sequence, before };
}

test('the discontinuity sequence goes on where the server that was there before had it', async () => {
  const clock = new FakeClock(START);
  const file = join(folder, 'journal.db');
  const first = await start(clock, N + 5, file);
  const run = await watch(clock, first.channel, 80);
  assert.is(run.before.get(N + 4), 0);
  assert.is(run.before.get(N + 5), 1);
  assert.is(run.sequence, 1, 'the change has left the playlist');
  await first.headend.close();

  await clock.advance(10_000);
  const onAir = Math.floor((clock.now() - EPOCH) / 4000);
  const second = await start(clock, onAir + 5, file);
  const next = await watch(clock, second.channel, 80);
  // Software made the last segments, hardware makes these, and breaks again.
  assert.is(Math.min(...next.before.keys()), onAir);
  assert.is(next.before.get(onAir), 2);
  assert.is(next.before.get(onAir + 5), 3);
  assert.is(next.sequence, 3);

  // Another channel of the same name has the same URLs.
  await second.headend.channels.remove('news');
  const again = await watch(clock, await second.headend.channels.add(NEWS), 40);
  assert.ok(Math.min(...again.before.values()) >= 3);
  await second.headend.close();

  // One that goes on with the encoder of the last one has nothing to announce.
  const third = await start(clock, 0, file);
  const { before } = await watch(clock, third.channel, 20);
  assert.is(new Set(before.values()).size, 1);
  await third.headend.close();
});

test('a journal of before the count was kept takes it on', async () => {
  const clock = new FakeClock(START);
  const file = join(folder, 'before.db');
  await (await openJournal({ file, clock })).close();
  const db = new DatabaseSync(file);
  db.exec('DROP TABLE encodings; PRAGMA user_version = 1');
  db.close();
  const first = await start(clock, N + 5, file);
  assert.is((await watch(clock, first.channel, 80)).sequence, 1);
  await first.headend.close();
  const second = await start(clock, 0, file);
  assert.is((await watch(clock, second.channel, 20)).before.get(N + 20), 2);
  await second.headend.close();
});

test('without a journal it begins anew', async () => {
  const clock = new FakeClock(START);
  const first = await start(clock, N + 5, null);
  assert.is((await watch(clock, first.channel, 80)).sequence, 1);
  await first.headend.close();
  const second = await start(clock, Infinity, null);
  assert.is((await watch(clock, second.channel, 20)).sequence, 0);
  await second.headend.close();
});

test.run();
