// deadline: 240 s
// In every state of its life the engine can be left in every way: it joins its threads within its time, leaves no
// thread and no file behind, and the process ends as it should. Each case in a process of its own. D9.
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { type Finished, run } from '../support/process.js';
import { type SilentContext, silentSuite } from './silent-suite.js';
import { type ChildReport, STATES, type State, WAYS, type Way } from './states.js';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
/** Stop to joined is promised within a second. This is a deadline for a busy machine, not a measure of speed. */
const STOP_MS = 5000;

const test = silentSuite('leave');

// With this variable Node reads certificates on a thread of its own, which may still be at it when the process ends.
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;

async function leave(state: State, way: Way, { file, server }: SilentContext): Promise<Finished> {
  const args = ['--import', 'tsx', CHILD, state, way, file, server.url];
  const finished = await run(process.execPath, args, { env: ENVIRONMENT, timeoutMs: 30_000 });
  assert.is(finished.signal, null, `died of ${finished.signal}\n${finished.stderr}`);
  return finished;
}

/** What was in flight is rejected as stopped, or was done before. */
const ENDS: Readonly<Record<State, RegExp>> = {
  created: /^done$/,
  probing: /^(done|ENGINE_STOPPED)$/,
  'probing silence': /^ENGINE_STOPPED$/,
  starting: /^ENGINE_STOPPED$/,
  'starting on silence': /^ENGINE_STOPPED$/,
  producing: /^ENGINE_STOPPED$/,
  starved: /^ENGINE_STOPPED$/,
  parked: /^done$/,
  stopping: /^ENGINE_STOPPED$/,
  closed: /^ENGINE_STOPPED$/,
};

function assertClean({ code, stdout, stderr }: Finished): ChildReport {
  assert.is(code, 0, stderr);
  assert.is(stderr, '');
  const report: ChildReport = JSON.parse(stdout.toString());
  assert.equal(report.threads, []);
  assert.equal(report.files, []);
  assert.ok(report.stopMs < STOP_MS, `it took ${report.stopMs} ms`);
  return report;
}

const judge: Readonly<Record<Way, (finished: Finished, state: State) => void>> = {
  close: (finished, state) => {
    assert.match(assertClean(finished).inFlight, ENDS[state]);
  },
  terminate: (finished) => {
    assertClean(finished);
  },
  exit: ({ code, stderr }) => {
    assert.is(code, 7, stderr);
    assert.is(stderr, '');
  },
  throw: ({ code, stderr }) => {
    assert.is(code, 1, stderr);
    assert.match(stderr, 'uncaught on purpose');
  },
};

const WORDS: Readonly<Record<Way, string>> = {
  close: 'closed',
  terminate: 'torn down by worker.terminate()',
  exit: 'left by process.exit()',
  throw: 'left by an uncaught error',
};

for (const state of STATES) {
  for (const way of WAYS) {
    test(`${state}: ${WORDS[way]}`, async (context) => {
      judge[way](await leave(state, way, context), state);
    });
  }
}

test.run();
