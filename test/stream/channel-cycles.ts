// A process of its own that turns a channel on and off many times; real-engine.test.ts runs it with --expose-gc.
// Arguments: FILE, and the numbers of test/lifecycle/held.ts.
import { createHeadend, loop } from '../../lib/index.js';
import { printHeld } from '../lifecycle/held.js';

const [file = '', ...counts] = process.argv.slice(2);
await using headend = await createHeadend({ hardware: 'software' });
const channel = await headend.channels.add({
  id: 'c',
  ladder: [{ height: 120, bitrate: 200_000, preset: 'ultrafast' }],
  segmentDuration: 1,
  frameRate: 25,
  schedule: loop([{ source: file }]),
});

/** Every other cycle ends in mid-batch, as soon as there is something to play; the others with a segment that was played. */
async function cycle(number: number): Promise<void> {
  const sessionId = `viewer-${number}`;
  const playlist = await channel.mediaPlaylist('120p', { sessionId });
  const [, sequence] = /\n(\d+)-\w+\.m4s/.exec(playlist) ?? [];
  if (sequence === undefined) throw new Error(`nothing to play:\n${playlist}`);
  if (number % 2 === 0) await channel.segment('120p', Number(sequence), { sessionId });
  await channel.stop();
}

const [warmUp = 0, stretches = 0, cycles = 0] = counts.map(Number);
await printHeld(cycle, { warmUp, stretches, cycles });
