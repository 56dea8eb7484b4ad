// The engine over the addon: turns its numbered producers, probes and events into objects and promises.

import { type ErrorCode, HeadendError, isErrorCode, type Stage } from '../errors.js';
import { loadBinding, type NativeEngine, type NativeEvent, type NativeStatus } from './binding.js';
import { systemCaFile } from './ca-file.js';
import type {
  BatchReport,
  Engine,
  EngineProbeOptions,
  Loudness,
  MeasureOptions,
  ProbeResult,
  ProduceRequest,
  Producer,
  ProducerOptions,
  ProducerSink,
} from './engine.js';

/** The two ends of a promise that an event settles. */
interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** A measurement in flight. */
interface Measurement extends Settle<Loudness> {
  readonly onProgress: (seconds: number) => void;
}

/** Options of {@link createNativeEngine}. */
export interface NativeEngineOptions {
  /** PEM file of the authorities that https sources are checked against. Default: the system's. */
  readonly caFile?: string;
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
    this.id = native.createProducer(options);
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
    else if (type === 'segment') this.#sink.onSegment(payload);
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
  readonly #measurements = new Map<number, Measurement>();
  #closing: Promise<void> | undefined;

  constructor({ caFile = systemCaFile() }: NativeEngineOptions) {
    const { Engine } = loadBinding();
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
    start: () => number,
    keep: (id: number, settle: Settle<T>) => void,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.#closing !== undefined) throw stopped();
    const id = start();
    const cancel = (): void => this.#native.cancelProbe(id);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<T>((resolve, reject) => keep(id, { resolve, reject }));
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  createProducer(options: ProducerOptions, sink: ProducerSink): Producer {
    if (this.#closing !== undefined) throw stopped(options.channelId);
    const producer: NativeProducer = new NativeProducer(this.#native, options, sink, () => {
      this.#producers.delete(producer.id);
    });
    this.#producers.set(producer.id, producer);
    return producer;
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
    for (const probe of this.#probes.values()) probe.reject(stopped());
    this.#probes.clear();
    for (const measurement of this.#measurements.values()) measurement.reject(stopped());
    this.#measurements.clear();
  }

  #handle(event: NativeEvent): void {
    const [id, type, payload] = event;
    if (type === 'probe') {
      const probe = this.#probes.get(id);
      this.#probes.delete(id);
      if (payload.result !== null) probe?.resolve(payload.result);
      else if (payload.error !== null) probe?.reject(toError(payload.error));
    } else if (type === 'progress') {
      this.#measurements.get(id)?.onProgress(payload);
    } else if (type === 'loudness') {
      const measurement = this.#measurements.get(id);
      this.#measurements.delete(id);
      if (payload.result !== null) measurement?.resolve(payload.result);
      else if (payload.error !== null) measurement?.reject(toError(payload.error));
    } else {
      this.#producers.get(id)?.handle(event);
    }
  }
}

/**
 * Loads the addon and starts an engine. It keeps the process alive only while a batch, a probe or a stop is
 * in flight.
 * @throws HeadendError `ADDON_NOT_FOUND`
 */
export function createNativeEngine(options: NativeEngineOptions = {}): Engine {
  return new NativeEngineAdapter(options);
}
