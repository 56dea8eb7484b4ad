// What the journal has acknowledged is there after the process was killed at any instant, and after the tail of its
// file was damaged; opening it again and again changes nothing.
// deadline: 300 s
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HeadendError } from '../../lib/errors.js';
import type { StoredOperation } from '../../lib/journal/apply.js';
import { openJournal } from '../../lib/journal/open-journal.js';
import { JournalStore } from '../../lib/journal/store.js';

const KILLS = 100;
/** Children at a time, each with a file of its own. */
const FILES = 4;
const CHILD = fileURLToPath(new URL('./journal-child.ts', import.meta.url));

const folder = await mkdtemp(join(tmpdir(), 'headend-journal-'));
test.after(() => rm(folder, { recursive: true }));

/** Starts the child and kills it so many milliseconds after it has opened the journal; what was acknowledged. */
async function runAndKill(file: string, first: number, afterMs: number): Promise<number[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, file, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (text === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
    text += chunk;
  });
  const [, signal] = await once(child, 'close');
  const [head, ...lines] = text.split('\n').slice(0, -1);
  assert.equal([head, signal], ['open', 'SIGKILL'], 'it was killed while it worked');
  return lines.map(Number);
}

/** Everything in the journal, as its reader sees it. */
async function contents(file: string): Promise<number[]> {
  await using journal = await openJournal({ file, retentionDays: 36_500, onFault: fail });
  const all: number[] = [];
  for (let fromMs = 0; ; ) {
    const page = await journal.aired({ fromMs, limit: 10_000, first: 'oldest' });
    all.push(...page.map(({ startsAtMs }) => startsAtMs).filter((n) => n > (all.at(-1) ?? -1)));
    const last = page.at(-1)?.startsAtMs;
    if (page.length < 10_000 || last === undefined) return all;
    fromMs = last + 1;
  }
}

function fail(fault: HeadendError): never {
  throw fault;
}

test('G14 nothing acknowledged is missing after 100 kills at random instants, and recovery is idempotent', async () => {
  const killOneAfterTheOther = async (index: number) => {
    const file = join(folder, `kills-${index}.db`);
    const acknowledged: number[] = [];
    let first = 0;
    for (let kill = 0; kill < KILLS / FILES; kill++) {
      acknowledged.push(...(await runAndKill(file, first, Math.random() * 60)));
      // The process that comes next recovers the file; every tenth time this one does, and twice.
      if (kill % 10 === 9) {
        const once = await contents(file);
        assert.equal(await contents(file), once, 'opened twice, the same');
      }
      first += 1_000_000;
    }
    const kept = new Set(await contents(file));
    const missing = acknowledged.filter((n) => !kept.has(n));
    assert.equal(missing, [], 'acknowledged, then lost');
    assert.ok(acknowledged.length > 0);
    return acknowledged.length;
  };
  const counts = await Promise.all(
    Array.from({ length: FILES }, (_, n) => killOneAfterTheOther(n)),
  );
  assert.ok(counts.reduce((sum, count) => sum + count) > KILLS, `${counts} acknowledged`);
});

test('G14 a damaged tail loses only what comes after the damage, whole batches of it, and nothing before', async () => {
  const file = join(folder, 'tail.db');
  const copy = join(folder, 'copy.db');
  await contents(file);
  const acknowledged = await runAndKill(file, 0, 150);
  const wal = readFileSync(`${file}-wal`);
  copyFileSync(file, copy);
  copyFileSync(`${file}-wal`, `${copy}-wal`);
  const whole = await contents(copy);
  assert.ok(acknowledged.every((n, index) => whole[index] === n));
  let shortest = whole.length;
  for (const kept of [1, 0.9, 0.7, 0.5, 0.2, 0.01, 0]) {
    for (const damage of ['cut', 'zeros', 'noise'] as const) {
      const at = Math.floor(wal.length * kept);
      const tail =
        damage === 'cut'
          ? Buffer.alloc(0)
          : Buffer.alloc(wal.length - at + 5000, damage === 'zeros' ? 0 : 0xa5);
      copyFileSync(file, copy);
      writeFileSync(`${copy}-wal`, Buffer.concat([wal.subarray(0, at), tail]));
      const left = await contents(copy);
      assert.equal(
        left,
        whole.slice(0, left.length),
        'a beginning of what was there, without holes',
      );
      assert.equal(await contents(copy), left, 'opened twice, the same');
      if (kept === 1) assert.equal(left, whole, 'rubbish after the last commit costs nothing');
      shortest = Math.min(shortest, left.length);
    }
  }
  assert.ok(shortest < whole.length, 'the damage was real');
});

test('G14 a batch that is tried again after its commit was made is not applied twice', async () => {
  const settings = { lockTimeoutMs: 0, sessionTimeoutMs: 30_000, maxAgeMs: 1e15, maxRows: 1000 };
  const store = new JournalStore({
    file: join(folder, 'twice.db'),
    maxFileBytes: 1e9,
    ...settings,
  });
  const operation: StoredOperation = {
    type: 'fault',
    atMs: 5,
    fault: {
      code: 'DECODE_FAILED',
      channelId: 'news',
      stage: 'decode',
      message: 'broken',
      averror: -1,
      source: '/a.mp4',
      airsAt: null,
    },
  };
  store.open();
  for (const name of ['a/1', 'a/1', 'a/2']) store.commit(name, [operation], 0);
  assert.is(store.read((logs) => logs.faults({})).length, 2);
  store.close();
  store.open();
  store.commit('a/2', [operation], 0);
  assert.is(store.read((logs) => logs.faults({})).length, 2, 'nor after it was opened again');
  const impossible: StoredOperation = { ...operation, atMs: JSON.parse('null') };
  for (let time = 0; time < 2; time++) {
    const { refusals } = store.commit('a/3', [operation, impossible], 0);
    assert.equal([...refusals.keys()], [1], 'what was left out is told again');
  }
  assert.is(store.read((logs) => logs.faults({})).length, 3);
  store.close();
});

test.run();
