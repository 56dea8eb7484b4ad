// Writes the multivariant playlist of a channel (RFC 8216 4.3.4). Pure.

import type { Rational, Rung } from '../engine/engine.js';
import { toFixed } from '../timeline/rational.js';
import { attributes, quoted } from './tags.js';

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
  /** RFC 6381 codecs string of the audio and of every rung, by rendition id. */
  readonly codecs: ReadonlyMap<string, string>;
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
  const { frameRate, segmentDuration, rungs, audioBitrate, codecs, query } = playlist;
  const audioCodecs = codecs.get('audio');
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    `#EXT-X-MEDIA:${attributes({
      TYPE: 'AUDIO',
      'GROUP-ID': quoted(AUDIO_GROUP),
      NAME: quoted('Main'),
      DEFAULT: 'YES',
      AUTOSELECT: 'YES',
      CHANNELS: quoted('2'),
      URI: quoted(`audio/index.m3u8${query}`),
    })}`,
  ];
  for (const rung of variantOrder(rungs)) {
    lines.push(
      `#EXT-X-STREAM-INF:${attributes({
        BANDWIDTH: declared(peakBitrate(rung, segmentDuration) + audioBitrate),
        'AVERAGE-BANDWIDTH': declared(rung.bitrate + audioBitrate),
        CODECS: quoted([codecs.get(rung.id), audioCodecs].filter((codec) => codec).join(',')),
        RESOLUTION: `${rung.width}x${rung.height}`,
        'FRAME-RATE': toFixed(frameRate, 3),
        AUDIO: quoted(AUDIO_GROUP),
      })}`,
      `${rung.id}/index.m3u8${query}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

// A segment that begins with the rate control's buffer full may hold all of it besides what comes in at
// maxrate (RFC 8216 4.3.4.2: BANDWIDTH is the peak of the segments).
function peakBitrate({ maxrate, bufsize }: Rung, { num, den }: Rational): number {
  return maxrate + (bufsize * den) / num;
}

function declared(bitrate: number): string {
  return Math.ceil((bitrate * (100 + CONTAINER_OVERHEAD)) / 100).toString();
}
