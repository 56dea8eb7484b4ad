// A lock between processes: two set-ups at once take turns, and a dead owner's lock is taken over.
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

const beatMs = 5_000;
const staleMs = 60_000;

/**
 * True if the lock `file` exists but its owner is gone.
 * @param {string} file
 */
export function isStale(file) {
  try {
    const [pid, host] = readFileSync(file, 'utf8').split(' ');
    if (Date.now() - statSync(file).mtimeMs > staleMs) return true;
    if (host !== hostname()) return false;
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH';
  }
}

/** @param {string} file */
function tryTake(file) {
  try {
    const fd = openSync(file, 'wx');
    writeSync(fd, `${process.pid} ${hostname()}`);
    closeSync(fd);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    return false;
  }
}

/**
 * Runs `work` while holding the lock `file`. The owner touches the file every few seconds; a lock
 * that was not touched for a minute, or whose owner on this machine is gone, is taken over.
 * @template T
 * @param {string} file
 * @param {() => void} onWait called once when somebody else holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, onWait, work) {
  for (let waits = 0; !tryTake(file); waits += 1) {
    if (isStale(file)) {
      // Only one of several takers wins the rename; the others find the file gone and try again.
      const grave = `${file}.stale-${process.pid}`;
      try {
        renameSync(file, grave);
        rmSync(grave, { force: true });
      } catch {}
      continue;
    }
    if (waits === 0) onWait();
    await wait(500);
  }
  const beat = setInterval(() => {
    if (existsSync(file)) utimesSync(file, new Date(), new Date());
  }, beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(file, { force: true });
  }
}
