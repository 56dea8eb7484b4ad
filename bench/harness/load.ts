// Finds the benchmarks of bench/ and imports them.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Bench } from './bench.js';

/** The folder of the benchmarks. */
export const folder = dirname(dirname(fileURLToPath(import.meta.url)));

/** Names of all benchmarks: the files of bench/, without run.ts. */
export async function benchNames(): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.endsWith('.ts') && file !== 'run.ts')
    .map((file) => file.slice(0, -3))
    .sort();
}

/** @throws when the file does not export a benchmark */
export async function loadBench(name: string): Promise<Bench> {
  const module: { readonly bench?: Bench } = await import(
    pathToFileURL(join(folder, `${name}.ts`)).href
  );
  if (module.bench === undefined) throw new TypeError(`bench/${name}.ts does not export \`bench\``);
  return module.bench;
}
