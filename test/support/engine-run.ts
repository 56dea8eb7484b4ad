// Drives the native engine without the rest of Headend: a small channel format, timelines of fixtures, and
// a sink that keeps what a producer makes.
import { createRequire } from 'node:module';
import type {
  Engine,
  EngineFault,
  EntrySource,
  InitSegment,
  ProduceRequest,
  ProducerOptions,
  ProducerSink,
  Rational,
  Rung,
  Segment,
  TimelineEntry,
} from '../../lib/engine/engine.js';
import type { Programme } from '../../lib/timeline/schedule.js';
import type { FrameCode } from '../fixtures/barcode.js';
import type { Grid, RenditionMedia } from './hls-checker.js';

/** 25 frames per second in segments of two seconds: quick to make, whole seconds on frames. */
export const FRAMES_PER_SEGMENT = 50;
export const FRAME_RATE: Rational = { num: 25, den: 1 };
export const GRID: Grid = { frameRate: FRAME_RATE, framesPerSegment: FRAMES_PER_SEGMENT };

export const RUNGS = [rung('360p', 640, 360, 800_000), rung('180p', 320, 180, 250_000)];
export const RUNG_IDS = RUNGS.map(({ id }) => id);

export const PRODUCER: ProducerOptions = {
  channelId: 'test',
  title: 'Test',
  format: {
    frameRate: FRAME_RATE,
    framesPerSegment: FRAMES_PER_SEGMENT,
    keyFrameInterval: 50,
    framesPerFragment: 25,
  },
  rungs: RUNGS,
  audioBitrate: 128_000,
  fontFile: createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
};

function rung(id: string, width: number, height: number, bitrate: number): Rung {
  return {
    ...{ id, width, height, bitrate, preset: 'veryfast' },
    ...{ maxrate: bitrate, bufsize: bitrate * 2 },
  };
}

/** A programme on a test's timeline. */
export interface Item {
  readonly source: EntrySource;
  /** Frames that it airs. */
  readonly frames: number;
  /** What its bar code says; null where none is expected. */
  readonly programme: number | null;
  /** Bar code number of its first frame on the air. */
  readonly firstNumber: number;
}

const FIXTURE_FPS = 25;

/** The items, which are fixtures of 25 frames per second, as programmes of a schedule. */
export function programmesOf(items: readonly Item[]): Programme[] {
  return items.map(({ source, frames, firstNumber }) => ({
    source: source.kind === 'file' ? source.url : '',
    inPoint: firstNumber / FIXTURE_FPS,
    duration: frames / FIXTURE_FPS,
  }));
}

/** A fixture of 25 frames per second from `inFrame` on. */
export function fileItem(url: string, programme: number, frames: number, inFrame = 0): Item {
  const inPoint = { num: inFrame, den: FIXTURE_FPS };
  return { source: { kind: 'file', url, inPoint }, frames, programme, firstNumber: inFrame };
}

/** The items one after the other, for ever, as far as `untilFrame`. */
export function timelineOf(items: readonly Item[], untilFrame: number): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  for (let index = 0, startFrame = 0; startFrame < untilFrame; index += 1) {
    const item = items[index % items.length];
    if (item === undefined) throw new Error('no items');
    const endFrame = startFrame + item.frames;
    entries.push({ startFrame, endFrame, source: item.source });
    startFrame = endFrame;
  }
  return entries;
}

/** What frame `frame` of the channel must show. */
export function expectedCode(items: readonly Item[], frame: number): FrameCode | null {
  const pass = items.reduce((sum, item) => sum + item.frames, 0);
  let offset = frame % pass;
  for (const item of items) {
    if (offset < item.frames) {
      return item.programme === null
        ? null
        : { programme: item.programme, number: item.firstNumber + offset };
    }
    offset -= item.frames;
  }
  throw new Error('no items');
}

/** What segments [from, from + count) must show. */
export function expectedCodes(
  items: readonly Item[],
  from: number,
  count: number,
  framesPerSegment = FRAMES_PER_SEGMENT,
) {
  const first = from * framesPerSegment;
  return Array.from({ length: count * framesPerSegment }, (_, index) =>
    expectedCode(items, first + index),
  );
}

/** Keeps everything that a producer makes. */
export class Collector implements ProducerSink {
  readonly inits = new Map<string, InitSegment>();
  readonly segments: Segment[] = [];
  readonly faults: EngineFault[] = [];
  /** Called for every segment. */
  onEach: (segment: Segment) => void = () => {};

  onInit(init: InitSegment): void {
    this.inits.set(init.rendition, init);
  }

  onSegment(segment: Segment): void {
    this.segments.push(segment);
    this.onEach(segment);
  }

  onFault(fault: EngineFault): void {
    this.faults.push(fault);
  }

  /** The segments of one rendition as the checker takes them. */
  media(rendition: string): RenditionMedia {
    const init = this.inits.get(rendition);
    if (init === undefined) throw new Error(`no init segment of ${rendition}`);
    const segments = this.segments.filter((segment) => segment.rendition === rendition);
    const kind = rendition === 'audio' ? 'audio' : 'video';
    return { name: rendition, kind, init: init.data, segments };
  }

  /** Init segment and all segments of one rendition in one piece. */
  joined(rendition: string): Buffer {
    const { init, segments } = this.media(rendition);
    return Buffer.concat([init, ...segments.map((segment) => segment.data)]);
  }
}

/** A request whose timeline covers as much as the contract asks for. */
export function request(
  items: readonly Item[],
  from: number,
  count: number,
  rungs: readonly string[] = RUNG_IDS,
  framesPerSegment = FRAMES_PER_SEGMENT,
): ProduceRequest {
  const timeline = timelineOf(items, (from + count + 2) * framesPerSegment);
  const first = Math.max(0, from - 1) * framesPerSegment;
  return { from, count, rungs, timeline: timeline.filter((entry) => entry.endFrame > first) };
}

/** Makes batches of the given lengths, one after the other, with one producer. */
export async function produceBatches(
  engine: Engine,
  items: readonly Item[],
  from: number,
  lengths: readonly number[],
  options: ProducerOptions = PRODUCER,
): Promise<Collector> {
  const collector = new Collector();
  const producer = engine.createProducer(options, collector);
  const rungs = options.rungs.map(({ id }) => id);
  let next = from;
  for (const count of lengths) {
    await producer.produce(request(items, next, count, rungs, options.format.framesPerSegment));
    next += count;
  }
  await producer.stop();
  return collector;
}
