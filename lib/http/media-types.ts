// The media types of what Headend serves.

/** HLS playlists (RFC 8216 4). */
export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/** MPEG-TS (RFC 3555 4.3.2). */
export const TS_TYPE = 'video/mp2t';
/** Whether compression makes a document of this type smaller; media are compressed already. */
export function isCompressible(contentType: string): boolean {
  return /mpegurl|json|xml|^text\/(?!event-stream)/.test(contentType);
}
