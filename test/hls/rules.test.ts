// deadline: 150 s
// HLS's rules of a channel as it is served: window, air time and variants of real playlists of one that has run for a
// while, and bit rates as they are measured against what is declared. docs/hls.md lists every rule and its test.
import { Parser } from 'm3u8-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createNativeEngine } from '../../lib/engine/native.js';
import { CONTAINERS, type Container } from '../../lib/hls/container.js';
import { writeMultivariantPlaylist } from '../../lib/hls/multivariant-playlist.js';
import { createHeadend, type Headend, loop } from '../../lib/index.js';
import { completeLadder } from '../../lib/ladder.js';
import { makeFixture } from '../fixtures/make.js';
import { fileItem, PRODUCER, produceBatches } from '../support/engine-run.js';
import { until } from '../support/serve.js';

const SEGMENT_MS = 2000;
const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
const SIZES = [480, 240];

interface Context {
  headend: Headend;
  url: string;
}

const test = suite<Context>('rules');

test.before(async (context) => {
  const { path } = await makeFixture({ programme: 1, frames: 200 });
  context.headend = await createHeadend({ hardware: 'software' });
  await context.headend.channels.add({
    ...{ id: 'test', frameRate: 25, segmentDuration: SEGMENT_MS / 1000 },
    ladder: SIZES.map((height) => ({ height, bitrate: height * 4000 })),
    upscale: true,
    schedule: loop([{ source: path }]),
  });
  context.url = `${await context.headend.listen({ port: 0, host: '127.0.0.1' })}/channels/test/`;
});

test.after(async ({ headend }) => {
  await headend.close();
});

async function read(url: string) {
  const response = await fetch(url);
  assert.is(response.status, 200, url);
  const text = await response.text();
  const parser = new Parser();
  parser.push(text);
  parser.end();
  return { text, manifest: parser.manifest };
}

test('the window has three target durations from the start, six segments later, and ends ahead of air time', async ({
  url,
}) => {
  const places = ['480p', '240p', 'audio'].flatMap((rendition) =>
    ['index.m3u8', 'ts.m3u8'].map((name) => `${url}${rendition}/${name}`),
  );
  const first = await read(places[0] ?? '');
  assert.ok(first.manifest.segments.length >= 3);
  await until('six segments', async () => {
    const { manifest } = await read(places[0] ?? '');
    return manifest.segments.length >= 6 ? true : null;
  });
  for (const place of places) {
    const before = Date.now();
    const { text, manifest } = await read(place);
    const after = Date.now();
    const { segments, targetDuration = 0, mediaSequence = 0 } = manifest;
    assert.is(targetDuration, SEGMENT_MS / 1000);
    assert.ok(segments.length >= 6 && segments.length <= 10, `${segments.length} segments`);
    assert.not.match(text, /DISCONTINUITY$|ENDLIST|PLAYLIST-TYPE/m);
    for (const [index, { dateTimeObject }] of segments.entries()) {
      assert.is(dateTimeObject?.getTime(), EPOCH + (mediaSequence + index) * SEGMENT_MS);
    }
    // The segment on air is the third from the end.
    const onAir = segments.at(-3)?.dateTimeObject?.getTime() ?? Number.NaN;
    assert.ok(onAir <= after && before < onAir + SEGMENT_MS, `${onAir} at ${before} to ${after}`);
    const sum = segments.reduce((total, { duration }) => total + duration, 0);
    const truth = (segments.length * SEGMENT_MS) / 1000;
    assert.ok(Math.abs(sum - truth) < 0.04, `${sum} s of ${truth} s`);
  }
});

test('the multivariant playlist: near 2 Mbit/s first, one shape, one sound, nothing that SDR does not need', async ({
  url,
}) => {
  const { text, manifest } = await read(`${url}index.m3u8`);
  const variants = manifest.playlists ?? [];
  assert.equal(
    variants.map(({ attributes }) => attributes.RESOLUTION?.height),
    SIZES,
  );
  for (const { attributes } of variants) {
    const { width = 0, height = 0 } = attributes.RESOLUTION ?? {};
    assert.ok(Math.abs(width - (height * 16) / 9) <= 1, `${width}x${height}`);
  }
  assert.not.match(text, /VIDEO-RANGE/);
  assert.match(
    text,
    /TYPE=AUDIO,GROUP-ID="audio",NAME="[^"]+",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"/,
  );
});

test('a segment stays fetchable after it left the playlist, and its answer may be kept for ever', async ({
  url,
}) => {
  const place = `${url}240p/index.m3u8`;
  const { manifest } = await read(place);
  const [oldest] = manifest.segments;
  const uri = new URL(oldest?.uri ?? '', place);
  await until('a window without it', async () => {
    const { manifest: later } = await read(place);
    return later.segments.some((segment) => segment.uri === oldest?.uri) ? null : true;
  });
  const gone = await fetch(uri);
  assert.is(gone.status, 200);
  assert.is(gone.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  const part = await fetch(uri, { headers: { range: 'bytes=4-7' } });
  assert.is(part.status, 206);
  assert.is(await part.text(), 'moof');
  const head = await fetch(uri, { method: 'HEAD' });
  assert.is(Number(head.headers.get('content-length')), (await gone.arrayBuffer()).byteLength);
});

/** Bit rates of one variant as its multivariant playlist declares them. */
function declared(container: Container, rungs: typeof RUNGS) {
  const parser = new Parser();
  parser.push(
    writeMultivariantPlaylist({
      ...{ container, rungs, audioBitrate: PRODUCER.audioBitrate, language: 'und', query: '' },
      ...{ frameRate: PRODUCER.format.frameRate, segmentDuration: { num: 2, den: 1 } },
      codecs: new Map(),
    }),
  );
  parser.end();
  const attributes = parser.manifest.playlists?.[0]?.attributes;
  return {
    peak: Number(attributes?.BANDWIDTH),
    mean: Number(attributes?.['AVERAGE-BANDWIDTH']),
  };
}

/** ISO/IEC 14496-15 5.3.3.1: an `avc1` entry whose configuration holds one SPS and one PPS. */
function assertParameterSets(init: Uint8Array): void {
  const bytes = Buffer.from(init);
  const configuration = bytes.indexOf('avcC') + 4;
  assert.ok(bytes.indexOf('avc1') > 0 && configuration > bytes.indexOf('avc1'));
  assert.is(bytes.readUInt8(configuration + 5) & 0x1f, 1, 'sequence parameter sets');
  const pps = configuration + 8 + bytes.readUInt16BE(configuration + 6);
  assert.is(bytes.readUInt8(pps), 1, 'picture parameter sets');
}

const RUNGS = completeLadder([{ height: 240, bitrate: 500_000 }]);

test('measured: no segment above BANDWIDTH, and the mean within 110 % of AVERAGE-BANDWIDTH', async () => {
  // Noise in every picture: the encoder takes all that the rate control allows.
  const { path } = await makeFixture({ frames: 500, videoFilter: 'noise=alls=40:allf=t' });
  const engine = createNativeEngine();
  try {
    const items = [fileItem(path, 0, 500)];
    const collector = await produceBatches(engine, items, 0, [30], { ...PRODUCER, rungs: RUNGS });
    const [video, audio] = [collector.media('240p'), collector.media('audio')];
    assertParameterSets(video.init);
    for (const container of CONTAINERS) {
      const sizes = await Promise.all(
        video.segments.map(async ({ data }, index) => {
          const sound = audio.segments[index]?.data ?? new Uint8Array();
          if (container === 'fmp4') return data.byteLength + sound.byteLength;
          const tracks = [
            { init: video.init, segment: data },
            { init: audio.init, segment: sound },
          ];
          return (await engine.remux(tracks)).byteLength;
        }),
      );
      const rates = sizes.map((size) => (size * 8) / (SEGMENT_MS / 1000));
      const peak = Math.max(...rates);
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      const limit = declared(container, RUNGS);
      console.log(
        `${container}: peak ${Math.round(peak)} of ${limit.peak}, mean ${Math.round(mean)} of ${limit.mean}`,
      );
      assert.ok(peak <= limit.peak, `${peak} > ${limit.peak}`);
      assert.ok(mean <= limit.mean * 1.1, `${mean} > ${limit.mean} + 10 %`);
      assert.ok(mean > limit.mean * 0.7, `${mean}: the measure is not loaded`);
    }
  } finally {
    await engine.close();
  }
});

test.run();
