#!/usr/bin/env node
// Runs all checks and tests, each in a process of its own, and ends with a line that counts them.
//   npm test -- WORD...   only those whose name contains one of the words, such as `timeline`,
//                         `check/types` or `native-asan`
//   npm test -- --soak N WORD...   property tests try N times as many cases, others every time, and fuzzers run
//                         N times as long
//   npm test -- --repeat N WORD...   each test file runs N times over in its process
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runMain } from './setup/failure.mjs';
import { root } from './setup/paths.mjs';
import { elapsed } from './setup/report.mjs';
import { checks } from './test/checks.mjs';
import { fuzzers } from './test/fuzz.mjs';
import { nativeTests } from './test/native.mjs';
import { testFile } from './test/test-file.mjs';

/**
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} [output] what a person needs to see of a failure
 * @property {string} [note] what a person may like to know of a success
 */

/**
 * @typedef {object} Unit
 * @property {string} name
 * @property {boolean} [live] whether it follows the clock, and can fail because the machine is busy with something else
 * @property {() => Promise<Outcome>} run
 */

/** @param {number} soak @param {number} repeat @returns {Promise<readonly Unit[]>} */
async function testFiles(soak, repeat) {
  const files = (await readdir(join(root, 'test'), { recursive: true })).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const units = await Promise.all(
    files.sort().map((file) => testFile(join('test', file), soak, repeat)),
  );
  // The longest first, so that none of them is left when the others are done.
  return units.sort((one, other) => other.deadlineMs - one.deadlineMs);
}

// Most units wait now and then: for a disk, a clock, a thread that is still at work.
const LANES = 2;

/**
 * Runs the units, a few side by side.
 * @param {readonly Unit[]} units
 * @param {(unit: Unit) => Promise<void>} run
 */
async function runAll(units, run) {
  const queue = units.values();
  const lane = async () => {
    for (const unit of queue) await run(unit);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

await runMain(async () => {
  const { values, positionals: words } = parseArgs({
    allowPositionals: true,
    options: {
      soak: { type: 'string', default: '1' },
      repeat: { type: 'string', default: '1' },
    },
  });
  const [soak, repeat] = [Number(values.soak), Number(values.repeat)];
  if (![soak, repeat].every((times) => Number.isInteger(times) && times > 0))
    throw new RangeError('--soak and --repeat take a whole number from 1');
  const units = [
    ...checks,
    ...(await nativeTests()),
    ...(await fuzzers(soak)),
    ...(await testFiles(soak, repeat)),
  ].filter((unit) => words.length === 0 || words.some((word) => unit.name.includes(word)));
  const sum = { passed: 0, failed: 0, skipped: 0 };
  /** @type {Map<string, string>} */
  const broken = new Map();
  /** Live units that failed beside another one. @type {Unit[]} */
  const again = [];
  /** @param {Unit} unit @param {boolean} isLast whether a failure counts */
  const runOne = async (unit, isLast) => {
    const start = performance.now();
    const outcome = await unit.run();
    const { passed, failed, skipped, note } = outcome;
    const output = (outcome.output ?? '').trimEnd();
    const verdict = failed === 0 ? 'ok  ' : isLast ? 'FAIL' : 'once more';
    console.log(
      `${verdict} ${unit.name} (${passed} passed, ${elapsed(start)}${note === undefined ? '' : `, ${note}`})`,
    );
    if (failed > 0) console.log(`${output}\n`);
    if (failed > 0 && !isLast) {
      again.push(unit);
      return;
    }
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
    if (failed > 0) broken.set(unit.name, output);
  };
  await runAll(
    units.filter(({ live }) => !live),
    (unit) => runOne(unit, true),
  );
  await runAll(
    units.filter(({ live }) => live),
    (unit) => runOne(unit, false),
  );
  for (const unit of again) await runOne(unit, true);
  // Once more at the end, where a reader of a long log looks first.
  if (units.length > 1)
    for (const [name, output] of broken) console.log(`\nFailed: ${name}\n${output}`);
  if (broken.size > 0) console.log(`\nFailed: ${[...broken.keys()].join(', ')}`);
  if (units.length === 0) console.log(`Nothing to run for: ${words.join(' ')}`);
  const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
  console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
  if (sum.failed > 0 || sum.passed === 0) process.exitCode = 1;
});
