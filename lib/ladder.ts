// The rungs of a channel: the default ladder, and what a short description of a rung stands for.

import type { Rung, Size } from './engine/engine.js';

/** One rung as a person writes it; only `height` and `bitrate` are needed. */
export interface RungOptions {
  /** Picture height in pixels, even. */
  readonly height: number;
  /** Average bit rate of the video in bit/s. */
  readonly bitrate: number;
  /** Picture width in pixels, even. Default: 16:9. */
  readonly width?: number;
  /** Name in URLs. Default: the height and `p`, as `720p`. */
  readonly id?: string;
  /** Highest bit rate in bit/s, not below `bitrate`. Default: 1.5 times `bitrate`. */
  readonly maxrate?: number;
  /** Size of the rate control's buffer in bits. Default: twice `bitrate`. */
  readonly bufsize?: number;
  /** x264 preset. Hardware encoders have presets of their own. Default: `veryfast`. */
  readonly preset?: X264Preset;
  /** H.264 profile; `baseline` and `main` are for old devices. Default: `high`. */
  readonly profile?: H264Profile;
  /** x264 tune, for example `animation`. Hardware encoders ignore it. Default: none. */
  readonly tune?: X264Tune;
}

/** The H.264 profiles of 8 bit 4:2:0 pictures, best first. */
export const H264_PROFILES = ['high', 'main', 'baseline'] as const;

/** A member of {@link H264_PROFILES}. */
export type H264Profile = (typeof H264_PROFILES)[number];

/** The x264 tunes that suit television. */
export const X264_TUNES = [
  'film',
  'animation',
  'grain',
  'stillimage',
  'fastdecode',
  'zerolatency',
] as const;

/** A member of {@link X264_TUNES}. */
export type X264Tune = (typeof X264_TUNES)[number];

/** The x264 presets, fastest first. */
export const X264_PRESETS = [
  'ultrafast',
  'superfast',
  'veryfast',
  'faster',
  'fast',
  'medium',
  'slow',
  'slower',
  'veryslow',
] as const;

/** A member of {@link X264_PRESETS}. */
export type X264Preset = (typeof X264_PRESETS)[number];

/** The ladder of a channel that does not say otherwise: 1080p, 720p and 480p. */
export const DEFAULT_LADDER: readonly RungOptions[] = [
  { height: 1080, bitrate: 5_000_000 },
  { height: 720, bitrate: 3_000_000 },
  { height: 480, bitrate: 1_500_000 },
];

/** Width and height of a rung in pixels. */
export const SIZE_LIMITS = { minimum: 64, maximum: 8192, multipleOf: 2 } as const;

/** The width in pixels of a rung that does not name one: 16:9, even. */
export function defaultWidth(height: number): number {
  return 2 * Math.round((height * 16) / 9 / 2);
}

/** The complete rungs of a ladder, largest first. */
export function completeLadder(ladder: readonly RungOptions[]): Rung[] {
  return ladder
    .map(({ height, bitrate, ...rung }) => ({
      id: rung.id ?? `${height}p`,
      width: rung.width ?? defaultWidth(height),
      height,
      bitrate,
      maxrate: rung.maxrate ?? Math.round(bitrate * 1.5),
      bufsize: rung.bufsize ?? bitrate * 2,
      preset: rung.preset ?? 'veryfast',
      profile: rung.profile ?? 'high',
      ...(rung.tune === undefined ? {} : { tune: rung.tune }),
    }))
    .sort((a, b) => b.width * b.height - a.width * a.height || b.bitrate - a.bitrate);
}

/**
 * The rungs of a ladder that some source fills in width or in height without being enlarged, in their order; the
 * smallest rung always stays. Rungs have one size whatever airs, so in a channel of large and small sources the
 * small ones are enlarged.
 * @param sources Sizes of all sources of the channel; null for one that is not known, which may be any.
 */
export function withoutUpscaling<Rung extends Pick<RungOptions, 'height' | 'width'>>(
  ladder: readonly Rung[],
  sources: readonly (Size | null)[],
): Rung[] {
  const least = Math.min(...ladder.map(({ height }) => height));
  return ladder.filter(
    ({ height, width = defaultWidth(height) }) =>
      height === least ||
      sources.some((source) => source === null || width <= source.width || height <= source.height),
  );
}
