// The containers in which a channel's segments are served. Both hold the same encoded pictures and sound.

/** `fmp4`: CMAF with separate audio. `ts`: MPEG-TS, picture and sound in one. */
export const CONTAINERS = ['fmp4', 'ts'] as const;

/** A member of {@link CONTAINERS}. */
export type Container = (typeof CONTAINERS)[number];

/** The name of a rendition's media playlist, relative to the rendition. */
export function mediaPlaylistName(container: Container): string {
  return container === 'ts' ? 'ts.m3u8' : 'index.m3u8';
}

/**
 * The name of a segment. The edition says what the channel is made from (grid, encoding, schedule), so that a
 * cache never takes a segment for the one that had its number before a change.
 */
export function segmentName(sequence: number, edition: string, container: Container): string {
  return `${sequence}-${edition}.${container === 'ts' ? 'ts' : 'm4s'}`;
}
