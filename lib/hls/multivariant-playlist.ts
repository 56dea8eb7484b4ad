// Writes the multivariant playlist of a channel (RFC 8216 4.3.4). Pure.

import type { Rational, Rung } from '../engine/engine.js';
import { toFixed } from '../timeline/rational.js';
import { type Container, mediaPlaylistName } from './container.js';
import { attributes, quoted } from './tags.js';
import { tsBitrate } from './ts-bitrate.js';

// What CMAF adds to the bits of the codecs, in per cent.
const CONTAINER_OVERHEAD = 2;
// The HLS authoring specification (1.32) wants the first variant near this, in bit/s.
const FIRST_VARIANT_BITRATE = 2_000_000;

const AUDIO_GROUP = 'audio';

/** What a multivariant playlist is written from. */
export interface MultivariantPlaylist {
  readonly frameRate: Rational;
  /** Exact length of a video segment, in seconds. */
  readonly segmentDuration: Rational;
  readonly rungs: readonly Rung[];
  /** In bit/s. */
  readonly audioBitrate: number;
  /** BCP 47 tag of the audio's language. */
  readonly language: string;
  /** RFC 6381 codecs string of the audio and of every rung, by rendition id. */
  readonly codecs: ReadonlyMap<string, string>;
  readonly container: Container;
  /** Query string to carry on to every URI, with its question mark; empty for none. */
  readonly query: string;
}

/** The ladder in the order of the variants: the one that players should start with first, then from the largest down. */
export function variantOrder(rungs: readonly Rung[]): Rung[] {
  const distance = (rung: Rung) => Math.abs(Math.log(rung.bitrate / FIRST_VARIANT_BITRATE));
  const [first, ...others] = [...rungs].sort((a, b) => distance(a) - distance(b));
  return first ? [first, ...others.sort((a, b) => b.bitrate - a.bitrate)] : [];
}

/** The text of a multivariant playlist. */
export function writeMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const { frameRate, rungs, codecs, container, language, query } = playlist;
  const isMuxed = container === 'ts';
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${isMuxed ? 3 : 6}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...(isMuxed ? [] : [audioRendition(language, query)]),
  ];
  for (const rung of variantOrder(rungs)) {
    lines.push(
      `#EXT-X-STREAM-INF:${attributes({
        BANDWIDTH: declared(playlist, peakBitrate(rung, playlist.segmentDuration)),
        'AVERAGE-BANDWIDTH': declared(playlist, rung.bitrate),
        CODECS: quoted([codecs.get(rung.id), codecs.get('audio')].filter(Boolean).join(',')),
        RESOLUTION: `${rung.width}x${rung.height}`,
        'FRAME-RATE': toFixed(frameRate, 3),
        AUDIO: isMuxed ? undefined : quoted(AUDIO_GROUP),
      })}`,
      `${rung.id}/${mediaPlaylistName(container)}${query}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function audioRendition(language: string, query: string): string {
  return `#EXT-X-MEDIA:${attributes({
    TYPE: 'AUDIO',
    'GROUP-ID': quoted(AUDIO_GROUP),
    NAME: quoted('Main'),
    LANGUAGE: quoted(language),
    DEFAULT: 'YES',
    AUTOSELECT: 'YES',
    CHANNELS: quoted('2'),
    URI: quoted(`audio/${mediaPlaylistName('fmp4')}${query}`),
  })}`;
}

// A segment that begins with the rate control's buffer full may hold all of it besides what comes in at
// maxrate (RFC 8216 4.3.4.2: BANDWIDTH is the peak of the segments).
function peakBitrate({ maxrate, bufsize }: Rung, { num, den }: Rational): number {
  return maxrate + (bufsize * den) / num;
}

// Of a variant with its audio, in its container.
function declared(playlist: MultivariantPlaylist, videoBitrate: number): string {
  const { audioBitrate, container } = playlist;
  const bitrate =
    container === 'ts'
      ? tsBitrate({ ...playlist, videoBitrate })
      : ((videoBitrate + audioBitrate) * (100 + CONTAINER_OVERHEAD)) / 100;
  return Math.ceil(bitrate).toString();
}
