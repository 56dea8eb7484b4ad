// deadline: 240 s
// A channel in MPEG-TS as its clients get it: the real engine behind the library's own HTTP server, read by
// m3u8-parser and ffmpeg. Frames are named by bar codes.
import { Parser } from 'm3u8-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createHeadend, type Headend, loop } from '../../lib/index.js';
import { makeFixture } from '../fixtures/make.js';
import { readFrames } from '../fixtures/read.js';
import { expectedCodes, fileItem, type Item, programmesOf } from '../support/engine-run.js';
import { readTs } from '../support/ts-reader.js';

const FPS = 25;
const SEGMENT_SECONDS = 2;

interface Context {
  headend: Headend;
  url: string;
  items: Item[];
  faults: string[];
}

const test = suite<Context>('channel in MPEG-TS');

test.before.each(async (context) => {
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({ programme: 2, frames: 120, sampleRate: 44_100, channels: 1 });
  context.items = [fileItem(a.path, 1, 115, 10), fileItem(b.path, 2, 95, 5)];
  context.headend = await createHeadend({ hardware: 'software' });
  context.faults = [];
  context.headend.on('fault', ({ message }) => context.faults.push(message));
  await context.headend.channels.add({
    id: 'test',
    frameRate: FPS,
    segmentDuration: SEGMENT_SECONDS,
    epoch: new Date(Date.now() - 100_000),
    container: 'ts',
    ladder: [
      { height: 360, bitrate: 800_000 },
      { height: 180, bitrate: 250_000 },
    ],
    schedule: loop(programmesOf(context.items)),
  });
  const base = await context.headend.listen({ port: 0, host: '127.0.0.1' });
  context.url = `${base}/channels/test/`;
});

test.after.each(async ({ headend }) => {
  await headend.close();
});

async function playlist(url: string) {
  const parser = new Parser();
  const response = await fetch(url);
  assert.is(response.headers.get('content-type'), 'application/vnd.apple.mpegurl');
  parser.push(await response.text());
  parser.end();
  return parser.manifest;
}

test('playlists lead to segments that are one legal stream, in each variant', async (context) => {
  const { url, items, faults } = context;
  const multivariant = await playlist(`${url}index.m3u8?session=reader`);
  assert.equal(multivariant, await playlist(`${url}index.m3u8?session=reader&container=ts`));
  assert.match(await (await fetch(`${url}index.m3u8?container=fmp4`)).text(), /audio\/index\.m3u8/);
  assert.is((await fetch(`${url}index.m3u8?container=avi`)).status, 400);
  const variants = multivariant.playlists ?? [];
  assert.is(variants.length, 2);
  for (const { uri, attributes } of variants) {
    assert.match(attributes.CODECS ?? '', /^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
    const mediaUrl = new URL(uri, url);
    const { segments, mediaSequence = 0, targetDuration = 0 } = await playlist(mediaUrl.href);
    assert.is(targetDuration, SEGMENT_SECONDS);
    assert.ok(segments.length >= 3);
    const parts: Buffer[] = [];
    for (const { uri: name, duration } of segments.slice(0, 3)) {
      const response = await fetch(new URL(name, mediaUrl));
      assert.is(response.headers.get('content-type'), 'video/mp2t');
      const data = Buffer.from(await response.arrayBuffer());
      assert.is(duration, SEGMENT_SECONDS);
      const bitrate = (data.length * 8) / SEGMENT_SECONDS;
      assert.ok(bitrate <= (attributes.BANDWIDTH ?? 0), `${bitrate} of ${attributes.BANDWIDTH}`);
      parts.push(data);
    }
    const stream = Buffer.concat(parts);
    assert.equal(readTs(stream).problems, []);
    const { codes, complaints } = await readFrames(stream);
    assert.is(complaints, '');
    assert.equal(codes, expectedCodes(items, mediaSequence, 3));
  }
  assert.equal(faults, []);
});

test('segments have entity tags and ranges', async ({ url }) => {
  const media = new URL('360p/ts.m3u8', url);
  const [first] = (await playlist(media.href)).segments;
  const segment = new URL(first?.uri ?? '', media);
  const whole = await fetch(segment);
  const bytes = Buffer.from(await whole.arrayBuffer());
  const etag = whole.headers.get('etag') ?? '';
  assert.match(etag, /^"[\w.-]+"$/);
  assert.is((await fetch(segment, { headers: { 'if-none-match': etag } })).status, 304);
  const part = await fetch(segment, { headers: { range: 'bytes=188-375', 'if-range': etag } });
  assert.is(part.status, 206);
  assert.equal(Buffer.from(await part.arrayBuffer()), bytes.subarray(188, 376));
  const wrongEdition = segment.href.replace(/-[0-9a-f]{8}\.ts/, '-00000000.ts');
  assert.is((await fetch(wrongEdition)).status, 404);
});

test('ffmpeg plays the playlist', async ({ url, items }) => {
  const options = ['-live_start_index', '0', '-t', '5'];
  const { codes, complaints } = await readFrames(`${url}360p/ts.m3u8`, [], options);
  assert.is(complaints, '');
  assertConsecutive(codes.slice(0, 5 * FPS), items);
});

test('ffmpeg plays the endless stream from what is on air', async ({ url, items }) => {
  const { codes, complaints } = await readFrames(`${url}stream.ts?rendition=180p`, [], ['-t', '9']);
  assert.is(complaints, '');
  assert.ok(codes.length >= 9 * FPS - 1, `${codes.length} frames`);
  assertConsecutive(codes, items);
});

/** The frames are a stretch of the channel. */
function assertConsecutive(
  codes: Awaited<ReturnType<typeof readFrames>>['codes'],
  items: readonly Item[],
): void {
  const all = expectedCodes(items, 0, 100);
  const text = (part: readonly unknown[]) => part.map((code) => JSON.stringify(code));
  const [first] = text(codes);
  const expected = text(all);
  const from = expected.indexOf(first ?? '');
  assert.ok(from >= 0, `the channel has no frame ${first}`);
  assert.equal(text(codes), expected.slice(from, from + codes.length));
}

test.run();
