// The options of createHeadend and of channels.add: their types, their defaults, and the schemas that
// check them.

import Type from 'typebox';
import { AUDIO_RENDITION, type Rational } from './engine/engine.js';
import { defaultWidth, type RungOptions, SIZE_LIMITS, X264_PRESETS } from './ladder.js';
import type { LoudnessOptions } from './probe/planned-gain.js';
import { DEFAULT_STORE_BYTES } from './store/segment-store.js';
import { LoopSchedule, type Schedule } from './timeline/schedule.js';

/** The epoch of channels that do not name one, so that two servers with equal settings air equal segments. */
export const DEFAULT_EPOCH = '2025-01-01T00:00:00.000Z';

/** Where Headend writes its log, when it is given one; pino and `console` fit. */
export interface Logger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Options of `createHeadend`. */
export interface HeadendOptions {
  /**
   * Which encoders may be used: `auto` takes the best that works on this machine, `software` x264 only.
   * Software is the only one built in so far. Default `auto`.
   */
  readonly hardware?: 'auto' | 'software';
  /** Memory for finished segments of all channels, in bytes. Default 512 MiB. */
  readonly storeBytes?: number;
  /** How many segments a media playlist lists at most, 6 to 60. Default 10. */
  readonly playlistSegments?: number;
  /**
   * Milliseconds without a request after which a channel stops encoding. Default 30000. A channel waits for
   * three of its target durations at least: players ask once in each.
   */
  readonly idleMs?: number;
  /** TrueType font for the slate and for generators. Default: DejaVu Sans, which comes with the package. */
  readonly fontFile?: string;
  /**
   * A file that remembers what `probe` and `measureLoudness` found out about files, over restarts; made if it is not
   * there. Several processes may share it. Default: remembered in memory, of 5000 files.
   */
  readonly probeCache?: string;
  /**
   * PEM file of the certificate authorities that https sources are checked against. Default: the system's, where
   * Linux distributions keep it.
   */
  readonly caFile?: string;
  /** Receives faults and changes of state besides the events. Default: none. */
  readonly logger?: Logger;
}

/** Options of `channels.add`. */
export interface ChannelOptions {
  /** Name in URLs: letters, digits, `-` and `_`, at most 64. */
  readonly id: string;
  /** Name for viewers, and the text of the slate. Default: the id. */
  readonly name?: string;
  /** What airs; see `loop`. */
  readonly schedule: Schedule;
  /** The video encodes that viewers can choose from. Default: 1080p, 720p and 480p. */
  readonly ladder?: readonly RungOptions[];
  /**
   * Output frames per second, 1 to 60: a number (29.97 is read as 30000/1001), a string such as
   * `'24000/1001'`, or an exact ratio. Every programme is converted to it. Default 30.
   */
  readonly frameRate?: number | string | Rational;
  /** Length of a segment in whole seconds, 1 to 10; 4.004 s for 4 at the 1001 rates. Default 4. */
  readonly segmentDuration?: number;
  /** Bit rate of the audio in bit/s. Default 128000. */
  readonly audioBitrate?: number;
  /**
   * The instant at which the channel's first segment begins and from which all are numbered; not in the
   * future. Default 2025-01-01T00:00:00.000Z.
   */
  readonly epoch?: Date | string;
  /**
   * Brings programmes to one loudness by a gain that is settled for each when the channel is added; false leaves them
   * as they are. Default: -23 LUFS, for the files whose loudness is known by then.
   */
  readonly loudness?: LoudnessOptions | false;
}

/** What `frameRate` must be; checked where it is parsed. */
export const FRAME_RATE_RULE =
  "must be 1 to 60 frames per second as a number, a string like '24000/1001' or { num, den }";

/** What may stand in a URL for a channel or a rung. */
const ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$';

/** Defaults of {@link HeadendOptions}. */
export const HEADEND_DEFAULTS = {
  storeBytes: DEFAULT_STORE_BYTES,
  playlistSegments: 10,
  idleMs: 30_000,
} as const;

/** Defaults of {@link ChannelOptions}. */
export const CHANNEL_DEFAULTS = {
  frameRate: 30,
  segmentDuration: 4,
  audioBitrate: 128_000,
} as const;

/** Schema of {@link HeadendOptions}. */
export const HeadendOptionsSchema = Type.Object(
  {
    hardware: Type.Optional(Type.Enum(['auto', 'software'])),
    storeBytes: Type.Optional(Type.Integer({ minimum: 1024 * 1024 })),
    playlistSegments: Type.Optional(Type.Integer({ minimum: 6, maximum: 60 })),
    idleMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
    fontFile: Type.Optional(Type.String({ minLength: 1 })),
    probeCache: Type.Optional(Type.String({ minLength: 1 })),
    caFile: Type.Optional(Type.String({ minLength: 1 })),
    logger: Type.Optional(
      Type.Refine(
        Type.Unsafe<Logger>({}),
        isLogger,
        () => 'must have the methods info, warn and error',
      ),
    ),
  },
  { additionalProperties: false },
);

const BITRATE_LIMITS = { minimum: 50_000, maximum: 200_000_000 } as const;

const RungMembers = Type.Object(
  {
    height: Type.Integer(SIZE_LIMITS),
    width: Type.Optional(Type.Integer(SIZE_LIMITS)),
    bitrate: Type.Integer(BITRATE_LIMITS),
    id: Type.Optional(
      Type.Refine(
        Type.String({ pattern: ID_PATTERN }),
        (id) => id !== AUDIO_RENDITION,
        () => 'must not be "audio", which names the audio rendition',
      ),
    ),
    maxrate: Type.Optional(Type.Integer(BITRATE_LIMITS)),
    bufsize: Type.Optional(Type.Integer({ ...BITRATE_LIMITS, maximum: 1_000_000_000 })),
    preset: Type.Optional(Type.Enum([...X264_PRESETS])),
  },
  { additionalProperties: false },
);

const RungSchema = Type.Refine(
  Type.Refine(
    RungMembers,
    ({ bitrate, maxrate = bitrate }) => maxrate >= bitrate,
    () => 'must have a maxrate that is not below its bitrate',
  ),
  ({ height, width = defaultWidth(height) }) => width <= SIZE_LIMITS.maximum,
  () => `must name a width: 16:9 would be wider than ${SIZE_LIMITS.maximum}`,
);

/** Schema of {@link ChannelOptions}. */
export const ChannelOptionsSchema = Type.Object(
  {
    id: Type.String({ pattern: ID_PATTERN }),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    schedule: Type.Refine(
      Type.Unsafe<Schedule>({}),
      (value) => value instanceof LoopSchedule,
      () => 'must be a schedule made by loop()',
    ),
    ladder: Type.Optional(Type.Array(RungSchema, { minItems: 1, maxItems: 8 })),
    frameRate: Type.Optional(Type.Unsafe<number | string | Rational>({})),
    segmentDuration: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    audioBitrate: Type.Optional(Type.Integer({ minimum: 32_000, maximum: 320_000 })),
    epoch: Type.Optional(
      Type.Refine(
        Type.Unsafe<Date | string>({}),
        isInstant,
        () => 'must be a Date or an ISO 8601 string',
      ),
    ),
    loudness: Type.Optional(
      Type.Union([
        Type.Literal(false),
        Type.Object(
          {
            target: Type.Optional(Type.Number({ minimum: -40, maximum: -10 })),
            measure: Type.Optional(Type.Enum(['cached', 'before'])),
          },
          { additionalProperties: false },
        ),
      ]),
    ),
  },
  { additionalProperties: false },
);

function isInstant(value: unknown): boolean {
  const isDate = value instanceof Date || typeof value === 'string';
  return isDate && !Number.isNaN(new Date(value).getTime());
}

function isLogger(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['info', 'warn', 'error'].every((name) => typeof Reflect.get(value, name) === 'function');
}
