// The exact grid of a channel: which frame, segment and audio access unit belongs to which instant.
// Pure integer arithmetic (BigInt where products grow), so that segment 1,000,000,000 at 24000/1001 is exact.

import type { ChannelFormat, Rational } from '../engine/engine.js';
import { ceilDiv, floorDiv, rational } from './rational.js';

/** Sample rate of every channel's audio, in Hz. */
export const AUDIO_SAMPLE_RATE = 48_000;
/** Samples in one AAC access unit. */
export const SAMPLES_PER_ACCESS_UNIT = 1024;
// Short, so that the first picture of a segment in the making is soon there: hls.js shows a fragment when the next is
// whole. The engine makes a segment's first ones still shorter.
const FRAGMENTS_PER_SECOND = 5;
// The access units that an encoder has read, at most, beyond the one that it gives.
const ACCESS_UNITS_READ_AHEAD = 3;

/**
 * The format of a channel with segments of about `segmentSeconds` (a whole number): exactly that long
 * where the frame rate allows it, else the nominal rate's number of frames (96 frames, 4.004 s, at 24000/1001).
 * IDR pictures come every two seconds and fragments every fifth of a second, or as near below as divides the segment.
 */
export function channelFormat(frameRate: Rational, segmentSeconds: number): ChannelFormat {
  const { num, den } = frameRate;
  const nominal = Math.round(num / den);
  const framesPerSegment =
    (segmentSeconds * num) % den === 0 ? (segmentSeconds * num) / den : segmentSeconds * nominal;
  const keyFrameInterval = largestDivisor(framesPerSegment, 2 * nominal);
  const framesPerFragment = largestDivisor(
    keyFrameInterval,
    Math.floor(nominal / FRAGMENTS_PER_SECOND),
  );
  return { frameRate, framesPerSegment, framesPerFragment, keyFrameInterval };
}

function largestDivisor(value: number, limit: number): number {
  for (let divisor = Math.min(value, limit); divisor > 1; divisor--) {
    if (value % divisor === 0) return divisor;
  }
  return 1;
}

/** Maps instants to frames and segments and back, for one channel. */
export class Grid {
  /** Instant of frame 0, in whole milliseconds since the Unix epoch. */
  readonly epochMs: number;
  readonly format: ChannelFormat;
  /** Exact length of a video segment, in seconds. */
  readonly segmentDuration: Rational;
  /** EXT-X-TARGETDURATION of every playlist of the channel, in whole seconds. */
  readonly targetDuration: number;

  constructor(epochMs: number, format: ChannelFormat) {
    this.epochMs = epochMs;
    this.format = format;
    const { frameRate, framesPerSegment } = format;
    this.segmentDuration = rational(framesPerSegment * frameRate.den, frameRate.num);
    // RFC 8216 4.3.3.1: no EXTINF, rounded to the nearest integer, exceeds the target duration.
    // The longest segments are audio's: the video's length rounded up to whole access units.
    const longestAudio = this.firstAccessUnit(1) * SAMPLES_PER_ACCESS_UNIT;
    this.targetDuration = Math.max(1, Math.round(longestAudio / AUDIO_SAMPLE_RATE));
  }

  /** The frame on air at an instant; negative before the epoch. */
  frameAt(instantMs: number): number {
    const { num, den } = this.format.frameRate;
    const elapsed = BigInt(Math.floor(instantMs)) - BigInt(this.epochMs);
    return Number(floorDiv(elapsed * BigInt(num), 1000n * BigInt(den)));
  }

  /** The segment on air at an instant; negative before the epoch. */
  segmentAt(instantMs: number): number {
    return Math.floor(this.frameAt(instantMs) / this.format.framesPerSegment);
  }

  /** First frame of segment `n`. */
  firstFrame(n: number): number {
    return n * this.format.framesPerSegment;
  }

  /** The first frame of segment `n` of which nothing is to be heard, nor has to be known, in the segments before it. */
  firstFrameApart(n: number): number {
    const { num, den } = this.format.frameRate;
    const samples =
      BigInt(this.firstAccessUnit(n) + ACCESS_UNITS_READ_AHEAD) * BigInt(SAMPLES_PER_ACCESS_UNIT);
    return Number(ceilDiv(samples * BigInt(num), BigInt(AUDIO_SAMPLE_RATE) * BigInt(den)));
  }

  /** The first whole millisecond at which `frame` is on air (exact where the rate falls on milliseconds). */
  instantOfFrame(frame: number): number {
    const { num, den } = this.format.frameRate;
    return this.epochMs + Number(ceilDiv(BigInt(frame) * 1000n * BigInt(den), BigInt(num)));
  }

  /** The first whole millisecond at which segment `n` is on air. */
  instantOfSegment(n: number): number {
    return this.instantOfFrame(this.firstFrame(n));
  }

  /**
   * Number of the first AAC access unit of segment `n`, counted from the epoch. Access unit k covers
   * samples [1024k, 1024(k+1)) and belongs to the segment in which it starts.
   */
  firstAccessUnit(n: number): number {
    const { frameRate, framesPerSegment } = this.format;
    const samples =
      BigInt(n) * BigInt(framesPerSegment) * BigInt(AUDIO_SAMPLE_RATE) * BigInt(frameRate.den);
    return Number(ceilDiv(samples, BigInt(frameRate.num) * BigInt(SAMPLES_PER_ACCESS_UNIT)));
  }

  /** How many access units segment `n` of the audio rendition holds. */
  accessUnits(n: number): number {
    return this.firstAccessUnit(n + 1) - this.firstAccessUnit(n);
  }

  /** Exact length of audio segment `n`, in seconds. */
  audioDuration(n: number): Rational {
    return rational(this.accessUnits(n) * SAMPLES_PER_ACCESS_UNIT, AUDIO_SAMPLE_RATE);
  }
}
