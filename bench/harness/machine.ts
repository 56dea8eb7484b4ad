// Describes the machine that a benchmark ran on, for the line under its table.
import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { loadBinding } from '../../lib/engine/binding.js';

async function system(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^PRETTY_NAME="?([^"\n]+)/m.exec(release)?.[1] ?? process.platform;
}

/** Processor, cores, memory, system, and versions. */
export async function describeMachine(): Promise<string> {
  const cores = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return [
    `${cores.length} × ${cores[0]?.model.trim() || 'unknown processor'}`,
    `${gib} GiB`,
    await system(),
    `Node ${process.version}`,
    `FFmpeg ${loadBinding().ffmpegVersion}`,
  ].join(', ');
}
