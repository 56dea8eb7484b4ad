// A channel as the embedding program sees it: what it airs, its playlists and its segments.

import { AUDIO_RENDITION, type Rung } from './engine/engine.js';
import { HeadendError } from './errors.js';
import type { Container } from './hls/container.js';
import { writeMediaPlaylist } from './hls/media-playlist.js';
import { variantOrder, writeMultivariantPlaylist } from './hls/multivariant-playlist.js';
import type { StoredTrack, TsSegment, TsSegments } from './hls/ts-segments.js';
import { readTransportStream } from './hls/ts-stream.js';
import { SegmentInProgress } from './store/segment-in-progress.js';
import type { SegmentStore, StoredInit, StoredSegment } from './store/segment-store.js';
import type { ChannelState, ChannelStream } from './stream/channel-stream.js';
import type { Grid } from './timeline/grid.js';
import type { Airing, ResolvedSchedule } from './timeline/schedule.js';
import type { SegmentRange } from './timeline/window.js';
import { invalidOption } from './validate.js';

/** A programme on air, in wall time. */
export interface OnAir {
  readonly title: string;
  /** Position of the programme in the schedule. */
  readonly index: number;
  readonly startsAt: Date;
  readonly endsAt: Date;
}

/** A finished segment as {@link Channel.segments} gives it. */
export interface ChannelSegment {
  readonly rendition: string;
  /** The media sequence number. */
  readonly sequence: number;
  /** When its first frame is on air. */
  readonly startsAt: Date;
  /** In seconds, as the playlist says. */
  readonly duration: number;
  /** The CMAF segment; play it behind the rendition's init segment. */
  readonly data: Uint8Array;
}

/** A segment that is finished, or one whose fragments are still to come: see {@link Channel.openSegment}. */
export type OpenSegment =
  | { readonly etag: string; readonly data: Uint8Array }
  | {
      readonly etag: string;
      readonly data: null;
      readonly fragments: AsyncIterable<Uint8Array>;
    };

/** Options of {@link Channel.segments}. */
export interface SegmentsOptions {
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** The first sequence number, a whole number. Default: the segment on air. */
  readonly from?: number;
  readonly signal?: AbortSignal;
}

/** Options of {@link Channel.transportStream}. */
export interface TransportStreamOptions {
  /** Id of a rung, or `audio` for sound alone. Default: the rung that players start with. */
  readonly rendition?: string;
  readonly signal?: AbortSignal;
}

/** For whom a playlist is written. */
export interface PlaylistOptions {
  /** Default: the channel's, see `channels.add`. */
  readonly container?: Container;
  /** Query string to carry on to every URI, with its question mark. Default: none. */
  readonly query?: string;
  readonly signal?: AbortSignal;
}

/** What a {@link Channel} is made from. */
export interface ChannelParts {
  readonly id: string;
  readonly name: string;
  readonly rungs: readonly Rung[];
  readonly audioBitrate: number;
  readonly grid: Grid;
  readonly schedule: ResolvedSchedule;
  readonly edition: string;
  readonly container: Container;
  readonly stream: ChannelStream;
  readonly store: SegmentStore;
  readonly tsSegments: TsSegments;
}

// The init segment of a segment that is there is there as well.
const INIT_DEADLINE_MS = 1000;

/** A live channel. Made by `headend.channels.add`. */
export class Channel {
  readonly id: string;
  /** Name for viewers. */
  readonly name: string;
  /** The video encodes, largest first. */
  readonly rungs: readonly Rung[];
  /** A hash of what the channel is made from: grid, encoding and schedule. Part of its segments' names. */
  readonly edition: string;
  readonly #parts: ChannelParts;

  /** Use `headend.channels.add`. */
  constructor(parts: ChannelParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.rungs = parts.rungs;
    this.edition = parts.edition;
    this.#parts = parts;
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

  /** EXT-X-TARGETDURATION of every playlist of the channel, in seconds. */
  get targetDuration(): number {
    return this.#parts.grid.targetDuration;
  }

  /** The programme on air and the one that follows it. */
  nowNext(): { readonly now: OnAir; readonly next: OnAir } {
    const { grid, schedule, stream } = this.#parts;
    const now = schedule.airingAt(grid.frameAt(stream.now()));
    return { now: this.#onAir(now), next: this.#onAir(schedule.airingAt(now.endFrame)) };
  }

  /**
   * The multivariant playlist. Starts the channel, and waits until the codecs of every rung are known.
   * @throws HeadendError `SEGMENT_TIMEOUT`, `CLOSED`; the signal's reason.
   */
  async multivariantPlaylist(options: PlaylistOptions = {}): Promise<string> {
    const { grid, rungs, audioBitrate, stream } = this.#parts;
    const inits = await stream.inits(options.signal);
    return writeMultivariantPlaylist({
      frameRate: grid.format.frameRate,
      segmentDuration: grid.segmentDuration,
      rungs,
      audioBitrate,
      codecs: new Map(inits.map((init) => [init.rendition, init.codecs])),
      container: this.#container(options),
      query: options.query ?? '',
    });
  }

  /**
   * The media playlist of a rendition. Starts the channel and the rendition; on a channel that has just
   * started it waits for the first segment.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `SEGMENT_TIMEOUT`, `CLOSED`; the signal's reason.
   */
  async mediaPlaylist(rendition: string, options: PlaylistOptions = {}): Promise<string> {
    this.#requireRendition(rendition);
    const { grid, schedule, stream } = this.#parts;
    const { init, range } = await stream.playlist(rendition, options.signal);
    return writeMediaPlaylist({
      grid,
      schedule,
      rendition,
      container: this.#container(options),
      range,
      edition: this.edition,
      initHash: init.hash,
      query: options.query ?? '',
    });
  }

  /**
   * A segment that is or was lately listed; waits for it while it is being made.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `SEGMENT_NOT_FOUND`, `SEGMENT_TIMEOUT`, `CLOSED`; the
   * signal's reason.
   */
  async segment(rendition: string, sequence: number, signal?: AbortSignal): Promise<StoredSegment> {
    this.#requireRendition(rendition);
    return this.#parts.stream.segment(rendition, sequence, signal);
  }

  /**
   * A segment as {@link segment}, but without waiting for its end: when it is in progress, its fragments come as
   * they are made, about one a second of content. Together they are the bytes of the segment.
   * @throws HeadendError as {@link segment}; while reading, `SEGMENT_TIMEOUT` when the segment is not finished: what
   * was read is of no use then.
   */
  async openSegment(
    rendition: string,
    sequence: number,
    signal?: AbortSignal,
  ): Promise<OpenSegment> {
    this.#requireRendition(rendition);
    const { stream } = this.#parts;
    const start = await stream.segmentStart(rendition, sequence, signal);
    if (!(start instanceof SegmentInProgress)) return { etag: start.etag, data: start.data };
    const wait = { signal, deadlineMs: stream.deadlineMs };
    return { etag: start.etag, data: null, fragments: start.read(wait) };
  }

  /**
   * A segment as {@link segment}, in MPEG-TS: a rung with its sound, or the sound alone.
   * @throws HeadendError as {@link segment}; `ENCODE_FAILED` when it cannot be put into that container.
   */
  async tsSegment(rendition: string, sequence: number, signal?: AbortSignal): Promise<TsSegment> {
    this.#requireRendition(rendition);
    const renditions = rendition === AUDIO_RENDITION ? [rendition] : [rendition, AUDIO_RENDITION];
    const tracks = await Promise.all(
      renditions.map((id): Promise<StoredTrack> => this.#track(id, sequence, signal)),
    );
    return this.#parts.tsSegments.of(tracks);
  }

  /**
   * The endless MPEG-TS of a rung with its sound, for players that know no playlists: begins with the segment on
   * air, gives at once what is made ahead of it, and then goes on at the pace of the air, whatever the
   * schedule or the encoder does. Every piece is one segment and begins with a key frame.
   * Reading it keeps the channel on the air like a viewer; a slow reader holds nobody back.
   * @throws HeadendError `RENDITION_NOT_FOUND`; `READER_TOO_SLOW` when the reader falls 30 s behind; `CLOSED` when
   * the channel is removed; the signal's reason.
   */
  transportStream(options: TransportStreamOptions = {}): AsyncGenerator<Uint8Array, void, void> {
    const { rendition = variantOrder(this.rungs)[0]?.id ?? AUDIO_RENDITION, signal } = options;
    this.#requireRendition(rendition);
    const { grid, stream } = this.#parts;
    return readTransportStream({
      channelId: this.id,
      now: () => stream.now(),
      segmentAt: (instantMs) => grid.segmentAt(instantMs),
      instantOfSegment: (sequence) => grid.instantOfSegment(sequence),
      listed: (sequence) => stream.listed(sequence, signal),
      segment: async (sequence) =>
        (await unlessLate(this.tsSegment(rendition, sequence, signal)))?.data ?? null,
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
   * The segments of a rendition in order, each as soon as it is made and listed. Reading them keeps the
   * channel on the air like a viewer.
   * @throws HeadendError `RENDITION_NOT_FOUND`, `INVALID_OPTIONS`; `SEGMENT_NOT_FOUND` when the reader is so slow that the
   * next segment is gone; `CLOSED` when the channel is removed; the signal's reason.
   */
  async *segments(options: SegmentsOptions): AsyncGenerator<ChannelSegment, void, void> {
    const { rendition, from, signal } = options;
    this.#requireRendition(rendition);
    if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) {
      throw invalidOption('channel.segments', 'from', 'must be a whole number from 0', from);
    }
    const { grid, stream } = this.#parts;
    for (let next = from ?? grid.segmentAt(stream.now()); ; ) {
      await stream.listed(next, signal);
      const segment = await unlessLate(stream.segment(rendition, next, signal));
      if (!segment) continue;
      const { num, den } =
        rendition === AUDIO_RENDITION ? grid.audioDuration(next) : grid.segmentDuration;
      yield {
        rendition,
        sequence: next,
        startsAt: new Date(grid.instantOfSegment(next)),
        duration: num / den,
        data: segment.data,
      };
      next++;
    }
  }

  #container({ container }: PlaylistOptions): Container {
    return container ?? this.#parts.container;
  }

  async #track(rendition: string, sequence: number, signal?: AbortSignal): Promise<StoredTrack> {
    const { store, stream } = this.#parts;
    const segment = await stream.segment(rendition, sequence, signal);
    const wait = { signal, deadlineMs: INIT_DEADLINE_MS };
    return { segment, init: await store.waitForInit(this.id, rendition, wait) };
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

// A segment that is late is waited for again: the reader has no deadline of its own.
async function unlessLate<T>(segment: Promise<T>): Promise<T | null> {
  try {
    return await segment;
  } catch (error) {
    if (error instanceof HeadendError && error.code === 'SEGMENT_TIMEOUT') return null;
    throw error;
  }
}
