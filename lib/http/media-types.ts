// The media types of what Headend serves.

/** HLS playlists (RFC 8216 4). */
export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/** MPEG-TS (RFC 3555 4.3.2). */
export const TS_TYPE = 'video/mp2t';
