// Runs other programs: captured, shown, or logged to a file whose tail is shown on failure.
import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { SetupFailure } from './failure.mjs';

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {Record<string, string>} [env] added to this process's environment
 * @property {string} [log] file that both output streams are appended to
 * @property {(line: string) => void} [onLine] called with every whole line of output
 */

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number | null, output: string }>}
 */
export function attempt(command, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = options.log ? createWriteStream(options.log, { flags: 'a' }) : undefined;
    log?.write(`\n$ ${[command, ...args].join(' ')}\n`);
    let output = '';
    let partial = '';
    const take = (/** @type {string} */ text) => {
      log?.write(text);
      if (!log) output += text;
      if (!options.onLine) return;
      const lines = (partial + text).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) options.onLine(line);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const finish = (/** @type {number | null} */ code) => {
      if (log) log.end(() => done({ code, output }));
      else done({ code, output });
    };
    child.once('error', (error) => {
      take(`${error.message}\n`);
      finish(null);
    });
    child.once('close', finish);
  });
}

/**
 * Like `attempt`, but a failure throws with the command and the last lines it wrote.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<string>} what was written, unless it went to a log
 */
export async function run(command, args, options = {}) {
  const { code, output } = await attempt(command, args, options);
  if (code === 0) return output;
  const text = options.log ? readFileSync(options.log, 'utf8') : output;
  const tail = text.trimEnd().split('\n').slice(-25).join('\n');
  throw new SetupFailure(
    `${tail}\n\nThis command failed (${code === null ? 'did not start' : `code ${code}`}): ` +
      `${[command, ...args].join(' ').slice(0, 300)}` +
      (options.cwd ? `\n  in ${options.cwd}` : '') +
      (options.log ? `\n  full log: ${options.log}` : ''),
  );
}

/**
 * Runs a program whose output goes straight to the terminal.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 * @returns {Promise<number>} its exit code; 1 where it could not start or was killed
 */
export function show(command, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: 'inherit',
    });
    child.once('error', (error) => {
      console.error(error.message);
      done(1);
    });
    child.once('close', (code) => done(code ?? 1));
  });
}
