// A disk that is full: nothing but the journal is on it, so the channel plays on, out of memory, and a fault says what
// is the matter. The journal is a real one; SQLite's own limit gives the very error of a full disk.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import type { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeEngine, nameOf } from './fake-engine.js';

test('C10: a full disk is a fault of the journal; segments are served whole, from memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-full-'));
  const faults: HeadendError[] = [];
  const journal = await openJournal({
    file: join(folder, 'journal.sqlite'),
    maxFileBytes: 256 * 1024,
    intervalMs: 5,
    onFault: (fault) => faults.push(fault),
  });
  const engine = new FakeEngine(systemClock, 1);
  const headend = await Headend.create({}, { engine, clock: systemClock, journal });
  try {
    const channel = await headend.channels.add({
      id: 'news',
      schedule: loop([{ source: '/a.mp4', duration: 10 }]),
      ladder: [{ height: 720, bitrate: 2_000_000 }],
    });
    for (let viewer = 0; faults.length === 0; viewer++) {
      assert.ok(viewer < 100_000, 'the disk never filled up');
      await channel.register(`viewer-${viewer}`);
      if (viewer % 100 === 0) await journal.flush().catch(() => {});
    }
    assert.is(faults[0]?.code, 'JOURNAL_FAILED');
    assert.match(faults[0]?.message ?? '', /the disk is full/);

    const onAir = channel.status().onAir.segmentNumber;
    for (const sequence of [onAir, onAir + 1, onAir + 2]) {
      const { data } = await channel.segment('720p', sequence, { sessionId: 'late' });
      const text = Buffer.from(data).toString().replaceAll('\0', '');
      assert.is(text, nameOf('720p', sequence));
      assert.is(data.byteLength, engine.segmentBytes);
    }
    assert.is(channel.state, 'active');
    assert.match(await channel.mediaPlaylist('720p'), new RegExp(`\n${onAir + 1}-`));
  } finally {
    await headend.close();
    await rm(folder, { recursive: true });
  }
});

test.run();
