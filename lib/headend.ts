// The Headend itself: owns the engine, the store, the channels and the HTTP server, and closes them.

import { createHash } from 'node:crypto';
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { Channel } from './channel.js';
import { ChannelNumbers } from './channel-numbers.js';
import type { Clock } from './clock.js';
import {
  type EncoderReport,
  type Engine,
  type Loudness,
  type MeasureOptions,
  type ProducerOptions,
  SOFTWARE_ENCODER,
} from './engine/engine.js';
import { HeadendError } from './errors.js';
import { variantOrder } from './hls/multivariant-playlist.js';
import { TsSegments } from './hls/ts-segments.js';
import { createHttpApp } from './http/app.js';
import { listenOn } from './http/listen.js';
import type { HttpOptions } from './http/options.js';
import type { FileJournal } from './journal/journal.js';
import { completeLadder, DEFAULT_LADDER, withoutUpscaling } from './ladder.js';
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
import { SavedChannels } from './saved-channels.js';
import type { DiskStatus, SegmentFiles } from './store/segment-files.js';
import { SegmentStore } from './store/segment-store.js';
import type { ChannelStream } from './stream/channel-stream.js';
import type { Fault } from './stream/fault.js';
import type {
  BatchEvent,
  ChannelEvent,
  SessionEvent,
  StreamEvents,
  WarningEvent,
} from './stream/stream-events.js';
import { type CapacityStatus, StreamManager } from './stream/stream-manager.js';
import { WorkScheduler } from './stream/work-scheduler.js';
import { ChannelSchedule } from './timeline/channel-schedule.js';
import { channelFormat, Grid } from './timeline/grid.js';
import type { ScheduleProblem } from './timeline/problem.js';
import { parseFrameRate } from './timeline/rational.js';
import { invalidOption, validate } from './validate.js';

// Part of the memory for segments that is used besides it to keep MPEG-TS segments: they can be made again any time.
const TS_SHARE = 8;

/** The events of a {@link Headend} and their arguments. */
export interface HeadendEvents {
  /** Something went wrong; the channel stays on the air. */
  fault: [Fault];
  /** A channel changed its state. */
  channel: [ChannelEvent];
  /** A batch was begun, was made, failed (and is tried again) or was given up. */
  batch: [BatchEvent];
  /** A viewer came or went. */
  session: [SessionEvent];
  /** A channel takes nearly as long to make as to play, or the disk is nearly full: once, until that has passed. */
  warning: [WarningEvent];
}

/** How a Headend is doing. */
export interface HeadendStatus extends CapacityStatus {
  /** How many channels there are, watched or not. */
  readonly channels: number;
  /** Bytes that finished segments occupy in memory. */
  readonly storeBytes: number;
  /** Bytes that they may occupy at most. */
  readonly maxStoreBytes: number;
  /** How the disk tier is doing; null without `diskStore`. */
  readonly disk: DiskStatus | null;
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
  /** Where what happens is written down; closed with the Headend. Default: nowhere. */
  readonly journal?: FileJournal | null;
  /** Closed with the Headend. Default: one in memory. */
  readonly probeCache?: ProbeCache;
  /** Where segments go that memory has no room for; closed with the Headend. Default: nowhere. */
  readonly segmentFiles?: SegmentFiles | null;
}

/** The channels of a {@link Headend}. */
export interface Channels {
  /**
   * Adds a channel; it is on the air at once, and encoded when somebody watches.
   * A programme that cannot be measured is left out, with a fault and an entry in `channel.problems`.
   * @throws HeadendError `INVALID_OPTIONS`, `CHANNEL_EXISTS`, `CLOSED`; when no programme can be played, the
   * first one's error (`SOURCE_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_INVALID`, `SOURCE_TIMEOUT`); for a computed
   * schedule `SCHEDULE_EMPTY`, `SCHEDULE_FAILED`.
   */
  add(options: ChannelOptions): Promise<Channel>;
  /**
   * Adds a channel, in the place of the one with the same id if there is one: that stays on the air until
   * everything about the new one is known to be right.
   * @throws HeadendError as `add`; `CHANNEL_EXISTS` only while another call adds that id.
   */
  put(options: ChannelOptions): Promise<Channel>;
  /** @throws HeadendError `CHANNEL_NOT_FOUND` */
  get(id: string): Channel;
  /** All channels in the order they were added; one that was replaced keeps its place. */
  list(): Channel[];
  /**
   * Takes a channel off the air; viewers who wait get `CLOSED`. Resolves when its threads are joined.
   * @throws HeadendError `CHANNEL_NOT_FOUND`
   */
  remove(id: string): Promise<void>;
}

/** Plays schedules as live channels. Made by `createHeadend`. */
export class Headend extends EventEmitter<HeadendEvents> implements AsyncDisposable {
  /** Add, find and remove channels. */
  readonly channels: Channels;
  /** The logger that was given, if any. */
  readonly logger: Logger | undefined;
  /** How the channels are served over HTTP, as it was given. */
  readonly http: HttpOptions;
  /** The time that everything here goes by. */
  readonly clock: Clock;
  /** The journal, if one is kept: the as-run log, faults and sessions. */
  readonly journal: FileJournal | null;
  /** The channels that the journal brings back after a restart. */
  readonly saved: SavedChannels;
  readonly #options: HeadendOptions;
  readonly #engine: Engine;
  readonly #probeCache: ProbeCache;
  readonly #prober: Prober;
  readonly #store: SegmentStore;
  readonly #segmentFiles: SegmentFiles | null;
  readonly #streams: StreamManager;
  readonly #tsSegments: TsSegments;
  readonly #fontFile: string;
  // Bounded by what the embedding program adds. An id is reserved while its sources are being probed.
  readonly #channels = new Map<string, Channel>();
  readonly #numbers = new ChannelNumbers();
  readonly #adding = new Set<string>();
  readonly #closing = new AbortController();
  #app: FastifyInstance | undefined;
  #closed: Promise<void> | null = null;

  private constructor(options: HeadendOptions, parts: HeadendParts) {
    super();
    const { engine, clock, journal = null, segmentFiles = null } = parts;
    const { probeCache = new MemoryProbeCache() } = parts;
    this.#options = options;
    this.logger = options.logger;
    this.#engine = engine;
    this.#probeCache = probeCache;
    this.#prober = new Prober(engine, probeCache);
    this.http = options.http ?? {};
    this.clock = clock;
    const maxBytes = options.storeBytes ?? HEADEND_DEFAULTS.storeBytes;
    this.#segmentFiles = segmentFiles;
    this.#store = new SegmentStore({ clock, maxBytes, files: segmentFiles });
    this.#tsSegments = new TsSegments({ engine, maxBytes: maxBytes / TS_SHARE });
    this.#fontFile = options.fontFile ?? defaultFontFile();
    this.journal = journal;
    this.#streams = new StreamManager({
      engine,
      store: this.#store,
      clock,
      events: this.#events(),
      journal,
      scheduler: new WorkScheduler({
        clock,
        slots: options.segmentsInWork ?? Math.max(2, Math.ceil(availableParallelism() / 2)),
      }),
      admission: options.admission ?? HEADEND_DEFAULTS.admission,
      coordinatorIntervalMs:
        options.coordinatorIntervalMs ?? HEADEND_DEFAULTS.coordinatorIntervalMs,
    });
    this.channels = {
      add: (channel) => this.#add(channel, false),
      put: (channel) => this.#add(channel, true),
      get: (id) => this.#channel(id),
      list: () => [...this.#channels.values()],
      remove: (id) => this.#remove(id),
    };
    this.saved = new SavedChannels({ channels: this.channels, journal, clock });
  }

  /**
   * Use `createHeadend`, which brings the native engine.
   * @internal
   */
  static async create(options: HeadendOptions, parts: HeadendParts): Promise<Headend> {
    const headend = new Headend(options, parts);
    headend.#app = await createHttpApp(headend);
    return headend;
  }

  /** Bytes that finished segments occupy in memory. */
  get storeBytes(): number {
    return this.#store.bytes + this.#tsSegments.bytes;
  }

  /** How busy the machine is with the channels. */
  status(): HeadendStatus {
    return {
      ...this.#streams.status(),
      channels: this.#channels.size,
      storeBytes: this.storeBytes,
      maxStoreBytes: this.#options.storeBytes ?? HEADEND_DEFAULTS.storeBytes,
      disk: this.#store.disk,
    };
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
    const { concurrency } = options;
    if (concurrency !== undefined && !isConcurrency(concurrency)) {
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
   * Which encoders work on this machine, the best first, and why the others do not: each is opened and encodes
   * a few seconds of real frames, once, and so is the device that files can be decoded and scaled on for it. With
   * `hardware: 'auto'` channels use the first that works.
   * @throws HeadendError `CLOSED`
   */
  hardware(): Promise<readonly EncoderReport[]> {
    return this.#hardware();
  }

  async #hardware(encoder?: string): Promise<readonly EncoderReport[]> {
    this.#closing.signal.throwIfAborted();
    try {
      return await this.#engine.hardware(encoder);
    } catch (error) {
      this.#closing.signal.throwIfAborted();
      throw error;
    }
  }

  /**
   * Serves the channels over HTTP and resolves with the address, as `http://localhost:8080`: with `host` as
   * it was given where that is a name.
   * @throws the system's error, for example with code `EADDRINUSE`; HeadendError `CLOSED`.
   */
  async listen({ port = 8080, host = 'localhost' }: ListenOptions = {}): Promise<string> {
    return listenOn(this.#http(), { port, host });
  }

  /**
   * Tells a fault of the journal or of the disk tier.
   * @internal
   */
  reportFault({ code, stage, message, channelId = '' }: HeadendError): void {
    const fault: Fault = { code, stage, message, channelId, averror: 0, source: '', airsAt: null };
    if (stage !== 'journal') {
      void this.journal?.record({ type: 'fault', atMs: this.clock.now(), fault });
    }
    this.#onFault(fault);
  }

  /**
   * Tells that the disk of the segments is nearly full.
   * @internal
   */
  reportLowDisk(freeBytes: number, message: string): void {
    this.#events().warning({ channelId: '', type: 'disk-low', freeBytes, message });
  }

  /** Ends every channel, closes the HTTP server and joins every thread. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** The same as {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new HeadendError('CLOSED', 'engine', 'Headend is closed'));
    this.#channels.clear();
    try {
      await Promise.all([this.#app?.close(), this.#streams.shutdown()]);
    } finally {
      await this.#engine.close();
      await this.#segmentFiles?.close();
      await this.journal?.close();
      this.#probeCache.close();
    }
  }

  async #add(options: ChannelOptions, replace: boolean): Promise<Channel> {
    const signal = this.#closing.signal;
    signal.throwIfAborted();
    const valid: ChannelOptions = validate('channels.add', ChannelOptionsSchema, options);
    if ((this.#channels.has(valid.id) && !replace) || this.#adding.has(valid.id)) {
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
      return await this.#createChannel(valid, signal);
    } finally {
      this.#adding.delete(valid.id);
    }
  }

  async #createChannel(options: ChannelOptions, signal: AbortSignal): Promise<Channel> {
    const { id, name = id, audioBitrate = CHANNEL_DEFAULTS.audioBitrate } = options;
    const { clock } = this;
    const ladder = completeLadder(options.ladder ?? DEFAULT_LADDER);
    if (new Set(ladder.map((rung) => rung.id)).size < ladder.length) {
      const ids = ladder.map((rung) => rung.id);
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
    const {
      playlistSegments = HEADEND_DEFAULTS.playlistSegments,
      batchSegments = HEADEND_DEFAULTS.batchSegments,
      batchThreshold = HEADEND_DEFAULTS.batchThreshold,
      idleMs = HEADEND_DEFAULTS.idleMs,
      viewerTimeoutMs = idleMs,
    } = this.#options;
    const { loudness = {} } = options;
    // Problems of the schedule wait for the stream that tells of them.
    const problems: Fault[] = [];
    let stream: ChannelStream | undefined;
    const schedule = await ChannelSchedule.create(options.schedule, {
      grid,
      clock,
      playlistSegments,
      probe: (url, stop) => this.#prober.probe(url, stop ? { signal: stop } : {}),
      gains: (files, stop) =>
        loudness === false
          ? Promise.resolve(new Map())
          : plannedGains(files, this.#prober, loudness, stop),
      check: options.checkSources,
      onProblem: (problem) => {
        const fault = problemFault(id, problem);
        if (stream) stream.fault(fault);
        else problems.push(fault);
      },
      signal,
    });
    const rungs = options.upscale ? ladder : withoutUpscaling(ladder, schedule.pictureSizes);
    const producer: ProducerOptions = {
      channelId: id,
      title: name,
      format,
      rungs,
      audioBitrate,
      ...(await this.#encoder()),
      fontFile: this.#fontFile,
    };
    // The one in its place is gone at once, its threads are joined while the new one is on the air already.
    const replaced = this.#channels.has(id) ? this.#streams.remove(id) : undefined;
    stream = this.#streams.add({
      grid,
      schedule,
      producer,
      startRung: variantOrder(rungs)[0]?.id ?? '',
      playlistSegments,
      batch: { segments: batchSegments, threshold: batchThreshold },
      graceMs: idleMs,
      viewerTimeoutMs,
    });
    for (const fault of problems) stream.fault(fault);
    const channel = new Channel({
      id,
      name,
      logo: options.logo ?? null,
      group: options.group ?? null,
      language: canonical(options.language ?? CHANNEL_DEFAULTS.language),
      numberOf: (channelId) => this.#numbers.of(channelId),
      rungs,
      audioBitrate,
      grid,
      schedule,
      editionOf: (identity) => editionOf(epoch, producer, identity),
      container: options.container ?? CHANNEL_DEFAULTS.container,
      stream,
      store: this.#store,
      clock,
      tsSegments: this.#tsSegments,
    });
    this.#channels.set(id, channel);
    this.#numbers.set(id, options.number);
    await replaced;
    signal.throwIfAborted();
    return channel;
  }

  // What channels that are added now begin with.
  async #encoder(): Promise<{ encoder: string; device: boolean }> {
    const { hardware = 'auto', hardwareDecoding = true } = this.#options;
    // A name needs no trial for itself, but its device does.
    if (hardware === 'software' || (hardware !== 'auto' && !hardwareDecoding)) {
      return { encoder: hardware, device: false };
    }
    const reports = await this.#hardware(hardware === 'auto' ? undefined : hardware);
    const best = reports.find(({ works }) => works);
    return {
      encoder: hardware === 'auto' ? (best?.name ?? SOFTWARE_ENCODER) : hardware,
      device: hardwareDecoding && best?.device?.works === true,
    };
  }

  async #remove(id: string): Promise<void> {
    this.#channel(id);
    this.#channels.delete(id);
    this.#numbers.delete(id);
    await this.#streams.remove(id);
  }

  #channel(id: string): Channel {
    const channel = this.#channels.get(id);
    if (channel) return channel;
    throw new HeadendError('CHANNEL_NOT_FOUND', 'http', `there is no channel ${id}`, {
      channelId: id,
    });
  }

  #http(): FastifyInstance {
    this.#closing.signal.throwIfAborted();
    if (!this.#app) throw new HeadendError('CLOSED', 'http', 'the HTTP side is not built yet');
    return this.#app;
  }

  #onFault(fault: Fault): void {
    this.#tell('fault', fault, () => {
      this.logger?.warn({ fault }, fault.message);
      this.emit('fault', fault);
    });
  }

  #events(): StreamEvents {
    return {
      fault: (fault) => this.#onFault(fault),
      channel: (event) =>
        this.#tell('channel', event, () => {
          this.logger?.info(event, `channel ${event.channelId} is ${event.state}`);
          this.emit('channel', event);
        }),
      batch: (event) => this.#tell('batch', event, () => this.emit('batch', event)),
      session: (event) => this.#tell('session', event, () => this.emit('session', event)),
      warning: (event) =>
        this.#tell('warning', event, () => {
          this.logger?.warn(event, event.message);
          this.emit('warning', event);
        }),
    };
  }

  // A listener or a logger that throws is an uncaught exception of the program, and never unwinds production.
  #tell(name: keyof HeadendEvents, event: object, emit: () => void): void {
    queueMicrotask(() => {
      diagnosticsChannel(`headend:${name}`).publish(event);
      emit();
    });
  }
}

function problemFault(channelId: string, { index: _, ...problem }: ScheduleProblem): Fault {
  return { ...problem, channelId, airsAt: null };
}

function isConcurrency(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 64;
}

// `pt-BR` for `PT-br`.
function canonical(language: string): string {
  return Intl.getCanonicalLocales(language)[0] ?? language;
}

function defaultFontFile(): string {
  return createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
}

function editionOf(
  epoch: Date,
  { format, rungs, audioBitrate }: ProducerOptions,
  identity: string,
): string {
  const made = JSON.stringify([epoch, format, rungs, audioBitrate, identity]);
  return createHash('sha256').update(made).digest('hex').slice(0, 8);
}
