// The containers in which a channel's segments are served, and the names that segments have in them. Both hold the same
// encoded pictures and sound.

import { createHash } from 'node:crypto';

/** `fmp4`: CMAF with separate audio. `ts`: MPEG-TS, picture and sound in one. */
export const CONTAINERS = ['fmp4', 'ts'] as const;

/** A member of {@link CONTAINERS}. */
export type Container = (typeof CONTAINERS)[number];

/** The name of a rendition's media playlist, relative to the rendition. */
export function mediaPlaylistName(container: Container): string {
  return container === 'ts' ? 'ts.m3u8' : 'index.m3u8';
}

/**
 * What tells a segment from others of its number: made from its edition (grid, ladder, schedule) and the init segment
 * that it is played behind, so that neither a cache nor a player ever takes a segment for the one that had its
 * number before a change. Eight hexadecimal digits.
 */
export function segmentTag(edition: string, initHash: string): string {
  return createHash('sha256').update(`${edition}/${initHash}`).digest('hex').slice(0, 8);
}

/** The name of a segment; see {@link segmentTag}. */
export function segmentName(sequence: number, tag: string, container: Container): string {
  return `${sequence}-${tag}.${container === 'ts' ? 'ts' : 'm4s'}`;
}
