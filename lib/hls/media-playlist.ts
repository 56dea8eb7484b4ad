// Writes the media playlist of one rendition (RFC 8216 4.3.3) from the exact grid. Pure.

import { AUDIO_RENDITION } from '../engine/engine.js';
import type { EncodingChanges } from '../store/segment-store.js';
import type { Grid } from '../timeline/grid.js';
import { toFixed } from '../timeline/rational.js';
import type { Airing, ResolvedSchedule } from '../timeline/schedule.js';
import type { SegmentRange } from '../timeline/window.js';
import { type Container, segmentName, segmentTag } from './container.js';
import { attributes, dateTime, quoted } from './tags.js';

/** Programmes announced in one playlist at most: of more, the last. */
const MAX_DATE_RANGES = 32;

/** What a media playlist is written from. */
export interface MediaPlaylist {
  readonly grid: Grid;
  readonly schedule: ResolvedSchedule;
  readonly rendition: string;
  readonly container: Container;
  /** The segments to list. */
  readonly range: SegmentRange;
  /** What a segment is made from: see {@link segmentTag}. */
  readonly editionOf: (sequence: number) => string;
  /** Content hash of the init segment that a listed segment is played behind. */
  readonly initOf: (sequence: number) => string;
  /** Where the encoding changes, and how many such changes there were before. */
  readonly changes: EncodingChanges;
  /** Query string to carry on to every URI, with its question mark; empty for none. */
  readonly query: string;
}

/** The text of a media playlist. */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  const { grid, rendition, container, range, editionOf, initOf, changes, query } = playlist;
  const lines = [
    '#EXTM3U',
    // EXT-X-MAP in a playlist of ordinary segments needs version 6 (4.3.2.5), fractions in EXTINF 3 (4.3.2.1).
    `#EXT-X-VERSION:${container === 'ts' ? 3 : 6}`,
    `#EXT-X-TARGETDURATION:${grid.targetDuration}`,
    `#EXT-X-MEDIA-SEQUENCE:${range.from}`,
    // 4.3.3.3: the discontinuities whose segments have left the playlist.
    `#EXT-X-DISCONTINUITY-SEQUENCE:${changesBefore(changes, range.from)}`,
    ...dateRanges(playlist),
  ];
  let map = '';
  for (let sequence = range.from; sequence <= range.to; sequence++) {
    const duration =
      rendition === AUDIO_RENDITION ? grid.audioDuration(sequence) : grid.segmentDuration;
    const init = initOf(sequence);
    const tag = segmentTag(editionOf(sequence), init);
    const isChange = changes.at.includes(sequence);
    if (isChange) lines.push('#EXT-X-DISCONTINUITY');
    if (container !== 'ts' && (isChange || init !== map))
      lines.push(`#EXT-X-MAP:URI=${quoted(`init-${init}.mp4${query}`)}`);
    map = init;
    lines.push(
      `#EXT-X-PROGRAM-DATE-TIME:${dateTime(grid.instantOfSegment(sequence))}`,
      `#EXTINF:${toFixed(duration, 6)},`,
      `${segmentName(sequence, tag, container)}${query}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function changesBefore({ past, at }: EncodingChanges, sequence: number): number {
  return past + at.filter((change) => change < sequence).length;
}

// One EXT-X-DATERANGE for every programme that airs within the window. Where they are too many for one playlist, those
// at its beginning are left out: they were announced when they were at its end.
function dateRanges({ grid, schedule, range }: MediaPlaylist): string[] {
  const lines: string[] = [];
  const first = grid.firstFrame(range.from);
  for (let frame = grid.firstFrame(range.to + 1) - 1; frame >= first; ) {
    const airing = schedule.airingAt(frame);
    frame = airing.startFrame - 1;
    if (airing.kind === 'slate') continue;
    lines.unshift(`#EXT-X-DATERANGE:${dateRange(grid, airing)}`);
    if (lines.length === MAX_DATE_RANGES) break;
  }
  return lines;
}

function dateRange(grid: Grid, { startFrame, programme }: Airing): string {
  const { num, den } = grid.format.frameRate;
  return attributes({
    ID: quoted(`programme-${startFrame}`),
    CLASS: quoted('programme'),
    'START-DATE': quoted(dateTime(grid.instantOfFrame(startFrame))),
    DURATION: toFixed({ num: programme.frames * den, den: num }, 6),
    'X-TITLE': quoted(programme.title),
  });
}
