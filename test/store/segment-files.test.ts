// The disk tier, with real files, a process that is really killed and, where this process may mount one, a disk that is
// really full.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import {
  DISK_STORE_DEFAULTS,
  type DiskStoreOptions,
  SegmentFiles,
} from '../../lib/store/segment-files.js';
import { SegmentStore } from '../../lib/store/segment-store.js';
import { FakeClock } from '../stream/fake-clock.js';

const SIZE = 1000;
const NO_LIMITS = { refuseBelowBytes: 0, warnBelowBytes: 0 };

const root = await mkdtemp(join(tmpdir(), 'headend-files-'));
test.after(() => rm(root, { recursive: true }));

let folders = 0;
function newFolder(): string {
  return join(root, String(++folders));
}

interface StoreOptions extends Partial<DiskStoreOptions> {
  readonly maxBytes?: number;
  readonly segmentBytes?: number;
}

/** A store whose memory has room for four segments, and its files. */
async function open({ maxBytes = 4 * SIZE, segmentBytes = SIZE, ...options }: StoreOptions = {}) {
  const clock = new FakeClock(Date.parse('2025-01-01T00:00:00.000Z'));
  const faults: string[] = [];
  const warnings: string[] = [];
  const directory = options.directory ?? newFolder();
  const files = await SegmentFiles.open(
    { ...NO_LIMITS, directory, ...options },
    {
      clock,
      onFault: ({ code, message }) => faults.push(`${code}: ${message}`),
      onLow: (_free, message) => warnings.push(message),
    },
  );
  const store = new SegmentStore({ clock, maxBytes, files });
  const put = (sequence: number) =>
    store.put('a', { ...SEGMENT, sequence, data: bytesOf(sequence, segmentBytes) });
  /** Puts segments one after the other, each when the one before is where it belongs. */
  const fill = async (from: number, to: number) => {
    for (let sequence = from; sequence <= to; sequence++) {
      const before = files.status.files;
      const isFull = store.bytes + segmentBytes > maxBytes * 0.75;
      put(sequence);
      const isBusy = () =>
        isFull && files.status.files === before && files.status.state === 'writing';
      await until(() => !isBusy());
    }
  };
  const read = async (sequence: number, onLost?: () => void) => {
    const wait = { deadlineMs: 8000, ...(onLost && { onLost }) };
    return (await store.waitFor(keyOf(sequence), wait)).data;
  };
  const held = () =>
    Array.from({ length: 100 }, (_, n) => n).filter((sequence) => store.has(keyOf(sequence)));
  return { clock, faults, warnings, directory, files, store, put, fill, read, held };
}

const SEGMENT = { rendition: '720p', init: 'i', start: 0, duration: 0, timescale: 1 };

function keyOf(sequence: number) {
  return { channelId: 'a', rendition: '720p', sequence };
}

/** Other bytes for every segment. */
function bytesOf(sequence: number, bytes = SIZE): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + sequence * 31) % 251);
}

function segmentNames(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.m4s'));
}

/** The file of a segment. */
function fileOf(directory: string, sequence: number): string {
  const name = segmentNames(directory).find((known) => known.split('.')[3] === String(sequence));
  assert.ok(name, `segment ${sequence} is in a file`);
  return join(directory, name);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) =>
      error instanceof HeadendError ? `${error.code}: ${error.message}` : String(error),
  );
}

test('what memory has no room for is in files, whole, and comes back as it was', async () => {
  const { files, store, fill, read, held, directory, faults } = await open();
  await fill(0, 19);
  assert.equal(
    held(),
    Array.from({ length: 20 }, (_, n) => n),
  );
  assert.ok(store.bytes <= 4 * SIZE);
  assert.ok(files.status.bytes >= 16 * SIZE);
  const etag = (await store.waitFor(keyOf(3), { deadlineMs: 8000 })).etag;
  for (let sequence = 0; sequence < 20; sequence++) {
    assert.equal(Buffer.from(await read(sequence)), Buffer.from(bytesOf(sequence)));
    assert.ok(store.bytes <= 4 * SIZE);
  }
  assert.is((await store.waitForStart(keyOf(3), { deadlineMs: 8000 })).etag, etag);
  const [first, second] = await Promise.all([read(5), read(5)]);
  assert.is(first, second, 'readers at the same time share the bytes');
  assert.equal(store.ranges('a', '720p'), [{ from: 0, to: 19 }]);
  await files.close();
  assert.equal(readdirSync(directory), ['headend.lock']);
  assert.equal(faults, []);
});

test('the memory is bounded and the bytes are right whatever comes in whatever order', async () => {
  const directory = newFolder();
  const step = fc.oneof(
    fc.record({ type: fc.constant('put' as const), sequence: fc.nat(30) }),
    fc.record({ type: fc.constant('read' as const), sequence: fc.nat(30) }),
    fc.record({ type: fc.constant('retain' as const), sequence: fc.nat(30) }),
    fc.record({ type: fc.constant('drop' as const), sequence: fc.constant(0) }),
    fc.record({ type: fc.constant('turn' as const), sequence: fc.nat(3) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const { files, store, put, faults } = await open({ directory });
      const reads: Promise<void>[] = [];
      for (const { type, sequence } of steps) {
        if (type === 'put') put(sequence);
        else if (type === 'retain') {
          store.retain('a', { keepFrom: sequence - 10, listedFrom: sequence });
        } else if (type === 'drop') {
          store.dropSegments('a', new HeadendError('ENGINE_STOPPED', 'engine', 'stopped'));
        } else if (type === 'read' && store.has(keyOf(sequence))) {
          const check = ({ data }: { readonly data: Uint8Array }) =>
            assert.equal(Buffer.from(data), Buffer.from(bytesOf(sequence)));
          const stopped = (error: unknown) =>
            assert.is(error instanceof HeadendError && error.code, 'ENGINE_STOPPED');
          reads.push(store.waitFor(keyOf(sequence), { deadlineMs: 8000 }).then(check, stopped));
        } else if (type === 'turn') {
          for (let n = 0; n < sequence; n++) await new Promise((resolve) => setImmediate(resolve));
        }
        assert.ok(store.bytes <= 5 * SIZE, 'four, and the one that is being written');
      }
      await Promise.all(reads);
      await files.close();
      assert.equal(readdirSync(directory), ['headend.lock']);
      assert.equal(faults, []);
    }),
    { numRuns: 15 },
  );
});

test('C6: a live process keeps its files; those of one that was killed go, and nothing else', async () => {
  const directory = newFolder();
  await mkdir(directory);
  const foreign = ['film.m4s', 'headend.notes', 'headend.a.720p.7.m4s', 'a.720p.1.0.m4s'];
  for (const name of foreign) writeFileSync(join(directory, name), 'mine');
  await mkdir(join(directory, 'headend.a.720p.8.0.m4s'));
  const module = new URL('../../lib/store/segment-files.ts', import.meta.url).href;
  const clock = new URL('../../lib/clock.ts', import.meta.url).href;
  const script = `
    import { writeFileSync } from 'node:fs';
    import { systemClock as clock } from '${clock}';
    import { SegmentFiles } from '${module}';
    const options = { directory: '${directory}', refuseBelowBytes: 0, warnBelowBytes: 0 };
    const files = await SegmentFiles.open(options, { clock, onFault() {}, onLow() {} });
    await files.write({ channelId: 'a', rendition: '720p', sequence: 1 }, new Uint8Array(10));
    writeFileSync('${directory}/headend.a.720p.2.1.m4s.part', 'half');
    console.log('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    assert.match(await failure(open({ directory })), /^STORE_FAILED: .*another process has it/);
    assert.equal(
      readdirSync(directory).filter((name) => /^headend\.a.*\.(0|1)\.m4s/.test(name)),
      ['headend.a.720p.1.0.m4s', 'headend.a.720p.2.1.m4s.part', 'headend.a.720p.8.0.m4s'],
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const { files } = await open({ directory });
  const left = [...foreign, 'headend.a.720p.8.0.m4s', 'headend.lock'].sort();
  assert.equal(readdirSync(directory).sort(), left);
  assert.match(
    await failure(open({ directory })),
    /another process has it/,
    'nor has this one twice',
  );
  await files.close();
  assert.equal(readdirSync(directory).sort(), left);
});

test('C6: the sweep deletes files that belong to no segment, and leaves those that do', async () => {
  const { clock, directory, files, fill, held, read } = await open();
  await fill(0, 9);
  const own = segmentNames(directory);
  assert.ok(own.length >= 6);
  for (const name of ['headend.a.720p.1.zz.m4s', 'headend.a.720p.1.zz.m4s.part', 'other.m4s']) {
    writeFileSync(join(directory, name), 'left');
  }
  await clock.advance(60_000);
  const left = [...own, 'headend.lock', 'other.m4s'].sort();
  await until(() => readdirSync(directory).length === left.length);
  assert.equal(readdirSync(directory).sort(), left);
  for (const sequence of held()) await read(sequence);
  await files.close();
  assert.is(clock.pending, 0);
});

test('C10: with too little room nothing is written, with little room a warning is raised; both once', async () => {
  assert.equal(DISK_STORE_DEFAULTS, {
    refuseBelowBytes: 5 * 2 ** 30,
    warnBelowBytes: 10 * 2 ** 30,
  });
  const everything = Number.MAX_SAFE_INTEGER;
  const full = await open({ refuseBelowBytes: everything, warnBelowBytes: everything });
  await full.fill(0, 9);
  assert.is(full.held().length, 4);
  assert.ok(full.held().includes(9));
  assert.is(full.store.bytes, 4 * SIZE);
  assert.is(full.faults.length, 1);
  assert.match(full.faults[0] ?? '', /^DISK_FULL: \d+ MiB are free .* kept in memory alone below/);
  assert.is(full.store.disk?.state, 'refusing');
  assert.equal(segmentNames(full.directory), []);

  const low = await open({ warnBelowBytes: everything });
  await low.fill(0, 9);
  assert.is(low.held().length, 10);
  assert.is(low.warnings.length, 1);
  assert.equal(low.faults, []);
  for (const { files } of [full, low]) await files.close();
});

test('C10: a disk that fills up in mid-segment: whole segments from memory, one fault, nothing half-written', async () => {
  const directory = newFolder();
  await mkdir(directory);
  const bytes = 300_000;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  } catch {
    console.log('skipped: this process may not mount a small file system');
    return;
  }
  try {
    const tier = await open({ directory, maxBytes: 4 * bytes, segmentBytes: bytes });
    await tier.fill(0, 11);
    assert.is(tier.faults.length, 1);
    assert.match(tier.faults[0] ?? '', /^DISK_FULL: .*ENOSPC.*stays in memory/);
    assert.is(tier.store.disk?.state, 'failing');
    assert.is(tier.store.disk?.files, 3);
    assert.is(tier.held().length, 7, 'three in files, four in memory');
    assert.ok(tier.held().includes(11));
    for (const name of segmentNames(directory)) {
      assert.is(statSync(join(directory, name)).size, bytes);
    }
    assert.not.ok(readdirSync(directory).some((name) => name.endsWith('.part')));
    for (const sequence of tier.held()) {
      assert.is(Buffer.compare(await tier.read(sequence), bytesOf(sequence, bytes)), 0);
    }
    // Room again, and a while later.
    tier.store.retain('a', { keepFrom: 9, listedFrom: 9 });
    await until(() => segmentNames(directory).length === 0);
    await tier.clock.advance(10_000);
    await tier.fill(12, 13);
    assert.is(tier.store.disk?.state, 'writing');
    assert.equal(tier.held(), [9, 10, 11, 12, 13]);
    await tier.files.close();
  } finally {
    execFileSync('umount', ['-l', directory]);
  }
});

test('C10: a folder that is gone is a fault; segments come from memory', async () => {
  const { directory, faults, fill, held, read, files } = await open();
  rmSync(directory, { recursive: true });
  await fill(0, 9);
  assert.equal(held(), [6, 7, 8, 9]);
  assert.is(faults.length, 1);
  assert.match(faults[0] ?? '', /^STORE_FAILED: .*ENOENT/);
  assert.equal(Buffer.from(await read(9)), Buffer.from(bytesOf(9)));
  await files.close();
});

test('C12: listed segments stay in their files, and one that is being read is read to its end', async () => {
  const bytes = 4_000_000;
  const { directory, files, store, fill, read, held } = await open({
    maxBytes: 2 * bytes,
    segmentBytes: bytes,
  });
  store.retain('a', { keepFrom: 0, listedFrom: 0 });
  await fill(0, 5);
  assert.equal(held(), [0, 1, 2, 3, 4, 5]);
  const reading = read(0);
  store.retain('a', { keepFrom: 4, listedFrom: 4 });
  assert.ok(statSync(fileOf(directory, 0)).size, 'it is there while it is read');
  assert.is(Buffer.compare(await reading, bytesOf(0, bytes)), 0);

  // One that is dropped for good while it is read.
  const stopped = failure(read(4));
  store.dropSegments('a', new HeadendError('ENGINE_STOPPED', 'engine', 'stopped'));
  assert.match(await stopped, /^ENGINE_STOPPED/);
  await until(() => segmentNames(directory).length === 0);
  assert.is(files.status.bytes, 0);
  await files.close();
});

for (const [what, damage] of [
  ['is gone', (file: string) => rmSync(file)],
  ['was shortened', (file: string) => truncateSync(file, SIZE / 2)],
  ['was emptied', (file: string) => truncateSync(file, 0)],
  ['has grown', (file: string) => truncateSync(file, SIZE * 2)],
  ['has other bytes', (file: string) => writeFileSync(file, bytesOf(77))],
] as const) {
  test(`C12: a file that ${what} is a fault, and its segment is made again: never other bytes`, async () => {
    const { directory, faults, files, store, fill, read, put } = await open();
    await fill(0, 9);
    damage(fileOf(directory, 2));
    let lost = 0;
    const data = await read(2, () => {
      lost++;
      assert.not.ok(store.has(keyOf(2)));
      put(2);
    });
    assert.equal(Buffer.from(data), Buffer.from(bytesOf(2)));
    assert.is(lost, 1);
    assert.is(faults.length, 1);
    assert.match(faults[0] ?? '', /^STORE_FAILED: .*headend\.a\.720p\.2\..*made again/);
    await files.close();
    assert.equal(readdirSync(directory), ['headend.lock']);
  });
}

test.run();
