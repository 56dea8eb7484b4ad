// `headend hardware`: which encoders work on this machine, on which devices pictures stay, and why the others do not.

import { createHeadend, type EncoderReport } from '../lib/index.js';

/** Tries the encoders and prints what became of each, the best first. */
export async function showHardware(): Promise<void> {
  await using headend = await createHeadend();
  process.stdout.write(`${hardwareTable(await headend.hardware())}\n`);
}

/** The reports as text: a line for each encoder, and which one channels use. */
export function hardwareTable(reports: readonly EncoderReport[]): string {
  const width = Math.max(...reports.map(({ name }) => name.length));
  const lines = reports.flatMap(({ name, works, reason, elapsedMs, device }) => {
    const verdict = works ? `works (tried in ${elapsedMs} ms)` : `no: ${reason}`;
    const line = `${name.padEnd(width)}  ${verdict}`;
    if (device === undefined) return [line];
    const stays = device.works
      ? `on ${device.name}`
      : `in memory, not on ${device.name}: ${device.reason}`;
    return [line, `${''.padEnd(width)}  decodes and scales ${stays}`];
  });
  const best = reports.find(({ works }) => works)?.name ?? 'software';
  return [...lines, '', `Channels use ${best} unless they are told otherwise.`].join('\n');
}
