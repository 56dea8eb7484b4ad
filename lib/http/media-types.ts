// The media types of what Headend serves.

/** HLS playlists (RFC 8216 4). */
export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
