// The engine over the addon: turns its numbered producers, probes, remuxes and events into objects and promises.

import { type ErrorCode, HeadendError, isErrorCode, type Stage } from '../errors.js';
import { loadBinding, type NativeEngine, type NativeEvent, type NativeStatus } from './binding.js';
import { systemCaFile } from './ca-file.js';
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
} from './engine.js';

/** The two ends of a promise that an event settles. */
interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** How long one encoder may take to answer when it is tried: drivers start slowly, but not that slowly. */
const ENCODER_PATIENCE_MS = 15_000;

/** A measurement in flight. */
interface Measurement extends Settle<Loudness> {
  readonly onProgress: (seconds: number) => void;
}

/** Options of {@link createNativeEngine}. */
export interface NativeEngineOptions {
  /** PEM file of the authorities that https sources are checked against. Default: the system's. */
  readonly caFile?: string;
  /** The addon's file. Default: a build of this checkout, else the package's own. */
  readonly addon?: string;
}

const STAGES: readonly Stage[] = [
  'engine',
  'schedule',
  'open',
  'probe',
  'demux',
  'decode',
  'normalise',
  'encode',
  'mux',
];

function toError(status: NativeStatus, channelId?: string): HeadendError {
  const code: ErrorCode = isErrorCode(status.code) ? status.code : 'ENGINE_FAILED';
  const stage = STAGES.find((name) => name === status.stage) ?? 'engine';
  return new HeadendError(code, stage, status.message, {
    ...(channelId === undefined ? {} : { channelId }),
    averror: status.averror,
    retryable: code !== 'INVALID_OPTIONS' && code !== 'ENGINE_STOPPED',
  });
}

// The number of what was begun.
function accepted(result: number | NativeStatus, channelId?: string): number {
  if (typeof result === 'number') return result;
  throw toError(result, channelId);
}

function stopped(channelId?: string): HeadendError {
  return new HeadendError(
    'ENGINE_STOPPED',
    'engine',
    'The engine was stopped',
    channelId === undefined ? {} : { channelId },
  );
}

class NativeProducer implements Producer {
  readonly #native: NativeEngine;
  readonly #channelId: string;
  readonly #sink: ProducerSink;
  readonly #onStopped: () => void;
  readonly id: number;
  #batch: Settle<BatchReport> | undefined;
  #stopping: Promise<void> | undefined;
  #stopped: (() => void) | undefined;

  constructor(
    native: NativeEngine,
    options: ProducerOptions,
    sink: ProducerSink,
    onStopped: () => void,
  ) {
    this.#native = native;
    this.#channelId = options.channelId;
    this.#sink = sink;
    this.#onStopped = onStopped;
    this.id = accepted(native.createProducer(options), options.channelId);
  }

  async produce(request: ProduceRequest): Promise<BatchReport> {
    if (this.#stopping !== undefined) throw stopped(this.#channelId);
    const refused = this.#native.produce(this.id, request);
    if (refused !== null) throw toError(refused, this.#channelId);
    return await new Promise<BatchReport>((resolve, reject) => {
      this.#batch = { resolve, reject };
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= new Promise((resolve) => {
      this.#stopped = resolve;
      this.#native.stopProducer(this.id);
    });
    return this.#stopping;
  }

  handle(event: NativeEvent): void {
    const [, type, payload] = event;
    if (type === 'init') this.#sink.onInit(payload);
    else if (type === 'fragment') this.#sink.onFragment?.(payload);
    else if (type === 'segment') this.#sink.onSegment(payload);
    else if (type === 'abandoned') this.#sink.onAbandoned?.(payload);
    else if (type === 'programme') this.#sink.onProgramme?.(payload);
    else if (type === 'wait') this.#sink.onWait?.(payload);
    else if (type === 'fault') this.#sink.onFault(payload);
    else if (type === 'batch') {
      const batch = this.#batch;
      this.#batch = undefined;
      if (payload.error === null) batch?.resolve(payload.report);
      else batch?.reject(toError(payload.error, this.#channelId));
    } else if (type === 'stopped') {
      this.#onStopped();
      this.#stopped?.();
    }
  }
}

class NativeEngineAdapter implements Engine {
  readonly #native: NativeEngine;
  readonly #producers = new Map<number, NativeProducer>();
  // Probes and measurements in flight; bounded by their callers.
  readonly #probes = new Map<number, Settle<ProbeResult>>();
  readonly #remuxes = new Map<number, Settle<Uint8Array>>();
  readonly #measurements = new Map<number, Measurement>();
  // By the encoder that was asked about; all of them without a name.
  readonly #hardware = new Map<string | undefined, Promise<readonly EncoderReport[]>>();
  readonly #detections = new Map<number, Settle<readonly EncoderReport[]>>();
  #closing: Promise<void> | undefined;

  constructor({ addon, caFile = systemCaFile() }: NativeEngineOptions) {
    const { Engine } = loadBinding(addon);
    this.#native = new Engine((...event) => this.#handle(event), caFile);
  }

  async probe(url: string, options: EngineProbeOptions = {}): Promise<ProbeResult> {
    return this.#look(
      () => this.#native.probe(url, options.keyFrames ?? false),
      (id, settle) => this.#probes.set(id, settle),
      options.signal,
    );
  }

  async measureLoudness(url: string, options: MeasureOptions = {}): Promise<Loudness> {
    const { inPoint = { num: 0, den: 1 }, duration = null, onProgress = () => {} } = options;
    return this.#look(
      () => this.#native.measureLoudness(url, { inPoint, duration }),
      (id, settle) => this.#measurements.set(id, { ...settle, onProgress }),
      options.signal,
    );
  }

  async #look<T>(
    start: () => number | NativeStatus,
    keep: (id: number, settle: Settle<T>) => void,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.#closing !== undefined) throw stopped();
    const id = accepted(start());
    let cancel = (): void => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        keep(id, { resolve, reject });
        // At once: what the kernel holds in a read hears of it late or never.
        cancel = () => {
          this.#native.cancelProbe(id);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', cancel, { once: true });
      });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  async hardware(encoder?: string): Promise<readonly EncoderReport[]> {
    if (this.#closing !== undefined) throw stopped();
    let reports = this.#hardware.get(encoder);
    if (reports === undefined) {
      reports = new Promise((resolve, reject) => {
        const id = accepted(this.#native.detectEncoders(ENCODER_PATIENCE_MS, encoder));
        this.#detections.set(id, { resolve, reject });
      });
      this.#hardware.set(encoder, reports);
      // Who asks again after a failure has it tried again.
      reports.catch(() => this.#hardware.delete(encoder));
    }
    return reports;
  }

  createProducer(options: ProducerOptions, sink: ProducerSink): Producer {
    if (this.#closing !== undefined) throw stopped(options.channelId);
    const producer: NativeProducer = new NativeProducer(this.#native, options, sink, () => {
      this.#producers.delete(producer.id);
    });
    this.#producers.set(producer.id, producer);
    return producer;
  }

  async remux(tracks: readonly Track[]): Promise<Uint8Array> {
    if (this.#closing !== undefined) throw stopped();
    const id = accepted(this.#native.remux(tracks));
    return await new Promise<Uint8Array>((resolve, reject) => {
      this.#remuxes.set(id, { resolve, reject });
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const id of this.#probes.keys()) this.#native.cancelProbe(id);
    for (const id of this.#measurements.keys()) this.#native.cancelProbe(id);
    await Promise.all([...this.#producers.values()].map((producer) => producer.stop()));
    this.#native.close();
    for (const detection of this.#detections.values()) detection.reject(stopped());
    this.#detections.clear();
    for (const unsettled of [...this.#probes.values(), ...this.#remuxes.values()]) {
      unsettled.reject(stopped());
    }
    this.#probes.clear();
    this.#remuxes.clear();
    for (const measurement of this.#measurements.values()) measurement.reject(stopped());
    this.#measurements.clear();
  }

  #handle(event: NativeEvent): void {
    const [id, type, payload] = event;
    if (type === 'probe') settle(this.#probes, id, payload.error, payload.result);
    else if (type === 'remux') settle(this.#remuxes, id, payload.error, payload.data);
    else if (type === 'loudness') settle(this.#measurements, id, payload.error, payload.result);
    else if (type === 'hardware') settle(this.#detections, id, payload.error, payload.reports);
    else if (type === 'progress') this.#measurements.get(id)?.onProgress(payload);
    else this.#producers.get(id)?.handle(event);
  }
}

function settle<T>(
  pending: Map<number, Settle<T>>,
  id: number,
  error: NativeStatus | null,
  value: T | null,
): void {
  const promise = pending.get(id);
  pending.delete(id);
  if (value !== null) promise?.resolve(value);
  else if (error !== null) promise?.reject(toError(error));
}

/**
 * Loads the addon and starts an engine. It keeps the process alive only while a batch, a probe or a stop is
 * in flight.
 * @throws HeadendError `ADDON_NOT_FOUND`
 */
export function createNativeEngine(options: NativeEngineOptions = {}): Engine {
  return new NativeEngineAdapter(options);
}
