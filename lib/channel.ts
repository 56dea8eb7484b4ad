// A channel as the embedding program sees it: what it airs, its playlists and its segments.

import type {
  ChannelSegment,
  ChannelStatus,
  OnAir,
  OpenSegment,
  PlaylistOptions,
  PositionReport,
  RenditionStatus,
  SegmentRequest,
  SegmentsOptions,
  SetScheduleOptions,
  TransportStreamOptions,
} from './channel-types.js';
import type { Clock } from './clock.js';
import { AUDIO_RENDITION, type Rung } from './engine/engine.js';
import { HeadendError } from './errors.js';
import { type Container, segmentTag } from './hls/container.js';
import { writeMediaPlaylist } from './hls/media-playlist.js';
import { variantOrder, writeMultivariantPlaylist } from './hls/multivariant-playlist.js';
import type { StoredTrack, TsSegment, TsSegments } from './hls/ts-segments.js';
import { readTransportStream } from './hls/ts-stream.js';
import { isSessionId, newSessionId } from './session/session-id.js';
import type { ChannelState } from './session/stream-session.js';
import { SegmentInProgress } from './store/segment-in-progress.js';
import type { SegmentStore, StoredInit, StoredSegment } from './store/segment-store.js';
import type { ChannelStream, PositionAnswer } from './stream/channel-stream.js';
import type { ViewerRequest } from './stream/viewer-requests.js';
import type { ChannelSchedule } from './timeline/channel-schedule.js';
import type { Grid } from './timeline/grid.js';
import { type Guide, guide } from './timeline/guide.js';
import { parseInstant } from './timeline/instant.js';
import type { ScheduleProblem } from './timeline/problem.js';
import { type Airing, isSchedule, type Schedule } from './timeline/schedule.js';
import type { SegmentRange } from './timeline/window.js';
import { invalidOption } from './validate.js';

/** What a {@link Channel} is made from. */
export interface ChannelParts {
  readonly id: string;
  readonly name: string;
  readonly logo: string | null;
  readonly group: string | null;
  readonly language: string;
  readonly numberOf: (channelId: string) => string;
  readonly rungs: readonly Rung[];
  readonly audioBitrate: number;
  readonly grid: Grid;
  readonly schedule: ChannelSchedule;
  /** The edition of a segment from the identity of what airs in it. */
  readonly editionOf: (identity: string) => string;
  readonly container: Container;
  readonly stream: ChannelStream;
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly tsSegments: TsSegments;
}

/** A live channel. Made by `headend.channels.add`. */
export class Channel {
  /** Name in URLs. */
  readonly id: string;
  /** Name for viewers. */
  readonly name: string;
  /** A picture for lists of channels, as a URL or a path; null for none. */
  readonly logo: string | null;
  /** Heading under which apps list the channel; null for none. */
  readonly group: string | null;
  /** BCP 47 tag of the language; `und` where it is not known. */
  readonly language: string;
  /** The video encodes, largest first. */
  readonly rungs: readonly Rung[];
  readonly #parts: ChannelParts;

  /**
   * Use `headend.channels.add`.
   * @internal
   */
  constructor(parts: ChannelParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.logo = parts.logo;
    this.group = parts.group;
    this.language = parts.language;
    this.rungs = parts.rungs;
    this.#parts = parts;
  }

  /**
   * The number on the remote control: the one that was chosen, else the smallest whole number that no channel has, which
   * may change as channels come and go. Empty once the channel is removed.
   */
  get number(): string {
    return this.#parts.numberOf(this.id);
  }

  /** Whether the channel is being made now. */
  get state(): ChannelState {
    return this.#parts.stream.state;
  }

  /** The segments that playlists list now; null while nobody watches. */
  get window(): SegmentRange | null {
    return this.#parts.stream.window;
  }

  /** Ids of the rungs that are being encoded, largest first. */
  get rungsInDemand(): string[] {
    return this.#parts.stream.rungsInDemand;
  }

  /** How many viewers are present: sessions, and all requests without one together. */
  get viewers(): number {
    return this.#parts.stream.viewerCount;
  }

  /** State, viewers, batch, production and the last fault, for people and for metrics. */
  status(): ChannelStatus {
    const { stream, clock, grid } = this.#parts;
    const sinceMonotonic = clock.now() - clock.monotonic();
    const onAir = grid.segmentAt(stream.now());
    const { num, den } = grid.segmentDuration;
    return {
      state: stream.state,
      onAir: { segmentNumber: onAir, startsAt: new Date(grid.instantOfSegment(onAir)) },
      segmentDuration: num / den,
      renditions: this.#renditions(),
      viewers: stream.viewers().map(({ sessionId, seenAt, position }) => ({
        sessionId,
        seenAt: new Date(sinceMonotonic + seenAt),
        rendition: position?.rendition ?? null,
        segmentNumber: position?.segmentNumber ?? null,
      })),
      batch: stream.batch,
      segmentsRemaining: stream.segmentsRemaining,
      rungsInDemand: stream.rungsInDemand,
      window: stream.window,
      production: stream.production,
      lastFault: stream.lastFault,
    };
  }

  /**
   * Notes that a viewer is present, under an id of its own or a new one, and starts the channel. Repeatable. Requests
   * with the session id do the same; the viewer is forgotten half a minute (`viewerTimeoutMs`) after the last one.
   * @throws HeadendError `INVALID_REQUEST` for an id that cannot stand in a URL, `CAPACITY_EXCEEDED`, `CLOSED`,
   * `SCHEDULE_NOT_STARTED`, `SCHEDULE_ENDED`
   */
  async register(sessionId?: string): Promise<{
    /** The id that was given, or the new one. */
    readonly sessionId: string;
  }> {
    requireSessionId(sessionId);
    return this.#parts.stream.register(sessionId);
  }

  /** Forgets a viewer who left. Repeatable: who is not there cannot leave. */
  leave(sessionId: string): void {
    this.#parts.stream.unregister(sessionId);
  }

  /**
   * Takes the position of a viewer; a segment request with a session id implies one. Numbers beyond what exists are
   * taken for the nearest segment that does.
   * @throws HeadendError `RENDITION_NOT_FOUND`; `SESSION_NOT_FOUND` for a viewer who is not present.
   */
  reportPosition({ sessionId, rendition, segmentNumber }: PositionReport): PositionAnswer {
    this.#requireRendition(rendition);
    if (!Number.isInteger(segmentNumber)) {
      const where = 'channel.reportPosition';
      throw invalidOption(where, 'segmentNumber', 'must be a whole number', segmentNumber);
    }
    return this.#parts.stream.reportPosition({ sessionId, rendition, segmentNumber });
  }

  /**
   * Stops making segments and forgets the viewers; resolves when every thread is joined. The next request starts the
   * channel again, at what is on then.
   */
  stop(): Promise<void> {
    return this.#parts.stream.stop();
  }

  /** EXT-X-TARGETDURATION of every playlist of the channel, in seconds. */
  get targetDuration(): number {
    return this.#parts.grid.targetDuration;
  }

  /** What is wrong with the schedule that was given last: programmes left out, or not filled by their file. */
  get problems(): readonly ScheduleProblem[] {
    return this.#parts.schedule.problems;
  }

  /** Edition of the segment on air. */
  get edition(): string {
    const { grid, stream } = this.#parts;
    return this.editionOf(grid.segmentAt(stream.now()));
  }

  /**
   * A hash of what a segment is made from: grid, ladder and schedule. Its name depends on it, so that a name never
   * means two things, whatever changes.
   */
  editionOf(sequence: number): string {
    const { schedule, editionOf } = this.#parts;
    return editionOf(schedule.identityOfSegment(sequence));
  }

  /**
   * Changes what airs, while the channel is on the air: at the instant asked for, or as soon as it can be.
   * What a playlist has listed and what is made ahead stays: with the default batches 28 to 68 s where somebody watches,
   * nothing where nobody does. Whatever was to follow is dropped. Resolves with the instant of the change; when it fails
   * everything stays as it was.
   * @throws HeadendError `INVALID_OPTIONS`, `CLOSED`; what `channels.add` throws for a schedule in which
   * nothing can be played; the signal's reason.
   */
  async setSchedule(schedule: Schedule, options: SetScheduleOptions = {}): Promise<Date> {
    if (!isSchedule(schedule)) {
      const expected = 'must be a schedule made by loop(), at() or compute()';
      throw invalidOption('channel.setSchedule', 'schedule', expected, schedule);
    }
    const { grid, stream, schedule: airing } = this.#parts;
    const { from, signal } = options;
    const frame = await airing.change(schedule, {
      fromMs: from === undefined ? null : parseInstant('channel.setSchedule: from', from),
      now: () => stream.now(),
      firstFree: () => stream.firstFreeFrame,
      signal,
    });
    return new Date(grid.instantOfFrame(frame));
  }

  /**
   * The programme guide: what airs between two instants.
   * @throws HeadendError `INVALID_OPTIONS` for instants that are none, or not in order.
   */
  guide(from: Date | string, to: Date | string): Guide {
    const { grid, schedule } = this.#parts;
    const fromMs = parseInstant('channel.guide: from', from);
    const toMs = parseInstant('channel.guide: to', to);
    if (toMs < fromMs) throw invalidOption('channel.guide', 'to', 'must not be before from', to);
    return guide(schedule, grid, fromMs, toMs);
  }

  /** The programme on air and the one that follows it. */
  nowNext(): {
    /** What is on. */
    readonly now: OnAir;
    /** What follows it. */
    readonly next: OnAir;
  } {
    const { grid, schedule, stream } = this.#parts;
    const now = schedule.airingAt(grid.frameAt(stream.now()));
    return { now: this.#onAir(now), next: this.#onAir(schedule.airingAt(now.endFrame)) };
  }

  /**
   * The multivariant playlist. Starts the channel, and waits until the codecs of every rung are known.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`; `SCHEDULE_NOT_STARTED` or
   * `SCHEDULE_ENDED` where the schedule asks for errors; the signal's reason.
   */
  async multivariantPlaylist(options: PlaylistOptions = {}): Promise<string> {
    this.#requireOnAir();
    const { grid, rungs, audioBitrate, stream } = this.#parts;
    requireSessionId(options.sessionId);
    const inits = await stream.inits(options);
    const admitted = stream.admittedRungs;
    return writeMultivariantPlaylist({
      frameRate: grid.format.frameRate,
      segmentDuration: grid.segmentDuration,
      rungs: rungs.filter(({ id }) => admitted.includes(id)),
      audioBitrate,
      language: this.language,
      codecs: new Map(inits.map((init) => [init.rendition, init.codecs])),
      container: this.#container(options),
      query: options.query ?? '',
    });
  }

  /**
   * The media playlist of a rendition. Starts the channel and the rendition; on a channel that has just
   * started it waits for the first segment.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`;
   * `SCHEDULE_NOT_STARTED` or `SCHEDULE_ENDED` where the schedule asks for errors; the signal's reason.
   */
  async mediaPlaylist(rendition: string, options: PlaylistOptions = {}): Promise<string> {
    this.#requireRendition(rendition);
    requireSessionId(options.sessionId);
    this.#requireOnAir();
    const { grid, schedule, stream, store } = this.#parts;
    const { init, range } = await stream.playlist(rendition, options);
    const initOf = (sequence: number) =>
      store.initOf({ channelId: this.id, rendition, sequence }) ?? init;
    return writeMediaPlaylist({
      grid,
      schedule,
      rendition,
      container: this.#container(options),
      range,
      editionOf: (sequence) => this.editionOf(sequence),
      initOf: (sequence) => initOf(sequence).hash,
      changes: stream.encodingChanges,
      query: options.query ?? '',
    });
  }

  /**
   * A segment that is or was lately listed; waits for it while it is being made. With a session id it notes that the
   * viewer is that far.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `SEGMENT_NOT_FOUND`, `SEGMENT_TIMEOUT`, `CAPACITY_EXCEEDED`, `CLOSED`;
   * the signal's reason. With a tag `SEGMENT_NOT_FOUND` also when no playlist has named the segment so, and
   * `SEGMENT_RENAMED` when it was listed before it was made and came out behind another init segment than was
   * announced, because an encoder failed in between: the playlist has its name now.
   */
  async segment(
    rendition: string,
    sequence: number,
    request: SegmentRequest = {},
  ): Promise<StoredSegment> {
    this.#requireSensible(rendition, sequence, request);
    const segment = await this.#parts.stream.segment(rendition, sequence, request);
    this.#requireName(segment, request);
    return segment;
  }

  /**
   * A segment as {@link segment}, but without waiting for its end: when it is in progress, its fragments come as
   * they are made, about five a second of content. Together they are the bytes of the segment.
   * @throws HeadendError as {@link segment}; while reading, `SEGMENT_TIMEOUT` when the segment is not finished: what
   * was read is of no use then.
   */
  async openSegment(
    rendition: string,
    sequence: number,
    request: SegmentRequest = {},
  ): Promise<OpenSegment> {
    this.#requireSensible(rendition, sequence, request);
    const { stream } = this.#parts;
    const { signal } = request;
    const start = await stream.segmentStart(rendition, sequence, request);
    this.#requireName(start, request);
    if (!(start instanceof SegmentInProgress)) return { etag: start.etag, data: start.data };
    const wait = { signal, deadlineMs: stream.deadlineMs };
    return { etag: start.etag, data: null, fragments: start.read(wait) };
  }

  /**
   * A segment as {@link segment}, in MPEG-TS: a rung with its sound, or the sound alone.
   * @throws HeadendError as {@link segment}; `ENCODE_FAILED` when it cannot be put into that container.
   */
  async tsSegment(
    rendition: string,
    sequence: number,
    request: SegmentRequest = {},
  ): Promise<TsSegment> {
    const sound = rendition === AUDIO_RENDITION ? [] : [AUDIO_RENDITION];
    const tracks = await Promise.all([
      this.#track(rendition, sequence, request),
      ...sound.map((id) => this.#track(id, sequence, { ...request, tag: undefined })),
    ]);
    return this.#parts.tsSegments.of(tracks);
  }

  /**
   * The endless MPEG-TS of a rung with its sound, for players that know no playlists: begins with the segment on
   * air, gives at once what is made ahead of it, and then goes on at the pace of the air, whatever the
   * schedule or the encoder does. Every piece is one segment and begins with a key frame.
   * Every reader is a viewer with a session of its own, from its first segment until it stops reading; a slow one
   * holds nobody back.
   * @throws HeadendError `RENDITION_NOT_FOUND`; `READER_TOO_SLOW` when the reader falls 30 s behind; `CLOSED` when
   * the channel is removed; the signal's reason.
   */
  transportStream(options: TransportStreamOptions = {}): AsyncGenerator<Uint8Array, void, void> {
    const { rendition = variantOrder(this.rungs)[0]?.id ?? AUDIO_RENDITION, signal } = options;
    this.#requireRendition(rendition);
    return this.#asViewer(signal, (request) => this.#transportStream(rendition, request));
  }

  async *#transportStream(
    rendition: string,
    request: ViewerRequest,
  ): AsyncGenerator<Uint8Array, void, void> {
    const { grid, stream } = this.#parts;
    yield* readTransportStream({
      channelId: this.id,
      now: () => stream.now(),
      segmentAt: (instantMs) => grid.segmentAt(instantMs),
      instantOfSegment: (sequence) => grid.instantOfSegment(sequence),
      listed: (sequence) => stream.listed(sequence, request.signal),
      segment: async (sequence) =>
        (await unlessLate(this.tsSegment(rendition, sequence, request)))?.data ?? null,
    });
  }

  /**
   * The init segment of a rendition that playlists name by this hash.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `SEGMENT_NOT_FOUND`
   */
  init(rendition: string, hash: string): StoredInit {
    this.#requireRendition(rendition);
    const init = this.#parts.store.getInit(this.id, rendition, hash);
    if (!init) {
      throw new HeadendError(
        'SEGMENT_NOT_FOUND',
        'store',
        `no init segment ${hash} of ${rendition}`,
        {
          channelId: this.id,
        },
      );
    }
    return init;
  }

  /**
   * The segments of a rendition in order, each as soon as it is made and listed, and as the reader takes them: nothing is
   * read ahead. Every reader is a viewer with a session of its own, from its first segment until it ends, aborts or
   * throws; one that takes no segment for `viewerTimeoutMs` counts as gone until it takes the next.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `INVALID_OPTIONS`; `SEGMENT_NOT_FOUND` when the reader is so slow that the
   * next segment is gone; `CLOSED` when the channel is removed; the signal's reason.
   */
  async *segments(options: SegmentsOptions): AsyncGenerator<ChannelSegment, void, void> {
    const { rendition, from, signal } = options;
    this.#requireRendition(rendition);
    if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) {
      throw invalidOption('channel.segments', 'from', 'must be a whole number from 0', from);
    }
    yield* this.#asViewer(signal, (request) => this.#segments(rendition, from, request));
  }

  async *#segments(
    rendition: string,
    from: number | undefined,
    request: ViewerRequest,
  ): AsyncGenerator<ChannelSegment, void, void> {
    const { grid, stream } = this.#parts;
    for (let next = from ?? grid.segmentAt(stream.now()); ; ) {
      await stream.listed(next, request.signal);
      const segment = await unlessLate(stream.segment(rendition, next, request));
      if (!segment) continue;
      const { num, den } =
        rendition === AUDIO_RENDITION ? grid.audioDuration(next) : grid.segmentDuration;
      yield {
        rendition,
        sequence: next,
        startsAt: new Date(grid.instantOfSegment(next)),
        duration: num / den,
        init: segment.init,
        data: segment.data,
      };
      next++;
    }
  }

  // Reads under a session of its own, which ends with the reading, or at once when the signal aborts.
  async *#asViewer<T>(
    signal: AbortSignal | undefined,
    read: (request: ViewerRequest) => AsyncGenerator<T, void, void>,
  ): AsyncGenerator<T, void, void> {
    const sessionId = newSessionId();
    const leave = () => this.leave(sessionId);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      yield* read({ sessionId, signal });
    } finally {
      signal?.removeEventListener('abort', leave);
      leave();
    }
  }

  #container({ container }: PlaylistOptions): Container {
    return container ?? this.#parts.container;
  }

  #renditions(): RenditionStatus[] {
    const { stream, store } = this.#parts;
    const { inWork, rungsInDemand } = stream;
    const made = (id: string) => store.ranges(this.id, id);
    const sequence = inWork?.sequence ?? null;
    return [
      ...this.rungs.map(({ id }) => ({
        id,
        inDemand: rungsInDemand.includes(id),
        made: made(id),
        inWork: inWork?.rungs.includes(id) ? sequence : null,
      })),
      {
        id: AUDIO_RENDITION,
        inDemand: stream.production !== null,
        made: made(AUDIO_RENDITION),
        inWork: sequence,
      },
    ];
  }

  async #track(rendition: string, sequence: number, request: SegmentRequest): Promise<StoredTrack> {
    const segment = await this.segment(rendition, sequence, request);
    return { segment, init: this.init(rendition, segment.init) };
  }

  // Whether a request can be answered at all, before anything is made for it.
  #requireSensible(rendition: string, sequence: number, { sessionId, tag }: SegmentRequest): void {
    this.#requireRendition(rendition);
    requireSessionId(sessionId);
    if (tag !== undefined) this.#requireKnownTag(rendition, sequence, tag);
  }

  #requireKnownTag(rendition: string, sequence: number, tag: string): void {
    const inits = this.#parts.store.inits(this.id, rendition);
    // Players of before a restart ask before any init segment is known.
    if (inits.length === 0 || inits.some(({ hash }) => this.#tagOf(sequence, hash) === tag)) return;
    const message = `no playlist names segment ${sequence} of ${rendition} with ${tag}`;
    throw new HeadendError('SEGMENT_NOT_FOUND', 'store', message, { channelId: this.id });
  }

  #requireName(
    { rendition, sequence, init }: Pick<StoredSegment, 'rendition' | 'sequence' | 'init'>,
    { tag }: SegmentRequest,
  ): void {
    if (tag === undefined || this.#tagOf(sequence, init) === tag) return;
    this.#requireKnownTag(rendition, sequence, tag);
    const message = `segment ${sequence} of ${rendition} has another name in the playlist now`;
    const details = { channelId: this.id, retryable: true };
    throw new HeadendError('SEGMENT_RENAMED', 'store', message, details);
  }

  #tagOf(sequence: number, initHash: string): string {
    return segmentTag(this.editionOf(sequence), initHash);
  }

  #onAir({ programme, index, startFrame, endFrame }: Airing): OnAir {
    const { grid } = this.#parts;
    return {
      title: programme.title,
      index,
      startsAt: new Date(grid.instantOfFrame(startFrame)),
      endsAt: new Date(grid.instantOfFrame(endFrame)),
    };
  }

  #requireOnAir(): void {
    const { grid, schedule, stream } = this.#parts;
    const refusal = schedule.refusal(grid.frameAt(stream.now()));
    if (refusal) throw refusal;
  }

  #requireRendition(rendition: string): void {
    if (rendition === AUDIO_RENDITION || this.rungs.some((rung) => rung.id === rendition)) return;
    const known = [AUDIO_RENDITION, ...this.rungs.map((rung) => rung.id)].join(', ');
    throw new HeadendError(
      'RENDITION_NOT_FOUND',
      'http',
      `channel ${this.id} has no rendition ${rendition}; it has ${known}`,
      { channelId: this.id },
    );
  }
}

// Ids come from clients, and end up in URLs, events and the journal.
function requireSessionId(sessionId: string | undefined): void {
  if (sessionId === undefined || isSessionId(sessionId)) return;
  throw new HeadendError(
    'INVALID_REQUEST',
    'session',
    'a session id is 1 to 64 of A-Z a-z 0-9 _ -',
  );
}

// A segment that is late is waited for again: the reader has no deadline of its own.
async function unlessLate<T>(segment: Promise<T>): Promise<T | null> {
  try {
    return await segment;
  } catch (error) {
    if (error instanceof HeadendError && error.code === 'SEGMENT_TIMEOUT') return null;
    throw error;
  }
}
