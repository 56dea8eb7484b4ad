// Folders and files that are not as they should be: what can be played is on the air, a warning names the rest.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Rational } from '../../lib/engine/engine.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { DEFAULT_LADDER } from '../../lib/ladder.js';
import { Lineup } from '../../server/lineup.js';
import { findFolders } from '../../server/media.js';
import { makePlan } from '../../server/plan.js';
import { explain } from '../../server/serve.js';
import { FakeClock } from '../stream/fake-clock.js';
import { FakeEngine, probeResult, VIDEO } from '../stream/fake-engine.js';

interface Context {
  media: string;
  warnings: string;
  engine: FakeEngine;
  headend: Headend;
}

const MINUTE = { num: 60, den: 1 };
const test = suite<Context>('odd media');

test.before.each(async (context) => {
  context.media = await mkdtemp(join(tmpdir(), 'headend-odd-'));
  context.warnings = '';
  const clock = new FakeClock(Date.parse('2025-06-01T00:00:00.000Z'));
  context.engine = new FakeEngine(clock);
  context.headend = await Headend.create({}, { engine: context.engine, clock });
});

test.after.each(async ({ media, headend }) => {
  await headend.close();
  await rm(media, { recursive: true, force: true });
});

function logOf(context: Context) {
  const write = (line: string) => {
    context.warnings += line;
  };
  return pino({ base: null }, { write });
}

/** Adds a file that the engine says is so long and named so. */
async function film(
  { media, engine }: Context,
  file: string,
  duration: Rational | null = MINUTE,
  title = '',
): Promise<void> {
  const path = join(media, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
  engine.probes.set(path, probeResult({ video: VIDEO, duration, title }));
}

async function air(context: Context): Promise<string[]> {
  const { headend, media } = context;
  const never = new AbortController().signal;
  const lineup = new Lineup({
    headend,
    log: logOf(context),
    plan: (reports, signal) =>
      makePlan({ media, ladder: DEFAULT_LADDER }, { headend, reports, signal }),
  });
  await lineup.follow(never);
  return headend.channels.list().map(({ id }) => id);
}

test('a folder that this user may not read is left out; without the media folder nothing goes', async (context) => {
  await film(context, 'a/1.mp4');
  await film(context, 'locked/1.mp4');
  await film(context, 'z/1.mp4');
  await chmod(context.media, 0o755);
  await chmod(join(context.media, 'locked'), 0);
  // Root may read everything.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.('nobody');
  try {
    assert.equal(await air(context), ['a', 'z']);
    assert.match(context.warnings, /Left out the folder .*locked: EACCES/);
    const locked = join(context.media, 'locked');
    const error: unknown = await findFolders(locked, logOf(context), new AbortController().signal)
      .then(() => null)
      .catch((reason: unknown) => reason);
    const text = explain(error, { media: locked });
    assert.match(text, /EACCES.*locked/);
    assert.not.match(text, /port/);
  } finally {
    if (isRoot) process.seteuid?.(0);
    await chmod(join(context.media, 'locked'), 0o755);
  }
});

test('a search that was stopped ends with the reason', async ({ media }) => {
  await writeFile(join(media, 'a.mp4'), '');
  const reason = new Error('enough');
  const found = findFolders(media, pino({ enabled: false }), AbortSignal.abort(reason));
  assert.is(await found.catch((error: unknown) => error), reason);
});

test('absurd durations leave the file out', async (context) => {
  await film(context, 'a/good.mp4');
  await film(context, 'a/long.mp4', { num: 11 * 366 * 86_400, den: 1 });
  await film(context, 'a/endless.mp4', { num: 1, den: 0 });
  await film(context, 'a/nothing.mp4', { num: 0, den: 0 });
  await film(context, 'a/negative.mp4', { num: -1, den: 1 });
  await film(context, 'a/unknown.mp4', null);
  assert.equal(await air(context), ['a']);
  for (const name of ['long', 'endless', 'nothing', 'negative', 'unknown']) {
    assert.match(context.warnings, new RegExp(`Left out .*${name}\\.mp4`));
  }
  assert.not.match(context.warnings, 'good.mp4');
});

test('titles are cut to what a programme may have, between two characters', async (context) => {
  await film(context, 'a/1.mp4', MINUTE, `${'x'.repeat(499)}😀 and more`);
  assert.equal(await air(context), ['a']);
  const { now } = context.headend.channels.get('a').nowNext();
  assert.is(now.title, 'x'.repeat(499));
});

test('a folder whose channel is refused does not keep the others off the air', async (context) => {
  await film(context, 'a/1.mp4');
  await film(context, 'b/1.mp4');
  const { channels } = context.headend;
  const { put } = channels;
  channels.put = async (options) => {
    if (options.id === 'a') throw new HeadendError('INVALID_OPTIONS', 'options', 'not this one');
    return put(options);
  };
  assert.equal(await air(context), ['b']);
  assert.match(context.warnings, 'No channel for a: not this one');
});

test('only an error of listening is about the port', () => {
  const about = (details: object) =>
    explain(Object.assign(new Error('raw'), { port: 80, address: '127.0.0.1', ...details }), {});
  assert.match(about({ code: 'EACCES', syscall: 'listen' }), /may not listen on port 80/);
  assert.match(about({ code: 'EADDRINUSE', syscall: 'listen' }), /Port 80 .* in use/);
  assert.is(about({ code: 'EACCES', syscall: 'scandir' }), 'raw');
});

test.run();
