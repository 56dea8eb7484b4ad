// The examples of docs/schedules.md and docs/tuners.md run, and the schedules that they make air.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveSchedule } from '../../lib/timeline/resolve.js';
import { isSchedule } from '../../lib/timeline/schedule.js';
import { contextOf } from './programmes.js';

const library = new URL('../../lib/index.ts', import.meta.url).href;

/** The complete examples of a document: those that import what they use. */
async function examples(document: string): Promise<string[]> {
  const text = await readFile(new URL(`../../docs/${document}`, import.meta.url), 'utf8');
  return Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code = '']) => code).filter(
    (code) => code.includes("from 'headend'"),
  );
}

/** Runs an example as a module of its own and gives what it exports. */
async function run(code: string): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-docs-'));
  try {
    const file = join(folder, 'example.mts');
    await writeFile(file, code.replace("'headend'", `'${library}'`));
    return await import(pathToFileURL(file).href);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('the schedules of docs/schedules.md air', async () => {
  const codes = await examples('schedules.md');
  assert.ok(codes.length >= 6);
  for (const code of codes) {
    const schedule: unknown = Reflect.get(await run(`${code}export { schedule };\n`), 'schedule');
    if (!isSchedule(schedule)) throw new Error(`no schedule:\n${code}`);
    const { schedule: resolved, problems } = await resolveSchedule(schedule, contextOf());
    assert.equal(problems, []);
    assert.ok(resolved.airingAt(0).endFrame > 0);
    resolved.close?.();
  }
});

test('the example of docs/tuners.md runs', async () => {
  const codes = await examples('tuners.md');
  assert.is(codes.length, 1);
  for (const code of codes) await run(code);
});

test.run();
