// The engine over the addon: turns its numbered producers, probes and events into objects and promises.

import { type ErrorCode, HeadendError, isErrorCode, type Stage } from '../errors.js';
import { loadBinding, type NativeEngine, type NativeEvent, type NativeStatus } from './binding.js';
import type {
  BatchReport,
  EncoderReport,
  Engine,
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

/** How long one encoder may take to answer when it is tried: drivers start slowly, but not that slowly. */
const ENCODER_PATIENCE_MS = 15_000;

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
  readonly #probes = new Map<number, Settle<ProbeResult>>();
  #hardware: Promise<readonly EncoderReport[]> | undefined;
  #detection: Settle<readonly EncoderReport[]> | undefined;
  #closing: Promise<void> | undefined;

  constructor(addon?: string) {
    const { Engine } = loadBinding(addon);
    this.#native = new Engine((...event) => this.#handle(event));
  }

  async probe(url: string, signal?: AbortSignal): Promise<ProbeResult> {
    signal?.throwIfAborted();
    if (this.#closing !== undefined) throw stopped();
    const id = this.#native.probe(url);
    const cancel = (): void => this.#native.cancelProbe(id);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<ProbeResult>((resolve, reject) => {
        this.#probes.set(id, { resolve, reject });
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  async hardware(): Promise<readonly EncoderReport[]> {
    if (this.#closing !== undefined) throw stopped();
    this.#hardware ??= new Promise((resolve, reject) => {
      this.#detection = { resolve, reject };
      this.#native.detectEncoders(ENCODER_PATIENCE_MS);
    });
    return this.#hardware;
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
    await Promise.all([...this.#producers.values()].map((producer) => producer.stop()));
    this.#native.close();
    this.#detection?.reject(stopped());
    for (const probe of this.#probes.values()) probe.reject(stopped());
    this.#probes.clear();
  }

  #handle(event: NativeEvent): void {
    const [id, type, payload] = event;
    if (type === 'hardware') {
      this.#detection?.resolve(payload);
      return;
    }
    if (type !== 'probe') {
      this.#producers.get(id)?.handle(event);
      return;
    }
    const probe = this.#probes.get(id);
    this.#probes.delete(id);
    if (payload.result !== null) probe?.resolve(payload.result);
    else if (payload.error !== null) probe?.reject(toError(payload.error));
  }
}

/**
 * Loads the addon and starts an engine. It keeps the process alive only while a batch, a probe or a stop is
 * in flight.
 * @param options.addon The addon's file. Default: a build of this checkout, else the package's own.
 * @throws HeadendError `ADDON_NOT_FOUND`
 */
export function createNativeEngine({ addon }: { readonly addon?: string } = {}): Engine {
  return new NativeEngineAdapter(addon);
}
