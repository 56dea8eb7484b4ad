// Writes a benchmark's table into bench/README.md, between its markers.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Row } from './bench.js';
import { folder } from './load.js';

const README = join(folder, 'README.md');

function cell(value: string | number): string {
  if (typeof value === 'string') return value;
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return value.toLocaleString('en', { maximumSignificantDigits: 3, useGrouping: false });
}

/** Rows as a Markdown table, columns as wide as their widest cell. */
export function table(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => cell(row[column] ?? '')));
  const lines = [columns, ...cells];
  const widths = columns.map((_, index) =>
    Math.max(3, ...lines.map((line) => (line[index] ?? '').length)),
  );
  const format = (line: readonly string[]) =>
    `| ${line.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const rule = format(widths.map((width) => '-'.repeat(width)));
  return [format(columns), rule, ...cells.map(format)].join('\n');
}

/** The section of a benchmark: heading, what it is, table, circumstances. */
export function section(bench: Bench, rows: readonly Row[], circumstances: string): string {
  return `### ${bench.title}\n\n${bench.about}\n\n${table(rows)}\n\n_${circumstances}_`;
}

/** Replaces the section between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`, or appends it. */
export async function publish(name: string, text: string): Promise<void> {
  const readme = await readFile(README, 'utf8');
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const block = `${begin}\n\n${text}\n\n${end}`;
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  const changed =
    from < 0 || to < from
      ? `${readme.trimEnd()}\n\n${block}\n`
      : readme.slice(0, from) + block + readme.slice(to + end.length);
  await writeFile(README, changed);
}
