// The Headend itself: owns the engine, the store, the channels and the HTTP server, and closes them.

import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Channel } from './channel.js';
import type { Clock } from './clock.js';
import type { Engine, Loudness, MeasureOptions, ProducerOptions } from './engine/engine.js';
import { HeadendError } from './errors.js';
import { variantOrder } from './hls/multivariant-playlist.js';
import { createHttpApp } from './http/app.js';
import { completeLadder, DEFAULT_LADDER } from './ladder.js';
import {
  CHANNEL_DEFAULTS,
  type ChannelOptions,
  ChannelOptionsSchema,
  DEFAULT_EPOCH,
  FRAME_RATE_RULE,
  HEADEND_DEFAULTS,
  type HeadendOptions,
  type Logger,
} from './options.js';
import { plannedGains } from './probe/planned-gain.js';
import { type ProbeAllOptions, type ProbeOutcome, probeAll } from './probe/probe-all.js';
import { MemoryProbeCache, type ProbeCache } from './probe/probe-cache.js';
import { type ProbeOptions, Prober, type SourceFacts } from './probe/prober.js';
import { SegmentStore } from './store/segment-store.js';
import { type ChannelState, ChannelStream } from './stream/channel-stream.js';
import type { Fault } from './stream/fault.js';
import { channelFormat, Grid } from './timeline/grid.js';
import { parseFrameRate } from './timeline/rational.js';
import { resolveSchedule } from './timeline/resolve.js';
import type { ResolvedSchedule, Schedule } from './timeline/schedule.js';
import { invalidOption, validate } from './validate.js';

// A player asks for a playlist once per target duration; a channel that stopped sooner than some of them
// without a request would stop and start all the time.
const IDLE_TARGET_DURATIONS = 3;

/** Argument of the `channel` event: a channel changed its state. */
export interface ChannelEvent {
  readonly channelId: string;
  readonly state: ChannelState;
}

/** The events of a {@link Headend} and their arguments. */
export interface HeadendEvents {
  /** Something went wrong; the channel stays on the air. */
  fault: [Fault];
  /** A channel changed its state. */
  channel: [ChannelEvent];
}

/** Where {@link Headend.listen} listens. */
export interface ListenOptions {
  /** TCP port; 0 takes a free one. Default 8080. */
  readonly port?: number;
  /** Address of the interface. Default: `localhost`. */
  readonly host?: string;
}

/** What a {@link Headend} works with. */
export interface HeadendParts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Closed with the Headend. Default: one in memory. */
  readonly probeCache?: ProbeCache;
}

/** The channels of a {@link Headend}. */
export interface Channels {
  /**
   * Adds a channel; it is on the air at once, and encoded when somebody watches.
   * @throws HeadendError `INVALID_OPTIONS`, `CHANNEL_EXISTS`, `CLOSED`; what the probe of a programme
   * without explicit duration throws (`SOURCE_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_INVALID`, `SOURCE_TIMEOUT`).
   */
  add(options: ChannelOptions): Promise<Channel>;
  /** @throws HeadendError `CHANNEL_NOT_FOUND` */
  get(id: string): Channel;
  /** All channels in the order they were added. */
  list(): Channel[];
  /**
   * Takes a channel off the air; viewers who wait get `CLOSED`. Resolves when its threads are joined.
   * @throws HeadendError `CHANNEL_NOT_FOUND`
   */
  remove(id: string): Promise<void>;
}

interface Entry {
  readonly channel: Channel;
  readonly stream: ChannelStream;
}

/** Plays schedules as live channels. Made by `createHeadend`. */
export class Headend extends EventEmitter<HeadendEvents> implements AsyncDisposable {
  /** Add, find and remove channels. */
  readonly channels: Channels;
  /** The logger that was given, if any. */
  readonly logger: Logger | undefined;
  readonly #options: HeadendOptions;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #probeCache: ProbeCache;
  readonly #prober: Prober;
  readonly #store: SegmentStore;
  readonly #fontFile: string;
  // Bounded by what the embedding program adds. An id is reserved while its sources are being probed.
  readonly #entries = new Map<string, Entry>();
  readonly #adding = new Set<string>();
  readonly #closing = new AbortController();
  #app: FastifyInstance | undefined;
  #closed: Promise<void> | null = null;

  private constructor(
    options: HeadendOptions,
    { engine, clock, probeCache = new MemoryProbeCache() }: HeadendParts,
  ) {
    super();
    this.#options = options;
    this.logger = options.logger;
    this.#engine = engine;
    this.#clock = clock;
    this.#probeCache = probeCache;
    this.#prober = new Prober(engine, probeCache);
    this.#store = new SegmentStore({
      clock,
      maxBytes: options.storeBytes ?? HEADEND_DEFAULTS.storeBytes,
    });
    this.#fontFile = options.fontFile ?? defaultFontFile();
    this.channels = {
      add: (channel) => this.#add(channel),
      get: (id) => this.#entry(id).channel,
      list: () => Array.from(this.#entries.values(), ({ channel }) => channel),
      remove: (id) => this.#remove(id),
    };
  }

  /** Use `createHeadend`, which brings the native engine. */
  static async create(options: HeadendOptions, parts: HeadendParts): Promise<Headend> {
    const headend = new Headend(options, parts);
    headend.#app = await createHttpApp(headend);
    return headend;
  }

  /** Bytes that finished segments occupy in memory. */
  get storeBytes(): number {
    return this.#store.bytes;
  }

  /** Answers Headend's routes in any Node HTTP server: `http.createServer(headend.handler)`. */
  get handler(): (request: IncomingMessage, response: ServerResponse) => void {
    return this.#http().routing;
  }

  /**
   * Looks at a source: streams, duration, title, loudness where it is known or asked for. A file that has not changed
   * since is not looked at again.
   * @throws HeadendError `SOURCE_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_INVALID`, `SOURCE_TIMEOUT`, `CLOSED`; the
   * signal's reason.
   */
  async probe(source: string, options: ProbeOptions = {}): Promise<SourceFacts> {
    return this.#prober.probe(source, { ...options, signal: this.#untilClosed(options.signal) });
  }

  /**
   * Looks at many sources, a few at a time, and gives what came of each as soon as it is known; one that cannot be
   * read is an outcome with an error.
   * @throws HeadendError `INVALID_OPTIONS`, `CLOSED`; the signal's reason.
   */
  async *probeAll(
    sources: Iterable<string>,
    options: ProbeAllOptions = {},
  ): AsyncGenerator<ProbeOutcome, void, void> {
    const { concurrency = 1 } = options;
    if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 64)) {
      throw invalidOption(
        'probeAll',
        'concurrency',
        'must be a whole number, 1 to 64',
        concurrency,
      );
    }
    const signal = this.#untilClosed(options.signal);
    yield* probeAll(this.#prober, sources, { ...options, signal });
  }

  /**
   * Measures how loud a source is, by EBU R 128: decodes all of its sound, on a thread that gives way to all others.
   * That of a whole file is remembered like everything that `probe` finds out.
   * @throws HeadendError as `probe` does; `SOURCE_INVALID` when there is no sound; `DECODE_FAILED`.
   */
  async measureLoudness(source: string, options: MeasureOptions = {}): Promise<Loudness> {
    const signal = this.#untilClosed(options.signal);
    return this.#prober.measureLoudness(source, { ...options, signal });
  }

  #untilClosed(signal: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal;
    closing.throwIfAborted();
    return signal ? AbortSignal.any([signal, closing]) : closing;
  }

  /**
   * Serves the channels over HTTP and resolves with the address, as `http://localhost:8080`: with `host` as
   * it was given where that is a name.
   * @throws the system's error, for example with code `EADDRINUSE`; HeadendError `CLOSED`.
   */
  async listen({ port = 8080, host = 'localhost' }: ListenOptions = {}): Promise<string> {
    const url = await this.#http().listen({ port, host });
    // Fastify names the address it is bound to.
    return host === '' || isIP(host) ? url : `http://${host}:${new URL(url).port}`;
  }

  /** Ends every channel, closes the HTTP server and joins every thread. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new HeadendError('CLOSED', 'engine', 'Headend is closed'));
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    try {
      await Promise.all([this.#app?.close(), ...entries.map(({ stream }) => stream.close())]);
    } finally {
      await this.#engine.close();
      this.#probeCache.close();
    }
  }

  async #add(options: ChannelOptions): Promise<Channel> {
    const signal = this.#closing.signal;
    signal.throwIfAborted();
    const valid: ChannelOptions = validate('channels.add', ChannelOptionsSchema, options);
    if (this.#entries.has(valid.id) || this.#adding.has(valid.id)) {
      throw new HeadendError(
        'CHANNEL_EXISTS',
        'options',
        `there is a channel ${valid.id} already`,
        {
          channelId: valid.id,
        },
      );
    }
    this.#adding.add(valid.id);
    try {
      const entry = await this.#createEntry(valid, signal);
      signal.throwIfAborted();
      this.#entries.set(valid.id, entry);
      return entry.channel;
    } finally {
      this.#adding.delete(valid.id);
    }
  }

  async #createEntry(options: ChannelOptions, signal: AbortSignal): Promise<Entry> {
    const { id, name = id, audioBitrate = CHANNEL_DEFAULTS.audioBitrate } = options;
    const clock = this.#clock;
    const store = this.#store;
    const rungs = completeLadder(options.ladder ?? DEFAULT_LADDER);
    if (new Set(rungs.map((rung) => rung.id)).size < rungs.length) {
      const ids = rungs.map((rung) => rung.id);
      throw invalidOption('channels.add', 'ladder', 'must have a different id for every rung', ids);
    }
    const frameRate = parseFrameRate(options.frameRate ?? CHANNEL_DEFAULTS.frameRate);
    const epoch = new Date(options.epoch ?? DEFAULT_EPOCH);
    if (!frameRate) {
      throw invalidOption('channels.add', 'frameRate', FRAME_RATE_RULE, options.frameRate);
    }
    if (epoch.getTime() > clock.now()) {
      throw invalidOption('channels.add', 'epoch', 'must not be in the future', epoch);
    }
    const format = channelFormat(
      frameRate,
      options.segmentDuration ?? CHANNEL_DEFAULTS.segmentDuration,
    );
    const grid = new Grid(epoch.getTime(), format);
    const { loudness = {} } = options;
    const gains =
      loudness === false
        ? undefined
        : await plannedGains(filesOf(options.schedule), this.#prober, loudness, signal);
    const schedule = await resolveSchedule(
      options.schedule,
      grid,
      (url, stop) => this.#prober.probe(url, stop ? { signal: stop } : {}),
      signal,
      gains,
    );
    const producer: ProducerOptions = {
      channelId: id,
      title: name,
      format,
      rungs,
      audioBitrate,
      fontFile: this.#fontFile,
    };
    const stream = new ChannelStream({
      engine: this.#engine,
      store,
      clock,
      grid,
      schedule,
      producer,
      startRung: variantOrder(rungs)[0]?.id ?? '',
      playlistSegments: this.#options.playlistSegments ?? HEADEND_DEFAULTS.playlistSegments,
      idleMs: Math.max(
        this.#options.idleMs ?? HEADEND_DEFAULTS.idleMs,
        IDLE_TARGET_DURATIONS * grid.targetDuration * 1000,
      ),
      onFault: (fault) => this.#onFault(fault),
      onState: (state) => this.#onState({ channelId: id, state }),
    });
    const channel = new Channel({
      id,
      name,
      rungs,
      audioBitrate,
      grid,
      schedule,
      edition: editionOf(epoch, producer, schedule),
      stream,
      store,
    });
    return { channel, stream };
  }

  async #remove(id: string): Promise<void> {
    const { stream } = this.#entry(id);
    this.#entries.delete(id);
    await stream.close();
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry) return entry;
    throw new HeadendError('CHANNEL_NOT_FOUND', 'http', `there is no channel ${id}`, {
      channelId: id,
    });
  }

  #http(): FastifyInstance {
    this.#closing.signal.throwIfAborted();
    if (!this.#app) throw new HeadendError('CLOSED', 'http', 'the HTTP side is not built yet');
    return this.#app;
  }

  // A listener or a logger that throws is an uncaught exception of the program, and never unwinds production.
  #tell(event: () => void): void {
    queueMicrotask(event);
  }

  #onFault(fault: Fault): void {
    this.#tell(() => {
      this.logger?.warn({ fault }, fault.message);
      this.emit('fault', fault);
    });
  }

  #onState(event: ChannelEvent): void {
    this.#tell(() => {
      this.logger?.info(event, `channel ${event.channelId} is ${event.state}`);
      this.emit('channel', event);
    });
  }
}

function* filesOf({ programmes }: Schedule): Generator<string, void, void> {
  for (const { source } of programmes) if (typeof source === 'string') yield source;
}

function defaultFontFile(): string {
  return createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
}

function editionOf(
  epoch: Date,
  { format, rungs, audioBitrate }: ProducerOptions,
  { identity }: ResolvedSchedule,
): string {
  const made = JSON.stringify([epoch, format, rungs, audioBitrate, identity]);
  return createHash('sha256').update(made).digest('hex').slice(0, 8);
}
