// The control plane on the fake clock and the fake engine, with everything it tells written down.
import type { Journal, SavedEncoding, SavedSession } from '../../lib/journal/journal.js';
import type { JournalOperation } from '../../lib/journal/operations.js';
import { completeLadder } from '../../lib/ladder.js';
import { SegmentStore } from '../../lib/store/segment-store.js';
import type { ChannelStream } from '../../lib/stream/channel-stream.js';
import type { Fault } from '../../lib/stream/fault.js';
import type { BatchEvent, SessionEvent, WarningEvent } from '../../lib/stream/stream-events.js';
import { StreamManager, type StreamManagerOptions } from '../../lib/stream/stream-manager.js';
import { WorkScheduler } from '../../lib/stream/work-scheduler.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { ResolvedLoop, type ResolvedSchedule } from '../../lib/timeline/schedule.js';
import { FakeClock } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';

export const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
/** The segment on air when a test begins, a second old. */
export const N = 1000;
export const START = EPOCH + N * 4000 + 1000;

/** A journal that keeps its operations in an array. */
export class ArrayJournal implements Journal {
  readonly operations: JournalOperation[] = [];
  sessions: SavedSession[] = [];

  async record(operation: JournalOperation): Promise<void> {
    this.operations.push(operation);
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
  openSessions(): SavedSession[] {
    return this.sessions;
  }
  savedEncodings(): SavedEncoding[] {
    return [];
  }
  savedChannels(): ReadonlyMap<string, string> {
    return new Map();
  }

  /** The operations of a type, in order. */
  of<Type extends JournalOperation['type']>(type: Type) {
    return this.operations.filter(
      (operation): operation is Extract<JournalOperation, { type: Type }> =>
        operation.type === type,
    );
  }
}

export interface StreamsOptions extends Partial<StreamManagerOptions> {
  readonly segmentMs?: number;
  readonly maxBytes?: number;
}

export interface ChannelSettings {
  readonly playlistSegments?: number;
  readonly idleMs?: number;
  readonly viewerTimeoutMs?: number;
  readonly encoder?: string;
  readonly device?: boolean;
  readonly batch?: { readonly segments: number; readonly threshold: number };
  readonly schedule?: ResolvedSchedule;
}

/** A stream manager without channels; `add` adds one with a 720p and a 360p rung and segments of 4 s. */
export function createStreams(options: StreamsOptions = {}) {
  const { segmentMs, maxBytes = 10_000_000, ...manager } = options;
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock, segmentMs);
  const store = new SegmentStore({ clock, maxBytes });
  const grid = new Grid(EPOCH, channelFormat({ num: 25, den: 1 }, 4));
  const journal = new ArrayJournal();
  const told = {
    faults: [] as Fault[],
    states: [] as string[],
    batches: [] as BatchEvent[],
    sessions: [] as SessionEvent[],
    warnings: [] as WarningEvent[],
  };
  const streams = new StreamManager({
    engine,
    store,
    clock,
    events: {
      fault: (fault) => told.faults.push(fault),
      channel: ({ state }) => told.states.push(state),
      batch: (event) => told.batches.push(event),
      session: (event) => told.sessions.push(event),
      warning: (event) => told.warnings.push(event),
    },
    journal,
    scheduler: new WorkScheduler({ clock, slots: 2 }),
    admission: 'off',
    coordinatorIntervalMs: 2000,
    ...manager,
  });
  const add = (id: string, settings: ChannelSettings = {}): ChannelStream => {
    const { idleMs = 30_000, viewerTimeoutMs = idleMs } = settings;
    return streams.add({
      grid,
      schedule:
        settings.schedule ??
        new ResolvedLoop([{ title: 'P', source: { kind: 'slate' }, frames: 250 }], 0),
      producer: {
        channelId: id,
        title: id.toUpperCase(),
        format: grid.format,
        rungs: completeLadder([
          { height: 720, bitrate: 3_000_000 },
          { height: 360, bitrate: 800_000 },
        ]),
        audioBitrate: 128_000,
        encoder: settings.encoder ?? 'software',
        device: settings.device ?? false,
        fontFile: '/font',
      },
      startRung: '720p',
      playlistSegments: settings.playlistSegments ?? 10,
      batch: settings.batch ?? { segments: 10, threshold: 4 },
      graceMs: idleMs,
      viewerTimeoutMs,
    });
  };
  return { clock, engine, store, grid, journal, streams, add, ...told };
}
