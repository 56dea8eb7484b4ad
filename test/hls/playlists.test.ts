// The playlists as a parser that is not ours reads them, and their text where the text matters.
import fc from 'fast-check';
import { Parser } from 'm3u8-parser';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Container, segmentTag } from '../../lib/hls/container.js';
import { writeMediaPlaylist } from '../../lib/hls/media-playlist.js';
import { writeMultivariantPlaylist } from '../../lib/hls/multivariant-playlist.js';
import { completeLadder, DEFAULT_LADDER } from '../../lib/ladder.js';
import type { EncodingChanges } from '../../lib/store/segment-store.js';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { parseFrameRate } from '../../lib/timeline/rational.js';
import { ResolvedLoop } from '../../lib/timeline/schedule.js';

const INIT = '0123456789abcdef';
const TAG = segmentTag('89abcdef', INIT);
const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');

function gridOf(rate: string, seconds = 4): Grid {
  const frameRate = parseFrameRate(rate);
  if (!frameRate) throw new Error(rate);
  return new Grid(EPOCH, channelFormat(frameRate, seconds));
}

function scheduleOf(titles: readonly string[], frames: number): ResolvedLoop {
  return new ResolvedLoop(
    titles.map((title) => ({ title, source: { kind: 'slate' }, frames })),
    0,
  );
}

function media(options: {
  rate?: string;
  rendition?: string;
  from?: number;
  count?: number;
  titles?: readonly string[];
  frames?: number;
  query?: string;
  initOf?: (sequence: number) => string;
  changes?: EncodingChanges;
  container?: Container;
}): string {
  const { rate = '25', rendition = '720p', from = 1000, count = 10 } = options;
  return writeMediaPlaylist({
    grid: gridOf(rate),
    schedule: scheduleOf(options.titles ?? ['News'], options.frames ?? 100_000),
    rendition,
    range: { from, to: from + count - 1 },
    initOf: options.initOf ?? (() => INIT),
    changes: options.changes ?? { past: 0, at: [] },
    editionOf: () => '89abcdef',
    container: options.container ?? 'fmp4',
    query: options.query ?? '',
  });
}

function parse(text: string) {
  const parser = new Parser();
  parser.push(text);
  parser.end();
  return parser.manifest;
}

const rates = fc.constantFrom(
  '24000/1001',
  '24',
  '25',
  '30000/1001',
  '30',
  '50',
  '60000/1001',
  '60',
);

test('a media playlist is what it is', () => {
  assert.is(
    media({ count: 2, titles: ['News "at" ten\n#EXT-X-ENDLIST'], query: '?session=abc' }),
    `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:1000
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-DATERANGE:ID="programme-100000",CLASS="programme",START-DATE="2025-01-01T01:06:40.000Z",DURATION=4000.000000,X-TITLE="News at ten#EXT-X-ENDLIST"
#EXT-X-MAP:URI="init-0123456789abcdef.mp4?session=abc"
#EXT-X-PROGRAM-DATE-TIME:2025-01-01T01:06:40.000Z
#EXTINF:4.000000,
1000-${TAG}.m4s?session=abc
#EXT-X-PROGRAM-DATE-TIME:2025-01-01T01:06:44.000Z
#EXTINF:4.000000,
1001-${TAG}.m4s?session=abc
`,
  );
});

test('a change of the encoding is a discontinuity with the new map, in the audio too', () => {
  const other = 'fedcba9876543210';
  const changes = { past: 3, at: [1002] };
  const video = parse(
    media({ count: 4, changes, initOf: (sequence) => (sequence < 1002 ? INIT : other) }),
  );
  const audio = parse(media({ count: 4, changes, rendition: 'audio' }));
  for (const manifest of [video, audio]) {
    assert.is(manifest.discontinuitySequence, 3);
    assert.equal(manifest.discontinuityStarts, [2]);
  }
  assert.equal(
    video.segments.map(({ map }) => map?.uri),
    [INIT, INIT, other, other].map((init) => `init-${init}.mp4`),
  );
  const [, before, after] = video.segments;
  assert.is.not(before?.uri.split('-')[1], after?.uri.split('-')[1]);
  const ts = media({ count: 4, changes, container: 'ts' });
  assert.is(parse(ts).discontinuitySequence, 3);
  assert.equal(parse(ts).discontinuityStarts, [2]);
  assert.not.match(ts, /EXT-X-MAP/);
  // Repeated behind the discontinuity, although it is the same.
  assert.is(media({ count: 4, changes, rendition: 'audio' }).split('#EXT-X-MAP').length, 3);
});

test('every discontinuity that leaves the playlist is counted, once', () => {
  const all = [1002, 1005, 1006, 1030];
  for (let from = 995; from < 1040; from++) {
    // The store forgets changes sooner or later, and counts them.
    for (const forgotten of all.filter((change) => change < from).keys()) {
      const changes = { past: forgotten, at: all.slice(forgotten) };
      const manifest = parse(media({ from, changes }));
      assert.is(manifest.discontinuitySequence, all.filter((change) => change < from).length);
      const marked = manifest.segments.flatMap(({ discontinuity }, index) =>
        discontinuity === true ? [from + index] : [],
      );
      assert.equal(
        marked,
        all.filter((change) => change >= from && change < from + 10),
      );
    }
  }
});

test('a parser reads back the sequence numbers, names, map and times', () => {
  fc.assert(
    fc.property(
      rates,
      fc.constantFrom('720p', 'audio'),
      fc.integer({ min: 0, max: 500_000_000 }),
      fc.integer({ min: 3, max: 60 }),
      (rate, rendition, from, count) => {
        const grid = gridOf(rate);
        const manifest = parse(media({ rate, rendition, from, count }));
        assert.is(manifest.mediaSequence, from);
        assert.is(manifest.targetDuration, 4);
        assert.is(manifest.endList, undefined);
        assert.is(manifest.segments.length, count);
        for (const [index, segment] of manifest.segments.entries()) {
          assert.is(segment.uri, `${from + index}-${TAG}.m4s`);
          assert.is(segment.map?.uri, 'init-0123456789abcdef.mp4');
          assert.is(segment.dateTimeObject?.getTime(), grid.instantOfSegment(from + index));
          assert.ok(Math.round(segment.duration) <= 4);
        }
      },
    ),
  );
});

test('D6: EXTINF adds up to the time between any two segments: a frame at most in the picture, an access unit in the sound', () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 0, max: 500_000_000 }), (rate, from) => {
      const grid = gridOf(rate);
      for (const rendition of ['720p', 'audio']) {
        const { segments } = parse(media({ rate, rendition, from, count: 60 }));
        let sum = 0;
        for (const [index, segment] of segments.entries()) {
          const truth = (grid.instantOfSegment(from + index) - grid.instantOfSegment(from)) / 1000;
          assert.ok(
            Math.abs(sum - truth) < (rendition === 'audio' ? 1024 / 48_000 : 0.001) + 0.001,
          );
          sum += segment.duration;
        }
      }
    }),
  );
});

test('programmes of the window are announced with their own start and length', () => {
  // Five seconds each: the forty seconds from segment 1000 (4000 s) hold eight and touch no ninth.
  const text = media({ titles: ['One', 'Two'], frames: 125 });
  const { dateRanges } = parse(text);
  assert.is(dateRanges?.length, 8);
  assert.equal(
    dateRanges?.slice(0, 2).map(({ startDate }) => startDate),
    [new Date('2025-01-01T01:06:40.000Z'), new Date('2025-01-01T01:06:45.000Z')],
  );
  assert.is(dateRanges?.[1]?.duration, 5);
  assert.match(text, /START-DATE="2025-01-01T01:06:45.000Z",DURATION=5.000000,X-TITLE="Two"/);
  // A programme that began before the window has the id and start that it had in earlier playlists.
  const later = media({ titles: ['One', 'Two'], frames: 125, from: 1001 });
  assert.is(later.split('\n')[5], text.split('\n')[5]);
});

test('a thousand programmes in the window do not make a thousand tags', () => {
  const text = media({ frames: 1 });
  assert.ok(text.length < 10_000);
  // The viewers are near the end of the window: the last ones are named, up to the window's last frame.
  const starts = (parse(text).dateRanges ?? []).map(({ startDate }) => startDate);
  assert.is(starts.length, 32);
  assert.equal(starts.at(-1), new Date('2025-01-01T01:07:19.960Z'));
  assert.equal(starts[0], new Date('2025-01-01T01:07:18.720Z'));
});

const RUNGS = completeLadder(DEFAULT_LADDER);

function multivariant(query = '', container: Container = 'fmp4'): string {
  return writeMultivariantPlaylist({
    frameRate: { num: 30_000, den: 1001 },
    segmentDuration: { num: 1001, den: 250 },
    rungs: RUNGS,
    audioBitrate: 128_000,
    language: 'pt-BR',
    codecs: new Map([
      ['audio', 'mp4a.40.2'],
      ['1080p', 'avc1.640028'],
      ['720p', 'avc1.64001f'],
      ['480p', 'avc1.64001e'],
    ]),
    container,
    query,
  });
}

test('the multivariant playlist names every variant with its real codecs, first the one near 2 Mbit/s', () => {
  const manifest = parse(multivariant('?session=abc'));
  const variants = manifest.playlists ?? [];
  assert.equal(
    variants.map(({ uri }) => uri),
    ['480p', '1080p', '720p'].map((id) => `${id}/index.m3u8?session=abc`),
  );
  assert.equal(variants[1]?.attributes, {
    // What may come in at maxrate in a second, the buffer spread over a segment of 4.004 s, the sound, and
    // 2 % for the container.
    BANDWIDTH: Math.ceil((7_500_000 + 10_000_000 / 4.004 + 128_000) * 1.02),
    'AVERAGE-BANDWIDTH': '5230560',
    CODECS: 'avc1.640028,mp4a.40.2',
    RESOLUTION: { width: 1920, height: 1080 },
    'FRAME-RATE': 29.97,
    AUDIO: 'audio',
  });
  assert.match(multivariant(), /FRAME-RATE=29\.970/);
  assert.match(multivariant(), /\n#EXT-X-INDEPENDENT-SEGMENTS\n/);
});

test('in MPEG-TS the variants have their sound inside and bits for the container', () => {
  const text = multivariant('?session=abc', 'ts');
  const variants = parse(text).playlists ?? [];
  assert.equal(
    variants.map(({ uri }) => uri),
    ['480p', '1080p', '720p'].map((id) => `${id}/ts.m3u8?session=abc`),
  );
  assert.match(text, /\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n/);
  assert.not.match(text, /EXT-X-MEDIA|AUDIO=/);
  assert.is(variants[1]?.attributes.CODECS, 'avc1.640028,mp4a.40.2');
  const { BANDWIDTH = 0 } = parse(multivariant()).playlists?.[1]?.attributes ?? {};
  const { BANDWIDTH: muxed = 0 } = variants[1]?.attributes ?? {};
  assert.ok(muxed > BANDWIDTH && muxed < BANDWIDTH * 1.03, `${muxed}, ${BANDWIDTH} in CMAF`);
});

test('a media playlist of MPEG-TS has the same segments at the same times', () => {
  const text = media({ count: 3, query: '?session=abc', container: 'ts' });
  const cmaf = parse(media({ count: 3, query: '?session=abc' })).segments;
  const { segments } = parse(text);
  assert.match(text, /\n#EXT-X-VERSION:3\n/);
  assert.not.match(text, /EXT-X-MAP/);
  assert.is(segments[0]?.uri, `1000-${TAG}.ts?session=abc`);
  assert.equal(
    segments.map(({ duration, programDateTime }) => [duration, programDateTime]),
    cmaf.map(({ duration, programDateTime }) => [duration, programDateTime]),
  );
});

test('every variant uses the one audio rendition, which is chosen by default', () => {
  const { mediaGroups, playlists } = parse(multivariant());
  assert.equal(mediaGroups?.AUDIO?.audio?.Main, {
    default: true,
    autoselect: true,
    language: 'pt-BR',
    uri: 'audio/index.m3u8',
  });
  assert.ok((playlists ?? []).every(({ attributes }) => attributes.AUDIO === 'audio'));
  assert.match(multivariant(), /CHANNELS="2"/);
});

test('rungs are 16:9 with even sizes', () => {
  assert.equal(
    RUNGS.map(({ id, width, height, maxrate, bufsize }) => [id, width, height, maxrate, bufsize]),
    [
      ['1080p', 1920, 1080, 7_500_000, 10_000_000],
      ['720p', 1280, 720, 4_500_000, 6_000_000],
      ['480p', 854, 480, 2_250_000, 3_000_000],
    ],
  );
});

test.run();
