// The contract between the TypeScript control plane and the native engine: what a producer is told
// and what it gives back. The implementation over the addon is native.ts; nothing else knows it.

/** An exact ratio of two integers, `den` > 0. Used for frame rates (frames per second) and seconds. */
export interface Rational {
  /** The numerator, a whole number. */
  readonly num: number;
  /** The denominator, a whole number above 0. */
  readonly den: number;
}

/** The exact grid of a channel; the same for every rung and for the life of the channel. */
export interface ChannelFormat {
  /** Output frames per second. */
  readonly frameRate: Rational;
  /** Frames in one segment (S): segment n holds frames [n*S, (n+1)*S). */
  readonly framesPerSegment: number;
  /** Frames between IDR pictures; divides `framesPerSegment`. */
  readonly keyFrameInterval: number;
  /**
   * Frames in one CMAF fragment (about a fifth of a second); divides `framesPerSegment`. Three shorter ones take the place
   * of a segment's first two.
   */
  readonly framesPerFragment: number;
}

/** One video encode of a channel. Sizes in pixels and even; bit rates in bit/s. */
export interface Rung {
  /** Name in URLs and events, for example `720p`. */
  readonly id: string;
  /** Picture width in pixels. */
  readonly width: number;
  /** Picture height in pixels. */
  readonly height: number;
  /** Average bit rate of the video in bit/s. */
  readonly bitrate: number;
  /** Highest bit rate in bit/s. */
  readonly maxrate: number;
  /** Size of the rate control's buffer in bits. */
  readonly bufsize: number;
  /** x264 preset. */
  readonly preset: string;
  /** H.264 profile: high, main or baseline. Default high. */
  readonly profile?: string;
  /** x264 tune. Default none. */
  readonly tune?: string;
}

/** The encoder that needs no device: x264. */
export const SOFTWARE_ENCODER = 'software';

/** Id of the one audio rendition: AAC-LC, 48 kHz, stereo. It is part of every batch. */
export const AUDIO_RENDITION = 'audio';

/** Everything about a producer that cannot change while it lives. */
export interface ProducerOptions {
  readonly channelId: string;
  /** Text of the slate card. */
  readonly title: string;
  readonly format: ChannelFormat;
  /** Every rung that may be asked for, largest first. */
  readonly rungs: readonly Rung[];
  /** Bit rate of the audio rendition in bit/s. */
  readonly audioBitrate: number;
  /** Name of the encoder to begin with, one that {@link Engine.hardware} reports. Default `software`. */
  readonly encoder?: string;
  /** Whether files are decoded and scaled on that encoder's device. Default false. */
  readonly device?: boolean;
  /** A TrueType file for the slate and for generators that draw text. */
  readonly fontFile: string;
}

/** Where the pictures and sound of a timeline entry come from. */
export type EntrySource =
  /**
   * A file or URL that libavformat opens; `inPoint` in seconds from the start of its video. `gain` in dB is
   * applied to every sample of its sound; default 0. Another gain is another source.
   */
  | {
      readonly kind: 'file';
      readonly url: string;
      readonly inPoint: Rational;
      readonly gain?: number;
    }
  /**
   * libavfilter chains over black frames of the channel's size and over silence. The chains see the
   * programme's own time as `t`; `inFrame` is that time, in channel frames, at the entry's start.
   * `{font}` is replaced by the font file. A generator must be a function of `t` (so a cold start
   * anywhere gives the same frames): `hue`, `drawtext`, `geq`, `rotate`, `aeval`, not `testsrc`.
   */
  | {
      readonly kind: 'generator';
      readonly video: string;
      readonly audio: string;
      readonly inFrame: number;
    }
  /** The still card with the channel's title, and silence. */
  | { readonly kind: 'slate' };

/** What airs in output frames [startFrame, endFrame), counted from the channel's epoch. */
export interface TimelineEntry {
  readonly startFrame: number;
  readonly endFrame: number;
  readonly source: EntrySource;
}

/**
 * One batch: segments [from, from + count) of the audio and of the named rungs.
 * `timeline` is sorted and without holes and covers at least the segments
 * [from - 1, from + count + 1]: the engine reads a little before the batch (to prime the audio encoder)
 * and ahead of it (frames inside the encoders, and the next programme, which it opens early).
 */
export interface ProduceRequest {
  readonly from: number;
  readonly count: number;
  readonly rungs: readonly string[];
  readonly timeline: readonly TimelineEntry[];
  /** Name of the encoder from this batch on. Default: the one that the producer uses. */
  readonly encoder?: string;
}

/**
 * The initialization section of a rendition: equal bytes from every production of the channel by the same
 * encoder. It comes before the first segment that belongs to it, and again for every rung when the producer
 * changes its encoder.
 */
export interface InitSegment {
  readonly rendition: string;
  /** First 16 hexadecimal digits of the SHA-256 of `data`. */
  readonly hash: string;
  /** Name of the encoder that it belongs to. */
  readonly encoder: string;
  /** The first segment that the producer makes with it. */
  readonly from: number;
  /** RFC 6381 codecs string from the real parameter sets, for example `avc1.64001f`. */
  readonly codecs: string;
  readonly data: Uint8Array;
}

/**
 * One finished segment. A rung's segment that was out when its encoder was given up may come again, behind
 * another init segment: the later one counts.
 */
export interface Segment {
  readonly rendition: string;
  /** `hash` of the init segment that it is played behind. */
  readonly init: string;
  /** n, also the media sequence number. */
  readonly sequence: number;
  /** Start on the channel's clock (since its epoch), in ticks of `timescale` per second. */
  readonly start: number;
  /** Duration in ticks: frames for video, access units times 1024 for audio. */
  readonly duration: number;
  readonly timescale: number;
  readonly data: Uint8Array;
}

/** A piece of a segment in progress (a fifth of a second at most), told before the segment that it becomes part of. */
export interface Fragment {
  readonly rendition: string;
  /** Of the segment. */
  readonly sequence: number;
  /** Within the segment, from 0. */
  readonly index: number;
  /** True for the segment's last fragment. */
  readonly last: boolean;
  /** As of the segment. */
  readonly init: string;
  /** The fragments of a segment one after the other are its bytes. */
  readonly data: Uint8Array;
}

/** A segment that was begun and will not be finished: its batch failed or was stopped, or it was look-ahead. */
export interface AbandonedSegment {
  readonly rendition: string;
  readonly sequence: number;
}

/** What airs from a frame on: at a cut, where a production begins, and where the slate steps in for a source. */
export interface ProgrammeStart {
  /** The first output frame of it that is produced, in frames since the epoch. */
  readonly frame: number;
  /** The timeline entry. */
  readonly startFrame: number;
  readonly endFrame: number;
  readonly kind: EntrySource['kind'];
  /** URL of a file, empty for the other kinds. */
  readonly source: string;
  /** True when the slate airs, by the schedule or because the source failed. */
  readonly slate: boolean;
}

/** Something that went wrong while producing; the channel goes on (slate, silence) unless the batch rejects. */
export interface EngineFault {
  /** Member of `ErrorCode` in errors.ts. */
  readonly code: string;
  /** Where: open, probe, demux, decode, normalise, encode, mux, schedule. */
  readonly stage: string;
  readonly message: string;
  /** FFmpeg's negative error number, 0 when there is none. */
  readonly averror: number;
  /** The first output frame affected, in frames since the epoch. */
  readonly frame: number;
  /** The source at fault, empty when it is not about a source. */
  readonly source: string;
}

/** What one rendition took in a batch. */
export interface RenditionStatistics {
  readonly rendition: string;
  /** Video frames or audio access units in finished segments. */
  readonly frames: number;
  /** Of finished segments. */
  readonly bytes: number;
  /** Milliseconds in which the rendition's thread worked (fitting, encoding, muxing) instead of waiting. */
  readonly busyMs: number;
}

/** Figures of a finished batch. Work for the next batch that was done meanwhile (look-ahead) counts, too. */
export interface BatchReport {
  /** Wall time of the batch in milliseconds. */
  readonly elapsedMs: number;
  /** Frames that the decoders gave during the batch, discarded pre-roll included. */
  readonly framesDecoded: number;
  /** Output frames that show the picture of the one before once more: rate conversion, stills, the slate. */
  readonly framesRepeated: number;
  /** Decoded frames that no output frame shows: rate conversion, and pre-roll of a cold start. */
  readonly framesDropped: number;
  readonly renditions: readonly RenditionStatistics[];
  /** True when the producer continued from its parked state, false after a cold start. */
  readonly warm: boolean;
}

/** Receives what a producer makes, on the JS thread, in order per rendition. */
export interface ProducerSink {
  onInit(init: InitSegment): void;
  onSegment(segment: Segment): void;
  onFault(fault: EngineFault): void;
  /** Every fragment comes before its segment. */
  onFragment?(fragment: Fragment): void;
  /** A segment of which there were fragments will not be finished by this producer. */
  onAbandoned?(segment: AbandonedSegment): void;
  /** In the order in which the frames are read, which is a little before they are in a segment. */
  onProgramme?(programme: ProgrammeStart): void;
  /**
   * True: over half a second the batch has mostly waited for its source, a server or a disk that does not answer or is
   * slow. False: it does so no longer.
   */
  onWait?(waits: boolean): void;
}

/** Makes the segments of one channel; one batch at a time. Between batches it is parked: threads asleep, state kept. */
export interface Producer {
  /**
   * Makes a batch. Continues the parked state when `from` is the next segment, else starts cold.
   * Every segment has reached the sink when the promise resolves. Where segments are shorter than what the
   * encoders hold back, a rendition that holds back less may have delivered the next one too; the batch that continues does not repeat it.
   * @throws HeadendError `ENGINE_BUSY` while a batch is in flight, `ENGINE_STOPPED` when stopped, or
   * the encoder's error.
   */
  produce(request: ProduceRequest): Promise<BatchReport>;
  /** Cancels what is in flight and joins every thread of the producer. Idempotent. */
  stop(): Promise<void>;
}

/** A size in pixels. */
export interface Size {
  /** Pixels from left to right. */
  readonly width: number;
  /** Pixels from top to bottom. */
  readonly height: number;
}

/** The pictures of a source. Names of colours are those of ITU-T H.273 as FFmpeg spells them. */
export interface VideoTrack {
  /** FFmpeg's name, for example `h264`. */
  readonly codec: string;
  /** FFmpeg's name, for example `High`; null when unknown. */
  readonly profile: string | null;
  /** As coded, before sample aspect ratio and rotation. */
  readonly width: number;
  /** As coded, before rotation. */
  readonly height: number;
  /** As shown: upright, in square pixels. */
  readonly shown: Size;
  /** Width of a pixel by its height. */
  readonly sampleAspect: Rational;
  /** Degrees clockwise that make the picture upright. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Frames per second on average, null when unknown. */
  readonly frameRate: Rational | null;
  /** The lowest rate on which all timestamps fall, as far as the container tells; null when it does not. */
  readonly declaredRate: Rational | null;
  /** Whether the pictures are spaced unevenly, by the first hundred of them and by the average. */
  readonly variableRate: boolean;
  /** FFmpeg's name, for example `yuv420p10le`. */
  readonly pixelFormat: string | null;
  /** Bits per component. */
  readonly bitDepth: number | null;
  /** Colour primaries, for example `bt709`; null when unknown. */
  readonly primaries: string | null;
  /** Transfer function, for example `smpte2084`; null when unknown. */
  readonly transfer: string | null;
  /** Matrix coefficients, for example `bt2020nc`; null when unknown. */
  readonly matrix: string | null;
  /** `tv` is limited, `pc` full range. */
  readonly range: string | null;
  /** By the transfer function: PQ is `hdr10` whether or not there is metadata of the mastering display. */
  readonly dynamicRange: 'sdr' | 'hdr10' | 'hlg';
  /** The Dolby Vision profile, null without one. */
  readonly dolbyVision: number | null;
  /** From the headers where they say progressive, else from decoded pictures too; null when neither tells. */
  readonly fieldOrder: 'progressive' | 'top-first' | 'bottom-first' | null;
}

/** A sound track of a source. */
export interface AudioTrack {
  /** Of the stream in its container. */
  readonly index: number;
  /** FFmpeg's name, for example `aac`. */
  readonly codec: string;
  /** FFmpeg's name, for example `LC`; null when unknown. */
  readonly profile: string | null;
  /** Samples per second. */
  readonly sampleRate: number;
  /** How many channels of sound it has. */
  readonly channels: number;
  /** FFmpeg's name, for example `stereo` or `5.1(side)`. */
  readonly layout: string;
  /** ISO 639 code as the container has it. */
  readonly language: string | null;
  /** The track's title tag; null when it has none. */
  readonly title: string | null;
}

/** A subtitle track of a source. */
export interface SubtitleTrack {
  /** Of the stream in its container. */
  readonly index: number;
  /** FFmpeg's name, for example `subrip`. */
  readonly codec: string;
  /** ISO 639 code as the container has it; null when it has none. */
  readonly language: string | null;
}

/** What `probe` found out about a source. */
export interface ProbeResult {
  /** Duration of the programme in seconds (of the video track where there is one), null when unknown. */
  readonly duration: Rational | null;
  /**
   * What an MP4 file says that it lasts where it was cut off and only `duration` of it is there, as of one that is still
   * being copied; null where nothing is known to be missing.
   */
  readonly declaredDuration: Rational | null;
  /** Container format name by libavformat. */
  readonly format: string;
  /** Of everything together in bit/s, null when unknown. */
  readonly bitrate: number | null;
  /** The video that airs. */
  readonly video: VideoTrack | null;
  /** The sound that airs. */
  readonly audio: AudioTrack | null;
  /** Every sound track, the one that airs among them. */
  readonly audioTracks: readonly AudioTrack[];
  /** Every subtitle track; none of them airs. */
  readonly subtitles: readonly SubtitleTrack[];
  /** Whether a cover picture comes with it; it airs where there is no video. */
  readonly cover: boolean;
  /** The container's title tag, empty when it has none. */
  readonly title: string;
  /**
   * Seconds from the programme's start at which key frames lie, when they were asked for; exact to the reordering of
   * pictures. From the container's index (MP4, MOV, Matroska with cues, AVI, FLV with key frame metadata, ASF, MXF);
   * MPEG transport and programme streams have none: files of this machine are read through. Null in other containers, for
   * such streams of the network, and where a file cannot be read to its end.
   */
  readonly keyFrames: readonly number[] | null;
}

/** How loud a source is, by EBU R 128, as stereo. */
export interface Loudness {
  /** Integrated loudness in LUFS; null when all is silence. */
  readonly integrated: number | null;
  /** The highest true peak in dBTP; null when all is silence. */
  readonly truePeak: number | null;
}

/** How a source is looked at. */
export interface EngineProbeOptions {
  readonly signal?: AbortSignal;
  /** Whether to list the key frames, for which what has no index is read through. Default false. */
  readonly keyFrames?: boolean;
}

/** Which part of a source is measured. */
export interface MeasureOptions {
  /** Where to begin, in seconds from the start. Default 0. */
  readonly inPoint?: Rational;
  /** How long, in seconds. Default: to the end. */
  readonly duration?: Rational;
  /** Ends the measurement, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called with the seconds measured so far, about once for each of them. */
  readonly onProgress?: (seconds: number) => void;
}

/** A rendition's segment together with its init segment. */
export interface Track {
  readonly init: Uint8Array;
  readonly segment: Uint8Array;
}

/** What became of trying to keep pictures on a device from decoding to encoding. */
export interface DeviceReport {
  /** libav's name of the device: `cuda` or `vaapi`. */
  readonly name: string;
  /** Whether a clip was decoded and scaled there and its pictures came back whole. */
  readonly works: boolean;
  /** Why not, in libav's or the driver's own words; empty when it does. */
  readonly reason: string;
}

/** What became of trying one encoder on this machine. */
export interface EncoderReport {
  /** For the option `hardware`: `nvenc`, `qsv`, `videotoolbox`, `vaapi`, `amf`, `v4l2m2m` or `software`. */
  readonly name: string;
  /** Whether it encoded a few seconds of real frames without a mistake. */
  readonly works: boolean;
  /** Why it does not work, in libav's or the driver's own words; empty when it does. */
  readonly reason: string;
  /** How long the trial took, in milliseconds. */
  readonly elapsedMs: number;
  /**
   * The device that files are decoded and scaled on for this encoder. Absent where it does not work or goes with none:
   * then files are decoded and scaled in memory.
   */
  readonly device?: DeviceReport;
}

/** The native engine of one Headend instance. */
export interface Engine {
  /**
   * Opens a source and reads its streams' parameters.
   * @throws HeadendError `SOURCE_NOT_FOUND`, `SOURCE_DENIED`, `SOURCE_INVALID` or `SOURCE_TIMEOUT`
   */
  probe(url: string, options?: EngineProbeOptions): Promise<ProbeResult>;
  /**
   * Decodes the sound of a source and measures it, on a thread that gives way to all others.
   * @throws HeadendError as `probe` does; `SOURCE_INVALID` when there is no sound; `DECODE_FAILED`.
   */
  measureLoudness(url: string, options?: MeasureOptions): Promise<Loudness>;
  /**
   * Tries every encoder, the best first, or the one that is named, each with its device, and resolves with what became
   * of each; `software` is the last. It is done once: later calls get the same answer.
   * @throws HeadendError `ENGINE_STOPPED`
   */
  hardware(encoder?: string): Promise<readonly EncoderReport[]>;
  createProducer(options: ProducerOptions, sink: ProducerSink): Producer;
  /**
   * Makes an MPEG-TS segment from the CMAF segments of one number: the video's, the audio's, or both in this
   * order. Equal input gives equal bytes, and the results join whatever production their segments are from.
   * @throws HeadendError `ENCODE_FAILED`, `ENGINE_STOPPED`, `ENGINE_FAILED`
   */
  remux(tracks: readonly Track[]): Promise<Uint8Array>;
  /** Stops every producer and probe and joins their threads. Idempotent. */
  close(): Promise<void>;
}
