// The endless transport stream of a rendition: one MPEG-TS segment after the other, at the pace of the air.

import { HeadendError } from '../errors.js';

/** A reader that is so far behind what is on air does not watch it. */
const MAX_BEHIND_MS = 30_000;

/** What a transport stream is read from. */
export interface TsStreamSource {
  readonly channelId: string;
  /** The channel's time. */
  now(): number;
  /** The segment on air at an instant. */
  segmentAt(instantMs: number): number;
  instantOfSegment(sequence: number): number;
  /** Resolves when a segment is due to be handed out. */
  listed(sequence: number): Promise<void>;
  /** Resolves with the bytes of a segment, or with null when they are late: it is asked again. */
  segment(sequence: number): Promise<Uint8Array | null>;
}

/**
 * The segments from the one on air on, the first ones at once as far as they are made ahead. The next segment
 * is asked for when the reader wants it, so a slow one holds back nothing but itself.
 * @throws HeadendError `READER_TOO_SLOW`; what the source throws.
 */
export async function* readTransportStream(
  source: TsStreamSource,
): AsyncGenerator<Uint8Array, void, void> {
  let next = source.segmentAt(source.now());
  for (;;) {
    await source.listed(next);
    if (source.now() - source.instantOfSegment(next + 1) > MAX_BEHIND_MS) throw tooSlow(source);
    const data = await segmentOf(source, next);
    if (data === null) continue;
    yield data;
    next++;
  }
}

async function segmentOf(source: TsStreamSource, sequence: number): Promise<Uint8Array | null> {
  try {
    return await source.segment(sequence);
  } catch (error) {
    const isGone = error instanceof HeadendError && error.code === 'SEGMENT_NOT_FOUND';
    throw isGone ? tooSlow(source, error) : error;
  }
}

function tooSlow({ channelId }: TsStreamSource, cause?: unknown): HeadendError {
  return new HeadendError(
    'READER_TOO_SLOW',
    'http',
    `the reader fell ${MAX_BEHIND_MS / 1000} s behind what is on air`,
    { channelId, cause },
  );
}
