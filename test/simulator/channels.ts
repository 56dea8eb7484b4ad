// The channels of simulations: an endless slate each, with the default ladder.
import { completeLadder, DEFAULT_LADDER } from '../../lib/ladder.js';
import type { ChannelStreamOptions } from '../../lib/stream/channel-stream.js';
import type { BatchSize } from '../../lib/stream/production-run.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { ResolvedLoop } from '../../lib/timeline/schedule.js';

/** Instant of frame 0 of every channel. */
export const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');

const GRID = new Grid(EPOCH, channelFormat({ num: 30, den: 1 }, 4));

/** The options of channel number `n`, which is kept, as its viewers are, for `patienceMs` without a request. */
export function channel(n: number, batch: BatchSize, patienceMs: number): ChannelStreamOptions {
  return {
    grid: GRID,
    schedule: new ResolvedLoop([{ title: 'P', source: { kind: 'slate' }, frames: 1800 }], 0),
    producer: {
      channelId: `c${n}`,
      title: '',
      format: GRID.format,
      rungs: completeLadder(DEFAULT_LADDER),
      audioBitrate: 128_000,
      fontFile: '',
    },
    startRung: '720p',
    playlistSegments: 10,
    batch,
    graceMs: patienceMs,
    viewerTimeoutMs: patienceMs,
  };
}
