// The options of createHeadend and of channels.add: their types, their defaults, and the schemas that
// check them.

import Type from 'typebox';
import { AUDIO_RENDITION, type Rational } from './engine/engine.js';
import { CONTAINERS, type Container } from './hls/container.js';
import { type HttpOptions, HttpOptionsSchema } from './http/options.js';
import type { FileJournal } from './journal/journal.js';
import type { JournalOptions } from './journal/open-journal.js';
import {
  defaultWidth,
  H264_PROFILES,
  type RungOptions,
  SIZE_LIMITS,
  X264_PRESETS,
  X264_TUNES,
} from './ladder.js';
import type { LoudnessOptions } from './probe/planned-gain.js';
import { DISK_STORE_DEFAULTS, type DiskStoreOptions } from './store/segment-files.js';
import { DEFAULT_STORE_BYTES } from './store/segment-store.js';
import type { AdmissionPolicy } from './stream/admission.js';
import { isSchedule, type Schedule } from './timeline/schedule.js';

/** The epoch of channels that do not name one, so that two servers with equal settings air equal segments. */
export const DEFAULT_EPOCH = '2025-01-01T00:00:00.000Z';

/** Where Headend writes its log, when it is given one; pino and `console` fit. */
export interface Logger {
  /** Changes of state. */
  info(details: object, message: string): void;
  /** Faults and warnings. */
  warn(details: object, message: string): void;
  /** What broke a request. */
  error(details: object, message: string): void;
}

/** Values of the option `hardware`, the encoders in the order in which `auto` prefers them. */
export const HARDWARE = [
  'auto',
  'nvenc',
  'qsv',
  'videotoolbox',
  'vaapi',
  'amf',
  'v4l2m2m',
  'software',
] as const;

/** A member of {@link HARDWARE}. */
export type Hardware = (typeof HARDWARE)[number];

/** Options of `createHeadend`. */
export interface HeadendOptions {
  /**
   * Which encoder to use: `auto` the best that works on this machine (see `headend.hardware()`), `software`
   * x264, or the one named. One that fails, now or later, is reported as a fault, and the channel goes on in
   * software. Default `auto`.
   */
  readonly hardware?: Hardware;
  /**
   * Whether files are decoded and scaled on the encoder's device as well, where a trial has shown that their pictures
   * come back whole (see `headend.hardware()`). Files that the device cannot decode are decoded in software. Default
   * true.
   */
  readonly hardwareDecoding?: boolean;
  /** Memory for finished segments of all channels, in bytes. Default 512 MiB. */
  readonly storeBytes?: number;
  /**
   * Where segments are kept that this memory has no room for, so that none is given up: a folder, and how much of its
   * disk stays free. Default: nowhere.
   */
  readonly diskStore?: DiskStoreOptions;
  /** How many segments a media playlist lists at most, 6 to 60. Default 10. */
  readonly playlistSegments?: number;
  /** Milliseconds after the last viewer left or was last heard of after which a channel is stopped. Default 30000. */
  readonly idleMs?: number;
  /**
   * Milliseconds without a request after which a viewer counts as gone. Default: as `idleMs`. Three target durations
   * are given at least: players ask once in each.
   */
  readonly viewerTimeoutMs?: number;
  /** How many segments are made in one go, 2 to 60. Default 10. */
  readonly batchSegments?: number;
  /**
   * The next batch is begun when at most this many segments of the last one lie beyond the furthest viewer and the end
   * of the playlist; at least 1 and less than `batchSegments`. Default 4.
   */
  readonly batchThreshold?: number;
  /** Milliseconds between two looks at every channel, besides those that events give cause for. Default 2000. */
  readonly coordinatorIntervalMs?: number;
  /**
   * How many segments, of all channels, are made at the same time; 2 to 1024. Default: half the number of processors,
   * 2 at least: each segment keeps several busy.
   */
  readonly segmentsInWork?: number;
  /**
   * What happens to a channel that somebody wants to watch while those that are watched take all the machine can give:
   * `off` starts it, `refuse` answers `CAPACITY_EXCEEDED`, `reduce` starts it with its smallest rung alone if that
   * fits. Default `off`.
   */
  readonly admission?: AdmissionPolicy;
  /** TrueType font for the slate and for generators. Default: DejaVu Sans, which comes with the package. */
  readonly fontFile?: string;
  /**
   * A file that remembers what `probe` and `measureLoudness` found out about files, over restarts; made if it is not
   * there. Several processes may share it. Default: remembered in memory, of 5000 files.
   */
  readonly probeCache?: string;
  /**
   * Where sessions, positions, batches, programmes, faults and the channels saved through the API are written down, so
   * that they outlive the process: a file, the options of `openJournal`, or a journal, which is closed with the
   * Headend. Default `false`: nowhere.
   */
  readonly journal?: string | JournalOptions | FileJournal | false;
  /**
   * PEM file of the certificate authorities that https sources are checked against. Default: the system's, where
   * Linux distributions keep it.
   */
  readonly caFile?: string;
  /** Receives faults and changes of state besides the events. Default: none. */
  readonly logger?: Logger;
  /** How the channels are served over HTTP, and to whom. */
  readonly http?: HttpOptions;
}

/** Options of `channels.add`. */
export interface ChannelOptions {
  /** Name in URLs: letters, digits, `-` and `_`, at most 64. */
  readonly id: string;
  /** Name for viewers, and the text of the slate. Default: the id. */
  readonly name?: string;
  /**
   * The number on the remote control, as `'7'` or `'7.1'`. A number that an earlier channel chose counts as none.
   * Default: the smallest whole number that no channel has, in the order of the channels.
   */
  readonly number?: string;
  /**
   * A picture for lists of channels: an http or https URL, or a path on the host under which clients reach Headend, as
   * `/logos/news.png`. Default: none.
   */
  readonly logo?: string;
  /** Heading under which apps list the channel. Default: none. */
  readonly group?: string;
  /** Language of the sound and of the titles, as BCP 47 has it: `de`, `pt-BR`. Default `und`, which is unknown. */
  readonly language?: string;
  /** What airs; see `loop`, `at` and `compute`. */
  readonly schedule: Schedule;
  /**
   * Which of the schedule's files to look at before it airs: those whose length must be measured, or `all`, to
   * know early which programmes will be slate. Default `needed`.
   */
  readonly checkSources?: 'needed' | 'all';
  /** The video encodes that viewers can choose from. Default: 1080p, 720p and 480p. */
  readonly ladder?: readonly RungOptions[];
  /**
   * Whether to offer rungs that are larger than every source of this schedule. Sources count that are looked at when
   * the channel is added, see `checkSources`; any other is taken to be large enough. Default false.
   */
  readonly upscale?: boolean;
  /**
   * Output frames per second, 1 to 60: a number (29.97 is read as 30000/1001), a string such as
   * `'24000/1001'`, or an exact ratio. Every programme is converted to it. Default 30.
   */
  readonly frameRate?: number | string | Rational;
  /** Length of a segment in whole seconds, 1 to 10; 4.004 s for 4 at the 1001 rates. Default 4. */
  readonly segmentDuration?: number;
  /**
   * What playlists name to a client that does not say (`?container=`): `fmp4` is CMAF with separate audio, `ts`
   * MPEG-TS with picture and sound in one. Both are always served. Default `fmp4`.
   */
  readonly container?: Container;
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
  batchSegments: 10,
  batchThreshold: 4,
  coordinatorIntervalMs: 2000,
  admission: 'off',
} as const;

/** Defaults of {@link ChannelOptions}. */
export const CHANNEL_DEFAULTS = {
  frameRate: 30,
  segmentDuration: 4,
  container: 'fmp4',
  audioBitrate: 128_000,
  language: 'und',
} as const;

const WAIT_LIMITS = { minimum: 1000, maximum: 86_400_000 } as const;

/** Schema of {@link HeadendOptions}, without what holds between them. */
export const HeadendOptionsSchema = Type.Object(
  {
    hardware: Type.With(Type.Optional(Type.Enum([...HARDWARE])), {
      description:
        'Which encoder to use: `auto` the best that works on this machine (see `headend.hardware()`), `software` x264, or the one named. One that fails, now or later, is reported as a fault, and the channel goes on in software. Default `auto`.',
    }),
    hardwareDecoding: Type.With(Type.Optional(Type.Boolean()), {
      description:
        "Whether files are decoded and scaled on the encoder's device as well, where a trial has shown that their pictures come back whole (see `headend.hardware()`). Files that the device cannot decode are decoded in software. Default true.",
    }),
    storeBytes: Type.With(Type.Optional(Type.Integer({ minimum: 1024 * 1024 })), {
      description: 'Memory for finished segments of all channels, in bytes. Default 512 MiB.',
    }),
    diskStore: Type.With(
      Type.Optional(
        Type.Refine(
          Type.Object(
            {
              directory: Type.With(Type.String({ minLength: 1 }), {
                description:
                  'A folder on a local disk, of one process at a time; made when it is not there, the folder around it is not. Other files in it are left alone.',
              }),
              refuseBelowBytes: Type.With(Type.Optional(Type.Integer({ minimum: 0 })), {
                description:
                  'Nothing more is written while fewer bytes than this are free on that disk. Default 5 GiB.',
              }),
              warnBelowBytes: Type.With(Type.Optional(Type.Integer({ minimum: 0 })), {
                description:
                  'A `warning` is raised when fewer bytes than this are free; not less than `refuseBelowBytes`. Default 10 GiB.',
              }),
            },
            { additionalProperties: false },
          ),
          ({
            refuseBelowBytes = DISK_STORE_DEFAULTS.refuseBelowBytes,
            warnBelowBytes = DISK_STORE_DEFAULTS.warnBelowBytes,
          }) => refuseBelowBytes <= warnBelowBytes,
          () => 'must have a warnBelowBytes that is not below its refuseBelowBytes',
        ),
      ),
      {
        description:
          'Where segments are kept that this memory has no room for, so that none is given up: a folder, and how much of its disk stays free. Default: nowhere.',
      },
    ),
    playlistSegments: Type.With(Type.Optional(Type.Integer({ minimum: 6, maximum: 60 })), {
      description: 'How many segments a media playlist lists at most, 6 to 60. Default 10.',
    }),
    idleMs: Type.With(Type.Optional(Type.Integer(WAIT_LIMITS)), {
      description:
        'Milliseconds after the last viewer left or was last heard of after which a channel is stopped. Default 30000.',
    }),
    viewerTimeoutMs: Type.With(Type.Optional(Type.Integer(WAIT_LIMITS)), {
      description:
        'Milliseconds without a request after which a viewer counts as gone. Default: as `idleMs`. Three target durations are given at least: players ask once in each.',
    }),
    batchSegments: Type.With(Type.Optional(Type.Integer({ minimum: 2, maximum: 60 })), {
      description: 'How many segments are made in one go, 2 to 60. Default 10.',
    }),
    batchThreshold: Type.With(Type.Optional(Type.Integer({ minimum: 1, maximum: 59 })), {
      description:
        'The next batch is begun when at most this many segments of the last one lie beyond the furthest viewer and the end of the playlist; at least 1 and less than `batchSegments`. Default 4.',
    }),
    coordinatorIntervalMs: Type.With(
      Type.Optional(Type.Integer({ minimum: 100, maximum: 60_000 })),
      {
        description:
          'Milliseconds between two looks at every channel, besides those that events give cause for. Default 2000.',
      },
    ),
    segmentsInWork: Type.With(Type.Optional(Type.Integer({ minimum: 2, maximum: 1024 })), {
      description:
        'How many segments, of all channels, are made at the same time; 2 to 1024. Default: half the number of processors, 2 at least: each segment keeps several busy.',
    }),
    admission: Type.With(Type.Optional(Type.Enum(['off', 'refuse', 'reduce'])), {
      description:
        'What happens to a channel that somebody wants to watch while those that are watched take all the machine can give: `off` starts it, `refuse` answers `CAPACITY_EXCEEDED`, `reduce` starts it with its smallest rung alone if that fits. Default `off`.',
    }),
    fontFile: Type.With(Type.Optional(Type.String({ minLength: 1 })), {
      description:
        'TrueType font for the slate and for generators. Default: DejaVu Sans, which comes with the package.',
    }),
    probeCache: Type.With(Type.Optional(Type.String({ minLength: 1 })), {
      description:
        'A file that remembers what `probe` and `measureLoudness` found out about files, over restarts; made if it is not there. Several processes may share it. Default: remembered in memory, of 5000 files.',
    }),
    journal: Type.With(
      Type.Optional(
        Type.Refine(
          Type.Unsafe<string | JournalOptions | FileJournal | false>({}),
          isJournal,
          () => 'must be a path, the options of openJournal, a journal, or false',
        ),
      ),
      {
        description:
          'Where sessions, positions, batches, programmes, faults and the channels saved through the API are written down, so that they outlive the process: a file, the options of `openJournal`, or a journal, which is closed with the Headend. Default `false`: nowhere.',
      },
    ),
    caFile: Type.With(Type.Optional(Type.String({ minLength: 1 })), {
      description:
        "PEM file of the certificate authorities that https sources are checked against. Default: the system's, where Linux distributions keep it.",
    }),
    logger: Type.With(
      Type.Optional(
        Type.Refine(
          Type.Unsafe<Logger>({}),
          isLogger,
          () => 'must have the methods info, warn and error',
        ),
      ),
      { description: 'Receives faults and changes of state besides the events. Default: none.' },
    ),
    http: Type.With(Type.Optional(HttpOptionsSchema), {
      description: 'How the channels are served over HTTP, and to whom.',
    }),
  },
  { additionalProperties: false },
);

const BITRATE_LIMITS = { minimum: 50_000, maximum: 200_000_000 } as const;

const RungMembers = Type.Object(
  {
    height: Type.With(Type.Integer(SIZE_LIMITS), {
      description: 'Picture height in pixels, even.',
    }),
    width: Type.With(Type.Optional(Type.Integer(SIZE_LIMITS)), {
      description: 'Picture width in pixels, even. Default: 16:9.',
    }),
    bitrate: Type.With(Type.Integer(BITRATE_LIMITS), {
      description: 'Average bit rate of the video in bit/s.',
    }),
    id: Type.With(
      Type.Optional(
        Type.Refine(
          Type.String({ pattern: ID_PATTERN }),
          (id) => id !== AUDIO_RENDITION,
          () => 'must not be "audio", which names the audio rendition',
        ),
      ),
      { description: 'Name in URLs. Default: the height and `p`, as `720p`.' },
    ),
    maxrate: Type.With(Type.Optional(Type.Integer(BITRATE_LIMITS)), {
      description: 'Highest bit rate in bit/s, not below `bitrate`. Default: 1.5 times `bitrate`.',
    }),
    bufsize: Type.With(Type.Optional(Type.Integer({ ...BITRATE_LIMITS, maximum: 1_000_000_000 })), {
      description: "Size of the rate control's buffer in bits. Default: twice `bitrate`.",
    }),
    preset: Type.With(Type.Optional(Type.Enum([...X264_PRESETS])), {
      description: 'x264 preset. Hardware encoders have presets of their own. Default: `veryfast`.',
    }),
    profile: Type.With(Type.Optional(Type.Enum([...H264_PROFILES])), {
      description: 'H.264 profile; `baseline` and `main` are for old devices. Default: `high`.',
    }),
    tune: Type.With(Type.Optional(Type.Enum([...X264_TUNES])), {
      description:
        'x264 tune, for example `animation`. Hardware encoders ignore it. Default: none.',
    }),
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
    id: Type.With(Type.String({ pattern: ID_PATTERN }), {
      description: 'Name in URLs: letters, digits, `-` and `_`, at most 64.',
    }),
    name: Type.With(Type.Optional(Type.String({ minLength: 1, maxLength: 200 })), {
      description: 'Name for viewers, and the text of the slate. Default: the id.',
    }),
    number: Type.With(
      Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,4}(?:\\.[1-9]\\d{0,3})?$' })),
      {
        description:
          "The number on the remote control, as `'7'` or `'7.1'`. A number that an earlier channel chose counts as none. Default: the smallest whole number that no channel has, in the order of the channels.",
      },
    ),
    logo: Type.With(
      Type.Optional(
        Type.Refine(
          Type.String({ maxLength: 2000 }),
          isLogo,
          () => 'must be an http or https URL, or a path that begins with "/"',
        ),
      ),
      {
        description:
          'A picture for lists of channels: an http or https URL, or a path on the host under which clients reach Headend, as `/logos/news.png`. Default: none.',
      },
    ),
    group: Type.With(Type.Optional(Type.String({ minLength: 1, maxLength: 100 })), {
      description: 'Heading under which apps list the channel. Default: none.',
    }),
    language: Type.With(
      Type.Optional(
        Type.Refine(
          Type.String({ maxLength: 100 }),
          isLanguage,
          () => 'must be a BCP 47 language tag',
        ),
      ),
      {
        description:
          'Language of the sound and of the titles, as BCP 47 has it: `de`, `pt-BR`. Default `und`, which is unknown.',
      },
    ),
    schedule: Type.With(
      Type.Refine(
        Type.Unsafe<Schedule>({}),
        isSchedule,
        () => 'must be a schedule made by loop(), at() or compute()',
      ),
      { description: 'What airs; see `loop`, `at` and `compute`.' },
    ),
    checkSources: Type.With(Type.Optional(Type.Enum(['needed', 'all'])), {
      description:
        "Which of the schedule's files to look at before it airs: those whose length must be measured, or `all`, to know early which programmes will be slate. Default `needed`.",
    }),
    ladder: Type.With(Type.Optional(Type.Array(RungSchema, { minItems: 1, maxItems: 8 })), {
      description: 'The video encodes that viewers can choose from. Default: 1080p, 720p and 480p.',
    }),
    upscale: Type.With(Type.Optional(Type.Boolean()), {
      description:
        'Whether to offer rungs that are larger than every source of this schedule. Sources count that are looked at when the channel is added, see `checkSources`; any other is taken to be large enough. Default false.',
    }),
    frameRate: Type.With(Type.Optional(Type.Unsafe<number | string | Rational>({})), {
      description:
        "Output frames per second, 1 to 60: a number (29.97 is read as 30000/1001), a string such as `'24000/1001'`, or an exact ratio. Every programme is converted to it. Default 30.",
    }),
    segmentDuration: Type.With(Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })), {
      description:
        'Length of a segment in whole seconds, 1 to 10; 4.004 s for 4 at the 1001 rates. Default 4.',
    }),
    container: Type.With(Type.Optional(Type.Enum([...CONTAINERS])), {
      description:
        'What playlists name to a client that does not say (`?container=`): `fmp4` is CMAF with separate audio, `ts` MPEG-TS with picture and sound in one. Both are always served. Default `fmp4`.',
    }),
    audioBitrate: Type.With(Type.Optional(Type.Integer({ minimum: 32_000, maximum: 320_000 })), {
      description: 'Bit rate of the audio in bit/s. Default 128000.',
    }),
    epoch: Type.With(
      Type.Optional(
        Type.Refine(
          Type.Unsafe<Date | string>({}),
          isInstant,
          () => 'must be a Date or an ISO 8601 string',
        ),
      ),
      {
        description:
          "The instant at which the channel's first segment begins and from which all are numbered; not in the future. Default 2025-01-01T00:00:00.000Z.",
      },
    ),
    loudness: Type.With(
      Type.Optional(
        Type.Union([
          Type.Literal(false),
          Type.Object(
            {
              target: Type.With(Type.Optional(Type.Number({ minimum: -40, maximum: -10 })), {
                description:
                  'Integrated loudness that programmes are brought to, in LUFS, -40 to -10. Default -23, by EBU R 128.',
              }),
              measure: Type.With(Type.Optional(Type.Enum(['cached', 'before'])), {
                description:
                  '`cached` uses what has been measured before (`probe` with `loudness`, `measureLoudness`) and leaves other files as they are; `before` measures those when the channel is added, which decodes the sound of every file. Default `cached`.',
              }),
            },
            { additionalProperties: false },
          ),
        ]),
      ),
      {
        description:
          'Brings programmes to one loudness by a gain that is settled for each when the channel is added; false leaves them as they are. Default: -23 LUFS, for the files whose loudness is known by then.',
      },
    ),
  },
  { additionalProperties: false },
);

function isInstant(value: unknown): boolean {
  const isDate = value instanceof Date || typeof value === 'string';
  return isDate && !Number.isNaN(new Date(value).getTime());
}

function isLogo(text: string): boolean {
  return /^(?:https?:\/\/|\/)[^\s"<>]+$/.test(text) && URL.canParse(text, 'http://localhost');
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function isJournal(value: unknown): boolean {
  if (typeof value === 'object') return value !== null;
  return value === false || (typeof value === 'string' && value !== '');
}

function isLogger(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['info', 'warn', 'error'].every((name) => typeof Reflect.get(value, name) === 'function');
}
