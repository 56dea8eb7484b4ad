// The channels of the system test: so small that any machine keeps up with several of them.
import type { RungOptions } from '../../lib/index.js';

export const FRAME_RATE = { num: 10, den: 1 };
export const SEGMENT_SECONDS = 2;
export const SEGMENT_MS = 1000 * SEGMENT_SECONDS;
export const FRAMES_PER_SEGMENT = FRAME_RATE.num * SEGMENT_SECONDS;
/** Segments that a playlist lists from the one on air on: three target durations. */
export const AHEAD = 3;
export const LADDER: readonly RungOptions[] = [
  { height: 180, bitrate: 200_000, preset: 'ultrafast' },
  { height: 144, bitrate: 150_000, preset: 'ultrafast' },
];
