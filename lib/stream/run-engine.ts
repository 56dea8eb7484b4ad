// What one run asks of the engine, and what becomes of that: makers of segments, the requests for them, and the way of
// their output into the store.

import {
  type AbandonedSegment,
  AUDIO_RENDITION,
  type Engine,
  type Producer,
  type ProducerOptions,
  SOFTWARE_ENCODER,
} from '../engine/engine.js';
import type { SegmentStore } from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import { entries, type ResolvedSchedule } from '../timeline/schedule.js';
import type { EncodingHistory } from './encoding-history.js';
import { engineFault } from './fault.js';
import type { Output, OutputGate } from './output-gate.js';
import { type MakerRequest, SegmentMaker } from './segment-maker.js';
import type { StreamLog } from './stream-log.js';

/** Frames beyond a segment that its timeline covers: more than any preset of the encoder holds back. */
const LOOK_AHEAD_FRAMES = 300;

/** What a {@link RunEngine} works with. */
export interface RunEngineOptions {
  readonly engine: Engine;
  readonly producer: ProducerOptions;
  readonly grid: Grid;
  readonly schedule: ResolvedSchedule;
  readonly store: SegmentStore;
  readonly encoding: EncodingHistory;
  readonly log: StreamLog;
}

/** A run's side of the engine. */
export class RunEngine {
  /** Begun with hardware, which may fail. */
  readonly mayChangeEncoder: boolean;
  readonly #options: RunEngineOptions;
  readonly #signal: AbortSignal;
  // What encodes the rungs: the channel's own choice until it fails.
  #encoder: string;
  // The leading producer goes on without its device.
  #lostDevice = false;

  /** @param signal Aborts when the run ends: what comes after that is dropped. */
  constructor(options: RunEngineOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#encoder = options.producer.encoder ?? SOFTWARE_ENCODER;
    this.mayChangeEncoder = this.#encoder !== SOFTWARE_ENCODER;
  }

  /** What encodes the rungs now. */
  get encoder(): string {
    return this.#encoder;
  }

  /** Whether files are decoded and scaled on the encoder's device: it goes with the channel's own encoder alone. */
  get onDevice(): boolean {
    const { encoder = SOFTWARE_ENCODER, device = false } = this.#options.producer;
    return device && !this.#lostDevice && this.#encoder === encoder;
  }

  /**
   * A maker of segments.
   * @param leads Whether it makes what is not listed yet; when its encoder fails, the channel changes the encoder.
   */
  createMaker(leads: boolean): SegmentMaker {
    return new SegmentMaker((gate, onWait) => this.#createProducer(gate, leads, onWait));
  }

  /** The request for one segment. */
  request(sequence: number, rungs: readonly string[]): MakerRequest {
    const { grid, schedule } = this.#options;
    const from = grid.firstFrame(sequence - 1);
    const lookAhead = grid.firstFrame(sequence + 1) + LOOK_AHEAD_FRAMES;
    const to = Math.max(grid.firstFrame(sequence + 3), lookAhead);
    const timeline = entries(schedule, from, to);
    return { from: sequence, count: 1, rungs, timeline, knownTo: to, encoder: this.#encoder };
  }

  #createProducer(gate: OutputGate, leads: boolean, onWait: (waits: boolean) => void): Producer {
    const { engine, producer, store, grid, encoding, log } = this.#options;
    const { channelId } = producer;
    const signal = this.#signal;
    const maker = {};
    if (leads) this.#lostDevice = false;
    const give = (
      kind: Output['kind'],
      { rendition, sequence }: AbandonedSegment,
      keep: () => void,
    ) => gate.pass({ kind, rendition, sequence }, () => signal.aborted || keep());
    return engine.createProducer(producer, {
      onInit: (init) => {
        if (signal.aborted) return;
        if (!leads || init.rendition === AUDIO_RENDITION) {
          store.putInit(channelId, init, leads);
          return;
        }
        this.#encoder = init.encoder;
        encoding.put(init);
      },
      onFragment: (fragment) =>
        give('fragment', fragment, () => store.putFragment(channelId, fragment, maker)),
      onSegment: (segment) => give('segment', segment, () => store.put(channelId, segment, maker)),
      onAbandoned: (segment) =>
        give('abandoned', segment, () => store.abandon(channelId, segment, maker)),
      onWait,
      onFault: (fault) => {
        // With a source it is that one file that the device cannot decode.
        if (leads && fault.code === 'DEVICE_FAILED' && fault.source === '') this.#lostDevice = true;
        log.fault(engineFault(channelId, fault, grid.instantOfFrame(fault.frame)));
      },
    });
  }
}
