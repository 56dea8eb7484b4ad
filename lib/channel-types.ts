// What a channel is asked for and what it tells: the options and answers of `Channel`.

import type { Container } from './hls/container.js';
import type { BatchState } from './session/batch-state.js';
import type { ChannelState } from './session/stream-session.js';
import type { ProductionStatus } from './stream/channel-stream.js';
import type { Fault } from './stream/fault.js';
import type { ViewerRequest } from './stream/viewer-requests.js';
import type { SegmentRange } from './timeline/window.js';

/** A programme on air, in wall time. */
export interface OnAir {
  /** Empty for the slate. */
  readonly title: string;
  /** Position of the programme in its list; -1 for the slate. */
  readonly index: number;
  /** When its first frame is on air; may lie in the past. */
  readonly startsAt: Date;
  /** When what follows begins. */
  readonly endsAt: Date;
}

/** A finished segment as {@link Channel.segments} gives it. */
export interface ChannelSegment {
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** The media sequence number. */
  readonly sequence: number;
  /** When its first frame is on air. */
  readonly startsAt: Date;
  /** In seconds, as the playlist says. */
  readonly duration: number;
  /**
   * Hash of the init segment that it is played behind: see {@link Channel.init}. It changes where the channel
   * changes its encoder.
   */
  readonly init: string;
  /** The CMAF segment. */
  readonly data: Uint8Array;
}

/** A segment that is finished, or one whose fragments are still to come: see {@link Channel.openSegment}. */
export type OpenSegment =
  | {
      /** Strong HTTP entity tag, with its quotes. */
      readonly etag: string;
      /** The whole CMAF segment. */
      readonly data: Uint8Array;
    }
  | {
      /** Strong HTTP entity tag, with its quotes. */
      readonly etag: string;
      /** Not there yet. */
      readonly data: null;
      /** The pieces that make up the segment, a fifth of a second each and the first ones less, as they are made. */
      readonly fragments: AsyncIterable<Uint8Array>;
    };

/** Which segment is asked for, and by whom. */
export interface SegmentRequest extends ViewerRequest {
  /** What a playlist's name for the segment says behind the number: a segment of another name is refused. */
  readonly tag?: string | undefined;
}

/** Options of {@link Channel.segments}. */
export interface SegmentsOptions {
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** The first sequence number, a whole number. Default: the segment on air. */
  readonly from?: number;
  /** Ends the iteration, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of {@link Channel.setSchedule}. */
export interface SetScheduleOptions {
  /** When the new schedule takes over at the earliest. Default: as soon as possible. */
  readonly from?: Date | string;
  /** Gives up, and leaves everything as it was; no longer once the change is settled. */
  readonly signal?: AbortSignal;
}

/** Options of {@link Channel.transportStream}. */
export interface TransportStreamOptions {
  /** Id of a rung, or `audio` for sound alone. Default: the rung that players start with. */
  readonly rendition?: string;
  /** Ends the stream, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** For whom a playlist is written. */
export interface PlaylistOptions extends ViewerRequest {
  /** Default: the channel's, see `channels.add`. */
  readonly container?: Container;
  /** Query string to carry on to every URI, with its question mark. Default: none. */
  readonly query?: string;
}

/** A viewer who is present. */
export interface ViewerStatus {
  /** `(anonymous)` for all requests that name no session, which count as one viewer. */
  readonly sessionId: string;
  /** When the viewer was last heard of. */
  readonly seenAt: Date;
  /** The rendition and media sequence number of the last segment; null before the first. */
  readonly rendition: string | null;
  /** Media sequence number of the last segment; null before the first. */
  readonly segmentNumber: number | null;
}

/** What there is of a rendition. */
export interface RenditionStatus {
  /** Id of a rung, or `audio`. */
  readonly id: string;
  /** Whether somebody asked for it in the last three target durations. */
  readonly inDemand: boolean;
  /** The segments that are held, as ranges in order. */
  readonly made: readonly SegmentRange[];
  /** The segment that is being made; null in between. */
  readonly inWork: number | null;
}

/** How a channel is doing. */
export interface ChannelStatus {
  /** Whether the channel is being made now. */
  readonly state: ChannelState;
  /** The segment on air now, whether somebody watches or not. */
  readonly onAir: {
    /** Its media sequence number. */
    readonly segmentNumber: number;
    /** When its first frame is on air. */
    readonly startsAt: Date;
  };
  /** Length of a segment in seconds. */
  readonly segmentDuration: number;
  /** The rungs, largest first, and the audio. */
  readonly renditions: readonly RenditionStatus[];
  /** Those heard of longest ago first. */
  readonly viewers: readonly ViewerStatus[];
  /** The batch that is being made or was made last; null before the first. */
  readonly batch: BatchState | null;
  /** Segments of that batch beyond the furthest viewer. */
  readonly segmentsRemaining: number;
  /** Ids of the rungs that are being encoded, largest first. */
  readonly rungsInDemand: readonly string[];
  /** The segments that playlists list now; null while the channel is not on. */
  readonly window: SegmentRange | null;
  /** Null while the channel is not on. */
  readonly production: ProductionStatus | null;
  /** What went wrong last, since the channel was added. */
  readonly lastFault: Fault | null;
}

/** A position as a viewer reports it. */
export interface PositionReport {
  /** The viewer's session, one that is present. */
  readonly sessionId: string;
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** Media sequence number of the segment that is being played. */
  readonly segmentNumber: number;
}
