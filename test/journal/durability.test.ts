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
import type { StoredOperation } from '../../lib/journal/apply.js';
import { JournalStore } from '../../lib/journal/store.js';
import { contentsOf, isKind, KINDS, type Kind, missingFrom } from './journal-script.js';

const KILLS = 100;
/** Children at a time, each with a file of its own. */
const FILES = 4;
const CHILD = fileURLToPath(new URL('./journal-child.ts', import.meta.url));

const folder = await mkdtemp(join(tmpdir(), 'headend-journal-'));
test.after(() => rm(folder, { recursive: true }));

type Acknowledged = readonly (readonly [kind: Kind, n: number])[];

/** Starts the child and kills it so many milliseconds after it has opened the journal; what was acknowledged. */
async function runAndKill(file: string, first: number, afterMs: number): Promise<Acknowledged> {
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
  return lines.map((line) => {
    const [kind = '', n] = line.split(' ');
    assert.ok(isKind(kind), line);
    return [kind, Number(n)];
  });
}

async function airedIn(file: string): Promise<number[]> {
  return (await contentsOf(file)).aired.map(({ startsAtMs }) => startsAtMs);
}

test('G14 nothing acknowledged is missing after 100 kills at random instants, and recovery is idempotent', async () => {
  const counts = new Map<Kind, number>();
  const killOneAfterTheOther = async (index: number) => {
    const file = join(folder, `kills-${index}.db`);
    const all: Acknowledged[number][] = [];
    for (let kill = 0; kill < KILLS / FILES; kill++) {
      const acknowledged = await runAndKill(file, kill * 1_000_000, Math.random() * 60);
      for (const [kind] of acknowledged) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      all.push(...acknowledged);
      // Half of the files are recovered here, twice, and half by the process that comes next.
      if (kill % 2 === 1) continue;
      const contents = await contentsOf(file);
      assert.equal(missingFrom(contents, all), [], 'acknowledged, then lost');
      assert.equal(await contentsOf(file), contents, 'opened twice, the same');
    }
  };
  await Promise.all(Array.from({ length: FILES }, (_, n) => killOneAfterTheOther(n)));
  for (const kind of KINDS) {
    assert.ok((counts.get(kind) ?? 0) > KILLS, `${counts.get(kind)} ${kind} acknowledged`);
  }
});

test('G14 a damaged tail loses only what comes after the damage, whole batches of it, and nothing before', async () => {
  const file = join(folder, 'tail.db');
  const copy = join(folder, 'copy.db');
  await contentsOf(file);
  const acknowledged = await runAndKill(file, 0, 150);
  const wal = readFileSync(`${file}-wal`);
  copyFileSync(file, copy);
  copyFileSync(`${file}-wal`, `${copy}-wal`);
  const whole = await airedIn(copy);
  assert.equal(missingFrom(await contentsOf(copy), acknowledged), []);
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
      const left = await airedIn(copy);
      assert.equal(
        left,
        whole.slice(0, left.length),
        'a beginning of what was there, without holes',
      );
      assert.equal(await airedIn(copy), left, 'opened twice, the same');
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
