// Changes of folders are noticed when it is quiet again, and also where the system cannot tell of them.
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FolderWatcher } from '../../server/watch.js';
import { FakeClock, settle } from '../stream/fake-clock.js';

interface Context {
  folder: string;
  clock: FakeClock;
  warnings: string[];
  watcher: FolderWatcher;
  /** How often the watcher told of changes. */
  told: () => number;
}

const test = suite<Context>('watching folders');

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-watch-'));
  context.clock = new FakeClock(0);
  context.warnings = [];
  const warn = (_details: object, message: string) => context.warnings.push(message);
  context.watcher = new FolderWatcher({ warn }, context.clock);
  const stop = new AbortController();
  let count = 0;
  const listen = async () => {
    for (;;) {
      await context.watcher.changed(stop.signal);
      count++;
    }
  };
  void listen();
  context.told = () => count;
});

test.after.each(async ({ watcher, folder, clock }) => {
  watcher[Symbol.dispose]();
  assert.is(clock.pending, 0);
  await rm(folder, { recursive: true });
});

test('a change is told when it has been quiet for a second', async (context) => {
  const { folder, clock, watcher, told } = context;
  watcher.watch(new Set([folder]));
  await clock.advance(999);
  assert.is(told(), 0);
  await clock.advance(1);
  assert.is(told(), 1, 'what becomes watched counts as changed');
  await writeFile(join(folder, 'file'), 'x');
  while (clock.pending === 0) await settle();
  await clock.advance(500);
  assert.is(told(), 1);
  while (told() === 1) await clock.advance(500);
});

test('beside a file nothing counts but the file', async (context) => {
  const { folder, clock, watcher, told } = context;
  const file = join(folder, 'headend.json');
  await writeFile(file, 'x');
  watcher.watch(new Set(), file);
  await clock.advance(1000);
  assert.is(told(), 1);
  // Who watches the whole folder notices, so that the other one could have.
  const everything = watch(folder);
  const noticed = once(everything, 'change');
  await writeFile(join(folder, 'journal.sqlite-wal'), 'x');
  await noticed;
  everything.close();
  await settle();
  assert.is(clock.pending, 0, 'nothing is about to be told');

  // As editors save: a new file takes the name.
  await writeFile(join(folder, 'headend.json.new'), 'y');
  await rename(join(folder, 'headend.json.new'), file);
  while (clock.pending === 0) await settle();
  await clock.advance(1000);
  assert.is(told(), 2);
});

test('a file that is a link changes with what is beside it', async (context) => {
  const { folder, clock, watcher, told } = context;
  const file = join(folder, 'headend.json');
  await symlink('..data', file);
  watcher.watch(new Set(), file);
  await clock.advance(1000);
  assert.is(told(), 1);
  await writeFile(join(folder, '..data'), 'x');
  while (clock.pending === 0) await settle();
  await clock.advance(1000);
  assert.is(told(), 2);
});

test('a folder that cannot be watched is looked at every 15 s, which is said once', async (context) => {
  const { folder, clock, watcher, warnings, told } = context;
  watcher.watch(new Set([join(folder, 'a'), join(folder, 'b')]));
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? '', /Cannot watch .*a, looking every 15 s instead/);
  await clock.advance(14_999);
  assert.is(told(), 0);
  await clock.advance(1);
  assert.is(told(), 1);
  await clock.advance(30_000);
  assert.is(told(), 3);
});

test('a signal to look tells at once', async ({ watcher, told }) => {
  watcher.trigger();
  await settle();
  assert.is(told(), 1);
});

test.run();
