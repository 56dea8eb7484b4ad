// Files of this process that may not grow: the system refuses to write to them, as it does on a disk that is full, and
// lets them grow again when the limit is lifted. Needs no rights.
import { execFileSync } from 'node:child_process';

/** Limits the size of every file that this process writes; null lifts the limit. */
export function limitFileSize(bytes: number | null): void {
  // By default the process dies of its first attempt.
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', () => {});
  // Only the soft limit, which may be raised again.
  const limit = `--fsize=${bytes ?? 'unlimited'}:`;
  execFileSync('prlimit', ['--pid', String(process.pid), limit]);
}
