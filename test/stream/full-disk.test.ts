// A disk that is full, and one that loses files: the channel plays on, and faults say what is the matter. Journal and disk
// tier are real ones; the system refuses to let their files grow, as it does on a full disk.
import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { SegmentFiles } from '../../lib/store/segment-files.js';
import { loop } from '../../lib/timeline/schedule.js';
import { limitFileSize } from '../support/file-size-limit.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeEngine, nameOf } from './fake-engine.js';
import { N, START } from './streams.js';

/** What a promise resolves with; `turn` is done again and again until then. */
async function following<T>(promise: Promise<T>, turn: () => Promise<void>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  promise.then(end, end);
  while (!isOver) await turn();
  return promise;
}

/** Time passes while the engine is at work, and not for the disk, which knows no fake clock. */
function timed<T>(engine: FakeEngine, clock: FakeClock, promise: Promise<T>): Promise<T> {
  return following(promise, () => (engine.working > 0 ? clock.advance(10) : settle(1)));
}

/** Waits for the disk. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle(1);
}

/** Of the eight segments that there is memory for, those beyond three quarters are in files already. */
const IN_MEMORY = 6;

test('C10: a full disk is a fault of the journal; segments are served whole, from memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-full-'));
  const faults: HeadendError[] = [];
  const clock = new FakeClock(START);
  const journal = await openJournal({
    file: join(folder, 'journal.sqlite'),
    clock,
    onFault: (fault) => faults.push(fault),
  });
  const engine = new FakeEngine(clock, 100);
  const headend = await Headend.create({}, { engine, clock, journal });
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
    assert.is(onAir, N);
    for (const sequence of [onAir, onAir + 1, onAir + 2]) {
      const segment = channel.segment('720p', sequence, { sessionId: 'late' });
      const { data } = await timed(engine, clock, segment);
      const text = Buffer.from(data).toString().replaceAll('\0', '');
      assert.is(text, nameOf('720p', sequence));
      assert.is(data.byteLength, engine.segmentBytes);
    }
    assert.is(channel.state, 'active');
    const playlist = await timed(engine, clock, channel.mediaPlaylist('720p'));
    assert.match(playlist, new RegExp(`\n${onAir + 1}-`));
  } finally {
    limitFileSize(null);
    await following(headend.close(), () => clock.advance(10));
    await rm(folder, { recursive: true });
  }
});

test('C12: a viewer gets a segment whose file is gone, made again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-gone-'));
  const faults: HeadendError[] = [];
  const directory = join(folder, 'segments');
  const clock = new FakeClock(START);
  const segmentFiles = await SegmentFiles.open(
    { directory, refuseBelowBytes: 0, warnBelowBytes: 0 },
    { clock, onFault: (fault) => faults.push(fault), onLow: () => {} },
  );
  const engine = new FakeEngine(clock, 100);
  const parts = { engine, clock, segmentFiles };
  const headend = await Headend.create({ storeBytes: 8 * engine.segmentBytes }, parts);
  try {
    const channel = await headend.channels.add({
      id: 'news',
      schedule: loop([{ source: '/a.mp4', duration: 10 }]),
      ladder: [{ height: 720, bitrate: 2_000_000 }],
    });
    const asked = channel.mediaPlaylist('720p', { sessionId: 'viewer' });
    // Sound and pictures of ten segments, one pair after the other: the disk must keep up.
    for (let made = 1; made <= 10; made++) {
      await clock.advance(engine.segmentMs);
      await until(() => segmentFiles.status.files === Math.max(0, 2 * made - IN_MEMORY));
    }
    await asked;
    assert.is(channel.status().batch?.isComplete, true);
    const names = () => readdirSync(directory).filter((name) => name.endsWith('.m4s'));
    const disk = headend.status().disk;
    assert.is(disk?.state, 'writing');
    assert.ok(headend.storeBytes <= 9 * engine.segmentBytes);

    const gone = names().find((name) => name.includes('.720p.')) ?? '';
    const segmentNumber = Number(gone.split('.')[3]);
    rmSync(join(directory, gone));
    const again = channel.segment('720p', segmentNumber, { sessionId: 'viewer' });
    const { data } = await timed(engine, clock, again);
    const text = Buffer.from(data).toString().replaceAll('\0', '');
    assert.is(text, nameOf('720p', segmentNumber));
    assert.is(faults.length, 1);
    assert.is(faults[0]?.code, 'STORE_FAILED');
    assert.is(faults[0]?.channelId, 'news');
    const before = engine.batches.length;
    await timed(engine, clock, channel.segment('audio', segmentNumber, { sessionId: 'viewer' }));
    assert.is(engine.batches.length, before, 'what a file has is not made again');
  } finally {
    await following(headend.close(), () => clock.advance(10));
    assert.equal(readdirSync(directory), ['headend.lock']);
    await rm(folder, { recursive: true });
  }
});

test.run();
