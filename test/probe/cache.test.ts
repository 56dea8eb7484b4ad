// The probe cache, in memory and in a file: good while the file is the same, bounded, and only a cache.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Headend } from '../../lib/headend.js';
import { createHeadend, HeadendError } from '../../lib/index.js';
import { plannedGain } from '../../lib/probe/planned-gain.js';
import { MemoryProbeCache, type ProbeCache } from '../../lib/probe/probe-cache.js';
import { Prober } from '../../lib/probe/prober.js';
import { SqliteProbeCache } from '../../lib/probe/sqlite-probe-cache.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeClock } from '../stream/fake-clock.js';
import { FakeEngine, probeResult, VIDEO } from '../stream/fake-engine.js';

const AUDIO = {
  ...{ index: 1, codec: 'aac', profile: 'LC', sampleRate: 48_000, channels: 2 },
  ...{ layout: 'stereo', language: 'eng', title: null },
};
const RESULT = probeResult({ duration: { num: 5, den: 1 }, video: VIDEO, audio: AUDIO });
const LOUDNESS = { integrated: -18.25, truePeak: -3 };
const START = Date.parse('2025-06-01T00:00:00.000Z');

const test = suite<{ folder: string }>('probe cache');

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-cache-'));
});

test.after.each(async ({ folder }) => {
  await rm(folder, { recursive: true });
});

function judge(cache: ProbeCache): void {
  assert.equal(cache.get('/a', '1'), {});
  cache.set('/a', '1', { result: RESULT });
  cache.set('/a', '1', { loudness: LOUDNESS });
  assert.equal(cache.get('/a', '1'), { result: RESULT, loudness: LOUDNESS });
  assert.ok(cache.knowsLoudness);
  assert.equal(cache.get('/a', '2'), {});
  cache.set('/a', '2', { result: RESULT });
  assert.equal(cache.get('/a', '2'), { result: RESULT });
  assert.equal(cache.get('/b', '2'), {});
}

test('what is known is known while the stamp is the same', async ({ folder }) => {
  judge(new MemoryProbeCache());
  const file = await SqliteProbeCache.open(join(folder, 'cache.sqlite'), () => START);
  judge(file);
  file.close();
});

test('memory keeps what was used last', () => {
  const cache = new MemoryProbeCache(2);
  cache.set('/a', '1', { result: RESULT });
  cache.set('/b', '1', { result: RESULT });
  cache.get('/a', '1');
  cache.set('/c', '1', { result: RESULT });
  assert.equal(
    ['/a', '/b', '/c'].map((path) => cache.get(path, '1').result !== undefined),
    [true, false, true],
  );
});

test('a file outlives the process, and what it holds is checked', async ({ folder }) => {
  const path = join(folder, 'cache.sqlite');
  const first = await SqliteProbeCache.open(path, () => START);
  first.set('/a', '1', { result: RESULT, loudness: LOUDNESS });
  first.set('/b', '1', { result: RESULT });
  first.close();
  const raw = new DatabaseSync(path);
  raw.exec(`UPDATE file SET result = '{"format":1}' WHERE path = '/b'`);
  raw.close();
  const second = await SqliteProbeCache.open(path, () => START);
  assert.equal(second.get('/a', '1'), { result: RESULT, loudness: LOUDNESS });
  assert.equal(second.get('/b', '1'), {});
  second.close();
});

test('a file that is something else is refused and left alone', async ({ folder }) => {
  const text = join(folder, 'text.txt');
  await writeFile(text, 'my diary\n'.repeat(1000));
  const other = join(folder, 'other.sqlite');
  const database = new DatabaseSync(other);
  database.exec('CREATE TABLE file (note TEXT)');
  database.close();
  for (const path of [text, other, join(folder, 'no', 'such', 'folder')]) {
    const before = await readFile(path).catch(() => null);
    const error: unknown = await createHeadend({ probeCache: path }).catch((reason) => reason);
    assert.instance(error, HeadendError);
    assert.match(String(error), 'probeCache');
    assert.equal(await readFile(path).catch(() => null), before);
  }
});

test('a file is looked at once, a URL every time', async ({ folder }) => {
  const engine = new FakeEngine(new FakeClock(START));
  const prober = new Prober(engine, new MemoryProbeCache());
  const path = join(folder, 'a.mp4');
  await writeFile(path, 'a');
  for (const source of [path, 'http://host/a.mp4']) {
    engine.probes.set(source, RESULT);
    await prober.probe(source);
    assert.is((await prober.probe(source)).loudness, null);
  }
  assert.equal(engine.probed, [path, 'http://host/a.mp4', 'http://host/a.mp4']);
  engine.loudness.set(path, LOUDNESS);
  assert.equal((await prober.probe(path, { loudness: true })).loudness, LOUDNESS);
  assert.equal((await prober.probe(path)).loudness, LOUDNESS);
  assert.is(engine.measured.length, 1);
});

test('the gain brings to the target and keeps the true peak below -1 dBTP', () => {
  const gain = (integrated: number | null, truePeak: number | null, target = -23) =>
    plannedGain({ integrated, truePeak }, target);
  assert.is(gain(-18, -3), -5);
  assert.is(gain(-30, -20), 7);
  assert.is(gain(-30, -4), 3);
  assert.is(gain(-10, 1.5, -16), -6);
  assert.is(gain(-24, 0), -1);
  assert.is(gain(-60, -50), 20);
  assert.is(gain(null, null), 0);
  // Rounded down, so never above the limit.
  assert.is(gain(-23.006, -10), 0);
});

test('the gain is settled with the schedule: part of the source, of the edition, and off by option', async ({
  folder,
}) => {
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock);
  const [loud, unknown] = [join(folder, 'loud.mp4'), join(folder, 'unknown.mp4')];
  for (const path of [loud, unknown]) {
    await writeFile(path, path);
    engine.probes.set(path, RESULT);
  }
  engine.loudness.set(loud, LOUDNESS);
  engine.loudness.set(unknown, { integrated: -33, truePeak: -30 });
  const headend = await Headend.create({}, { engine, clock });
  const schedule = loop([{ source: loud }, { source: unknown }]);
  const edition = async (id: string, loudness: object | false = {}) =>
    (await headend.channels.add({ id, schedule, loudness })).edition;

  const off = await edition('off', false);
  assert.is(await edition('nothing-known'), off);
  await headend.measureLoudness(loud);
  const cached = await edition('cached');
  assert.is.not(cached, off);
  assert.is(await edition('cached-again'), cached);
  assert.is.not(await edition('louder', { target: -16 }), cached);
  assert.is(engine.measured.length, 1);
  const before = await edition('before', { measure: 'before' });
  assert.is.not(before, cached);
  assert.is(engine.measured.length, 2);
  assert.is(await edition('cached-now'), before);
  await headend.close();
});

test.run();
