// The one error type of the library and its closed list of codes. docs/errors.md describes each code.

/**
 * Every code that a `HeadendError` or a fault can carry. Codes are stable: programs may switch on them.
 * docs/errors.md lists, for each, what it means and what to do.
 */
export const ERROR_CODES = [
  'INVALID_OPTIONS',
  'CHANNEL_NOT_FOUND',
  'CHANNEL_EXISTS',
  'RENDITION_NOT_FOUND',
  'SEGMENT_NOT_FOUND',
  'SEGMENT_TIMEOUT',
  'SEGMENT_RENAMED',
  'SESSION_NOT_FOUND',
  'CAPACITY_EXCEEDED',
  'NOT_READY',
  'READER_TOO_SLOW',
  'SCHEDULE_EMPTY',
  'SCHEDULE_NOT_STARTED',
  'SCHEDULE_ENDED',
  'SCHEDULE_FAILED',
  'SOURCE_NOT_FOUND',
  'SOURCE_DENIED',
  'SOURCE_INVALID',
  'SOURCE_TIMEOUT',
  'SOURCE_ENDED',
  'SOURCE_DAMAGED',
  'DECODE_FAILED',
  'DEVICE_FAILED',
  'ENCODE_FAILED',
  'ENGINE_BUSY',
  'ENGINE_STOPPED',
  'ENGINE_FAILED',
  'ADDON_NOT_FOUND',
  'CLOSED',
  'ALREADY_STARTED',
  'JOURNAL_FAILED',
  'JOURNAL_DAMAGED',
  'STORE_FAILED',
  'DISK_FULL',
  'ANNOUNCEMENT_FAILED',
  'INVALID_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RANGE_NOT_SATISFIABLE',
  'RATE_LIMITED',
  'TOO_MANY_CLIENTS',
  'INTERNAL_ERROR',
] as const;

/** A member of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The part of the system that failed. */
export type Stage =
  | 'options'
  | 'schedule'
  | 'open'
  | 'probe'
  | 'demux'
  | 'decode'
  | 'normalise'
  | 'encode'
  | 'mux'
  | 'engine'
  | 'session'
  | 'store'
  | 'journal'
  | 'http';

/** What a {@link HeadendError} is made from besides its code, stage and message. */
export interface HeadendErrorDetails {
  /** The channel that it is about. Default: none. */
  readonly channelId?: string;
  /** FFmpeg's negative error number. */
  readonly averror?: number;
  /** Whether the same call may succeed later without a change. Default false. */
  readonly retryable?: boolean;
  /** The error that led to it. Default: none. */
  readonly cause?: unknown;
}

/** Every error that the library throws on purpose. */
export class HeadendError extends Error {
  /** Always `HeadendError`. */
  override readonly name = 'HeadendError';
  /** What went wrong: one of a closed list that never changes its meaning. */
  readonly code: ErrorCode;
  /** The part of the system that failed. */
  readonly stage: Stage;
  /** The channel that it is about, where it is about one. */
  readonly channelId: string | undefined;
  /** FFmpeg's negative error number, where the error is FFmpeg's. */
  readonly averror: number | undefined;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;

  /**
   * An error of the library, or of a program's own routes, which `problemHandler` answers like the others.
   * @param message For people.
   */
  constructor(code: ErrorCode, stage: Stage, message: string, details: HeadendErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.stage = stage;
    this.channelId = details.channelId;
    this.averror = details.averror;
    this.retryable = details.retryable ?? false;
  }
}

/** Narrows a string (from the addon) to an {@link ErrorCode}. */
export function isErrorCode(value: string): value is ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(value);
}
