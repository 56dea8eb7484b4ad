// An engine without media, for tests of time and concurrency: its segments carry their own names, take a
// set time on the fake clock, and can be made to fail.
import { type Clock, delay } from '../../lib/clock.js';
import type {
  BatchReport,
  EncoderReport,
  Engine,
  EngineProbeOptions,
  Loudness,
  MeasureOptions,
  ProbeResult,
  ProduceRequest,
  Producer,
  ProducerOptions,
  ProducerSink,
  Track,
  VideoTrack,
} from '../../lib/engine/engine.js';
import { HeadendError } from '../../lib/errors.js';

/** One batch that was asked of the engine. */
export interface Batch {
  readonly channelId: string;
  readonly producer: number;
  readonly from: number;
  readonly to: number;
  readonly rungs: readonly string[];
}

export function nameOf(rendition: string, sequence: number): string {
  return `${rendition} ${sequence}`;
}

/** Hash of the init segment of a rendition. */
export function initHash(rendition: string, encoder = 'software'): string {
  const name = encoder === 'software' ? rendition : `${encoder.slice(0, 2)}${rendition}`;
  return Buffer.from(name.padEnd(8, ' ')).toString('hex').slice(0, 16);
}

/** A probe's result with nothing in it but what is given. */
export function probeResult(known: Partial<ProbeResult> = {}): ProbeResult {
  return {
    ...{ duration: null, format: 'mp4', bitrate: null, video: null, audio: null, title: '' },
    ...{ declaredDuration: null, audioTracks: [], subtitles: [], cover: false, keyFrames: null },
    ...known,
  };
}

/** A video track like any other. */
export const VIDEO: VideoTrack = {
  ...{ codec: 'h264', profile: 'High', width: 320, height: 180 },
  shown: { width: 320, height: 180 },
  sampleAspect: { num: 1, den: 1 },
  rotation: 0,
  frameRate: { num: 25, den: 1 },
  declaredRate: { num: 25, den: 1 },
  variableRate: false,
  ...{ pixelFormat: 'yuv420p', bitDepth: 8, fieldOrder: 'progressive' },
  ...{ primaries: null, transfer: null, matrix: null, range: null },
  ...{ dynamicRange: 'sdr', dolbyVision: null },
};

export class FakeEngine implements Engine {
  readonly clock: Clock;
  /** Time that each segment takes. */
  segmentMs: number;
  /** The same for the segments of one channel. */
  readonly segmentMsOf = new Map<string, number>();
  /** Milliseconds that every segment of a channel waits for its source first. */
  readonly silentMsOf = new Map<string, number>();
  /** Bytes of each segment. */
  segmentBytes = 100;
  /** Whether segments come in two fragments. */
  fragments = false;
  /** Fails the batch when it comes to a segment for which this is true. */
  fails: (sequence: number, channelId: string) => boolean = () => false;
  /** What the batch ends with then. */
  failure: Error = new HeadendError('ENCODE_FAILED', 'encode', 'it broke');
  /** Milliseconds that a producer takes to stop. */
  stopMs = 0;
  readonly batches: Batch[] = [];
  readonly probes = new Map<string, ProbeResult>();
  readonly probed: string[] = [];
  readonly loudness = new Map<string, Loudness>();
  readonly measured: string[] = [];
  probing = 0;
  mostProbing = 0;
  producers = 0;
  alive = 0;
  closed = false;
  /** Producers at work. */
  working = 0;
  /** The best encoder of the machine. */
  encoder = 'software';
  /** Whether it has a device that decodes and scales. */
  device = false;
  /** The segment at which that breaks. */
  deviceBreaksAt = Infinity;
  /** The segment at which encoders other than software break. */
  breaksAt = Infinity;

  constructor(clock: Clock, segmentMs = 500) {
    this.clock = clock;
    this.segmentMs = segmentMs;
  }

  async measureLoudness(url: string, _options?: MeasureOptions): Promise<Loudness> {
    this.measured.push(url);
    const loudness = this.loudness.get(url);
    if (!loudness) throw new HeadendError('SOURCE_INVALID', 'probe', `${url}: no sound`);
    return loudness;
  }

  async probe(url: string, _options?: EngineProbeOptions): Promise<ProbeResult> {
    this.probed.push(url);
    this.mostProbing = Math.max(this.mostProbing, ++this.probing);
    await new Promise((resolve) => setImmediate(resolve));
    this.probing--;
    const result = this.probes.get(url);
    if (!result) throw new HeadendError('SOURCE_NOT_FOUND', 'probe', `${url}: no such file`);
    return result;
  }

  async hardware(): Promise<readonly EncoderReport[]> {
    const report = { name: this.encoder, works: true, reason: '', elapsedMs: 0 };
    return [
      this.device ? { ...report, device: { name: 'cuda', works: true, reason: '' } } : report,
    ];
  }

  createProducer(options: ProducerOptions, sink: ProducerSink): Producer {
    this.alive++;
    return new FakeProducer(this, ++this.producers, options, sink);
  }

  /** The names of the segments, one after the other. */
  async remux(tracks: readonly Track[]): Promise<Uint8Array> {
    await new Promise((resolve) => setImmediate(resolve));
    return Buffer.concat(tracks.map(({ segment }) => segment));
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

class FakeProducer implements Producer {
  readonly #engine: FakeEngine;
  readonly #number: number;
  readonly #options: ProducerOptions;
  readonly #sink: ProducerSink;
  readonly #stop = new AbortController();
  #encoder: string | null = null;

  constructor(engine: FakeEngine, number: number, options: ProducerOptions, sink: ProducerSink) {
    this.#engine = engine;
    this.#number = number;
    this.#options = options;
    this.#sink = sink;
  }

  async produce({
    from,
    count,
    rungs,
    timeline,
    encoder = 'software',
  }: ProduceRequest): Promise<BatchReport> {
    const engine = this.#engine;
    const { channelId, format } = this.#options;
    const { framesPerSegment } = format;
    engine.batches.push({ channelId, producer: this.#number, from, to: from + count - 1, rungs });
    const first = timeline[0]?.startFrame ?? Infinity;
    const last = timeline.at(-1)?.endFrame ?? -Infinity;
    if (
      first > (from - 1) * framesPerSegment ||
      last <
        Math.max((from + count + 2) * framesPerSegment, (from + count) * framesPerSegment + 300)
    ) {
      throw new Error('the timeline does not cover the batch');
    }
    if (this.#encoder === null) this.#tellInits(encoder, from);
    for (let sequence = from; sequence < from + count; sequence++) {
      const renditions = ['audio', ...rungs];
      if (sequence === engine.breaksAt && this.#encoder !== 'software') {
        this.#tellInits('software', sequence);
      }
      if (sequence === engine.deviceBreaksAt && this.#options.device) {
        const frame = sequence * framesPerSegment;
        const what = { code: 'DEVICE_FAILED', stage: 'decode', message: 'it broke', averror: 0 };
        this.#sink.onFault({ ...what, source: '', frame });
      }
      try {
        const silentMs = engine.silentMsOf.get(channelId) ?? 0;
        if (silentMs > 0) await this.#waitForSource(silentMs);
        await this.#begin(renditions, sequence);
        await this.#work(engine.fragments ? 0.5 : 1);
        if (engine.fails(sequence, channelId)) throw engine.failure;
      } catch (error) {
        for (const rendition of renditions) this.#sink.onAbandoned?.({ rendition, sequence });
        throw error;
      }
      for (const rendition of renditions) {
        const data = this.#bytes(rendition, sequence);
        this.#tellFragment(rendition, sequence, 1);
        const init = this.#hashOf(rendition);
        const segment = { rendition, sequence, init, start: 0, duration: 0, timescale: 1, data };
        this.#sink.onSegment(segment);
      }
    }
    const figures = { framesDecoded: 0, framesRepeated: 0, framesDropped: 0, renditions: [] };
    return { elapsedMs: 0, warm: false, ...figures };
  }

  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    if (this.#engine.stopMs > 0) await delay(this.#engine.clock, this.#engine.stopMs);
    this.#engine.alive--;
  }

  #tellInits(encoder: string, from: number): void {
    const isFirst = this.#encoder === null;
    this.#encoder = encoder;
    const rungs = this.#options.rungs.map((rung) => rung.id);
    for (const rendition of isFirst ? ['audio', ...rungs] : rungs) {
      const data = new TextEncoder().encode(`init of ${rendition}`);
      const codecs = rendition === 'audio' ? 'mp4a.40.2' : 'avc1.64001f';
      this.#sink.onInit({ rendition, codecs, data, hash: this.#hashOf(rendition), encoder, from });
    }
  }

  #hashOf(rendition: string): string {
    return initHash(rendition, rendition === 'audio' ? 'software' : (this.#encoder ?? 'software'));
  }

  async #waitForSource(ms: number): Promise<void> {
    this.#sink.onWait?.(true);
    try {
      await delay(this.#engine.clock, ms, this.#stop.signal);
    } catch {
      throw new HeadendError('ENGINE_STOPPED', 'engine', 'stopped');
    }
    this.#sink.onWait?.(false);
  }

  // Half of every segment is out after half of the time.
  async #begin(renditions: readonly string[], sequence: number): Promise<void> {
    if (!this.#engine.fragments) return;
    await this.#work(0.5);
    for (const rendition of renditions) this.#tellFragment(rendition, sequence, 0);
  }

  #tellFragment(rendition: string, sequence: number, index: 0 | 1): void {
    if (!this.#engine.fragments) return;
    const data = this.#bytes(rendition, sequence);
    const half = data.byteLength / 2;
    const part = data.subarray(index * half, (index + 1) * half);
    const init = this.#hashOf(rendition);
    const fragment = { rendition, sequence, index, last: index === 1, init, data: part };
    this.#sink.onFragment?.(fragment);
  }

  #bytes(rendition: string, sequence: number): Uint8Array {
    const data = new Uint8Array(this.#engine.segmentBytes);
    new TextEncoder().encodeInto(nameOf(rendition, sequence), data);
    return data;
  }

  async #work(share: number): Promise<void> {
    const engine = this.#engine;
    const ms = engine.segmentMsOf.get(this.#options.channelId) ?? engine.segmentMs;
    engine.working++;
    try {
      await delay(engine.clock, ms * share, this.#stop.signal);
    } catch {
      throw new HeadendError('ENGINE_STOPPED', 'engine', 'stopped');
    } finally {
      engine.working--;
    }
  }
}
