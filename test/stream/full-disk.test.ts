// A disk that is full, and one that loses files: the channel plays on, and faults say what is the matter. Journal and disk
// tier are real ones; the system refuses to let their files grow, as it does on a full disk.
import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { delay, systemClock } from '../../lib/clock.js';
import type { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { SegmentFiles } from '../../lib/store/segment-files.js';
import { loop } from '../../lib/timeline/schedule.js';
import { limitFileSize } from '../support/file-size-limit.js';
import { FakeEngine, nameOf } from './fake-engine.js';

test('C10: a full disk is a fault of the journal; segments are served whole, from memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-full-'));
  const faults: HeadendError[] = [];
  const journal = await openJournal({
    file: join(folder, 'journal.sqlite'),
    intervalMs: 5,
    onFault: (fault) => faults.push(fault),
  });
  const engine = new FakeEngine(systemClock, 1);
  const headend = await Headend.create({}, { engine, clock: systemClock, journal });
  limitFileSize(256 * 1024);
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
    assert.match(faults[0]?.message ?? '', /disk I\/O error/);

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
    limitFileSize(null);
    await headend.close();
    await rm(folder, { recursive: true });
  }
});

test('C12: a viewer gets a segment whose file is gone, made again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-gone-'));
  const faults: HeadendError[] = [];
  const directory = join(folder, 'segments');
  const segmentFiles = await SegmentFiles.open(
    { directory, refuseBelowBytes: 0, warnBelowBytes: 0 },
    { clock: systemClock, onFault: (fault) => faults.push(fault), onLow: () => {} },
  );
  // The disk must keep up with it.
  const engine = new FakeEngine(systemClock, 50);
  const parts = { engine, clock: systemClock, segmentFiles };
  const headend = await Headend.create({ storeBytes: 8 * engine.segmentBytes }, parts);
  try {
    const channel = await headend.channels.add({
      id: 'news',
      schedule: loop([{ source: '/a.mp4', duration: 10 }]),
      ladder: [{ height: 720, bitrate: 2_000_000 }],
    });
    await channel.mediaPlaylist('720p', { sessionId: 'viewer' });
    const names = () => readdirSync(directory).filter((name) => name.endsWith('.m4s'));
    const isMade = () => channel.status().batch?.isComplete && names().length >= 10;
    const deadline = AbortSignal.timeout(20_000);
    while (!isMade()) {
      deadline.throwIfAborted();
      await delay(systemClock, 5);
    }
    const disk = headend.status().disk;
    assert.is(disk?.state, 'writing');
    assert.ok(headend.storeBytes <= 9 * engine.segmentBytes);

    const gone = names().find((name) => name.includes('.720p.')) ?? '';
    const segmentNumber = Number(gone.split('.')[3]);
    rmSync(join(directory, gone));
    const { data } = await channel.segment('720p', segmentNumber, { sessionId: 'viewer' });
    const text = Buffer.from(data).toString().replaceAll('\0', '');
    assert.is(text, nameOf('720p', segmentNumber));
    assert.is(faults.length, 1);
    assert.is(faults[0]?.code, 'STORE_FAILED');
    assert.is(faults[0]?.channelId, 'news');
    const before = engine.batches.length;
    await channel.segment('audio', segmentNumber, { sessionId: 'viewer' });
    assert.is(engine.batches.length, before, 'what a file has is not made again');
  } finally {
    await headend.close();
    assert.equal(readdirSync(directory), ['headend.lock']);
    await rm(folder, { recursive: true });
  }
});

test.run();
