// What this process holds, by Linux's /proc: threads and open files, without those that Node itself makes as it likes.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Threads by name, open files by what they lead to. */
export interface Resources {
  readonly threads: readonly string[];
  readonly files: readonly string[];
}

const NODES_OWN =
  /^(node|MainThread|libuv-worker|V8Worker|DelayedTaskSche|SignalInspector|Worker|WorkerThread)/i;

function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    return ''; // gone meanwhile
  }
}

/** Threads are called `name id`, so that two of one name are two. */
export function resources(): Resources {
  const threads = readdirSync('/proc/self/task')
    .map(
      (id) => `${tryRead(() => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim())} ${id}`,
    )
    .filter((name) => !name.startsWith(' ') && !NODES_OWN.test(name));
  const files = readdirSync('/proc/self/fd')
    .map((id) => tryRead(() => `${readlinkSync(`/proc/self/fd/${id}`)} ${id}`))
    .filter((name) => name !== '');
  return { threads, files };
}

/** Resident memory in bytes. */
export function residentBytes(): number {
  const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]);
  return pages * 4096;
}
