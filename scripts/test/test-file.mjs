// One uvu test file as a unit: a process of its own, a deadline, and the counts of uvu's summary.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildTestAddon } from '../setup/addon.mjs';
import { root } from '../setup/paths.mjs';

const defaultDeadlineMs = 120_000;

/** @type {Promise<string> | undefined} */
let testAddonBuilt;

/**
 * A file may say `// deadline: 300 s`, `// needs: test addon` and, when it follows the clock, `// live` in its first
 * lines.
 * @param {string} file
 */
async function wishesOf(file) {
  const head = (await readFile(file, 'utf8')).split('\n', 10).join('\n');
  const seconds = /^\/\/ deadline: (\d+) s$/m.exec(head)?.[1];
  return {
    deadlineMs: seconds === undefined ? defaultDeadlineMs : Number(seconds) * 1000,
    live: /^\/\/ live$/m.test(head),
    needsTestAddon: /^\/\/ needs: test addon$/m.test(head),
  };
}

/**
 * Runs the file as the leader of a process group, so that nothing it started outlives its deadline.
 * @param {readonly string[]} args the file and its arguments
 * @param {number} deadlineMs
 * @returns {Promise<{ code: number | null, output: string, late: boolean }>}
 */
function execute(args, deadlineMs) {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let late = false;
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {}
    };
    const stop = () => {
      killGroup();
      process.exit(130);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const timer = setTimeout(() => {
      late = true;
      killGroup();
    }, deadlineMs);
    const take = (/** @type {string} */ text) => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', (error) => take(`${error.message}\n`));
    // A process that the test left behind may hold the pipes open: the exit decides, not the pipes.
    child.once('exit', (code) => {
      killGroup();
      setTimeout(() => {
        clearTimeout(timer);
        process.off('SIGINT', stop).off('SIGTERM', stop);
        done({ code, output, late });
      }, 50);
    });
  });
}

/** @param {string} output @param {string} word */
const count = (output, word) =>
  Number(new RegExp(`^ {2}${word}: +(\\d+)$`, 'm').exec(output)?.[1] ?? 0);

/**
 * @param {string} name the file, relative to the checkout
 * @param {number} soak by how much more than usual its property tests try; see test/support/soak.ts
 * @param {number} repeat how many times it is run
 * @returns {Promise<import('../test.mjs').Unit & { deadlineMs: number }>}
 */
export async function testFile(name, soak, repeat) {
  const file = join(root, name);
  const wishes = await wishesOf(file);
  const deadlineMs = wishes.deadlineMs * soak * repeat;
  return {
    name,
    deadlineMs,
    live: wishes.live,
    run: async () => {
      if (wishes.needsTestAddon) {
        testAddonBuilt ??= buildTestAddon();
        await testAddonBuilt;
      }
      const { code, output, late } = await execute(
        [
          ...(repeat > 1 ? ['scripts/test/repeat.mjs', String(repeat)] : []),
          ...[file, ...(soak > 1 ? ['--soak', String(soak)] : [])],
        ],
        deadlineMs,
      );
      const passed = count(output, 'Passed');
      const skipped = count(output, 'Skipped');
      let failed = count(output, 'Total') - passed;
      let note = '';
      if (late) note = `Killed after its deadline of ${deadlineMs / 1000} s.`;
      else if (code !== 0 && failed === 0) note = `Ended with code ${code}.`;
      else if (passed + failed + skipped === 0)
        note = 'Ran no test: is there a call of test.run()?';
      if (note) failed = Math.max(failed, 1);
      return { passed, failed, skipped, output: `${output.trimEnd()}\n${note}` };
    },
  };
}
