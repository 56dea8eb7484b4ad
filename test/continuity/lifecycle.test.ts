// The engine leaves nothing behind: stopped, closed, forgotten or torn down in the middle of a batch, its
// threads are joined and the process ends by itself. Each way to leave in a process of its own.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFixture } from '../fixtures/make.js';
import { type Finished, output, run } from '../support/process.js';
import type { ChildReport } from './engine-child.js';

const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));
/** Stop to joined is promised within a second; the machine may be busy. */
const STOP_MS = 2000;

async function leave(way: string, url?: string): Promise<Finished> {
  const { path } = await makeFixture({ frames: 200 });
  const args = ['--import', 'tsx', CHILD, way, url ?? path];
  const finished = await run(process.execPath, args, { timeoutMs: 30_000 });
  assert.is.not(finished.code, null, `${way}: had to be killed\n${finished.stderr}`);
  return finished;
}

function assertClean({ code, stdout, stderr }: Finished): ChildReport {
  assert.is(code, 0, stderr);
  const report = JSON.parse(stdout.toString()) as ChildReport;
  assert.is(report.batch, 'ENGINE_STOPPED');
  assert.equal(report.threads, []);
  assert.equal(report.files, []);
  assert.ok(report.stopMs < STOP_MS, `stopping took ${report.stopMs} ms`);
  return report;
}

test('stopping a producer in mid-batch joins its threads', async () => {
  assertClean(await leave('producer'));
});

test('closing the engine in mid-batch joins every thread', async () => {
  assertClean(await leave('engine'));
});

test('stopping works while an input never answers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-fifo-'));
  try {
    const fifo = join(folder, 'never.ts');
    await output('mkfifo', [fifo]);
    assertClean(await leave('fifo', fifo));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('D9: stopping works while a server never answers', async () => {
  const server = createServer(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    assertClean(await leave('fifo', `http://127.0.0.1:${port}/never.ts`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('a parked producer does not keep the process alive', async () => {
  const { code, stderr } = await leave('parked');
  assert.is(code, 0, stderr);
});

test('process.exit in mid-batch ends with its code', async () => {
  const { code, stderr } = await leave('exit');
  assert.is(code, 7, stderr);
  assert.is(stderr, '');
});

test('an uncaught error in mid-batch ends the process as it always does', async () => {
  const { code, stderr } = await leave('throw');
  assert.is(code, 1);
  assert.match(stderr, 'uncaught on purpose');
});

test('a worker thread can be terminated in mid-batch', async () => {
  const { code, stderr } = await leave('worker');
  assert.is(code, 0, stderr);
  assert.is(stderr, '');
});

test.run();
