// The checks of `npm run check`, as units of the test run.
import { join } from 'node:path';
import { root } from '../setup/paths.mjs';
import { attempt } from '../setup/run.mjs';

/**
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {import('../test.mjs').Unit}
 */
function check(name, command, args) {
  return {
    name: `check/${name}`,
    run: async () => {
      const { code, output } = await attempt(command, args, { cwd: root });
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, output };
    },
  };
}

const bin = (/** @type {string} */ name) => join(root, 'node_modules/.bin', name);

export const checks = [
  check('types', bin('tsc'), ['--noEmit']),
  check('lint', bin('biome'), ['check']),
  check('docs', process.execPath, ['scripts/check-docs.mjs']),
  check('snippets', process.execPath, ['scripts/check-snippets.mjs']),
  check('api', process.execPath, ['scripts/api-docs.mjs', '--check']),
];
