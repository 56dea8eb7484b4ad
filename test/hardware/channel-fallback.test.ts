// deadline: 240 s
// needs: test addon
// D3: a channel whose encoder breaks while viewers watch: the playlists of all renditions change at the same
// segment, playback goes on frame by frame, and other channels do not notice. Over real HTTP.
import { Parser } from 'm3u8-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import type { Engine } from '../../lib/engine/engine.js';
import { type ChannelOptions, type Fault, Headend, loop } from '../../lib/index.js';
import { describeCodes } from '../fixtures/barcode.js';
import { makeFixture } from '../fixtures/make.js';
import { readFrames } from '../fixtures/read.js';
import { expectedCodes, fileItem, type Item, programmesOf } from '../support/engine-run.js';
import { checkChannel } from '../support/hls-checker.js';
import { followChannel } from '../support/hls-follow.js';
import { createTestEngine, withEncoder } from '../support/test-addon.js';
import { readTs } from '../support/ts-reader.js';

const FPS = 25;
const SEGMENT_SECONDS = 2;

interface Context {
  engine: Engine;
  items: Item[];
}

const test = suite<Context>('fallback of a channel');

test.before(async (context) => {
  const a = await makeFixture({ programme: 1, frames: 200 });
  const b = await makeFixture({ programme: 2, frames: 120, width: 1280, height: 720 });
  context.items = [fileItem(a.path, 1, 115, 10), fileItem(b.path, 2, 95, 5)];
});

test.before.each((context) => {
  context.engine = createTestEngine();
});

test.after.each(async ({ engine }) => {
  await engine.close();
});

function channelOf(id: string, items: readonly Item[]): ChannelOptions {
  return {
    id,
    frameRate: FPS,
    segmentDuration: SEGMENT_SECONDS,
    epoch: new Date(Date.now() - 35_000),
    ladder: [
      { height: 360, bitrate: 800_000 },
      { height: 180, bitrate: 250_000 },
    ],
    schedule: loop(programmesOf(items)),
  };
}

async function onTheAir(engine: Engine, channels: readonly ChannelOptions[]) {
  const headend = await Headend.create(
    { playlistSegments: 6, batchSegments: 2, batchThreshold: 1 },
    { engine, clock: systemClock },
  );
  const faults: Fault[] = [];
  headend.on('fault', (fault) => faults.push(fault));
  for (const channel of channels) await headend.channels.add(channel);
  const url = await headend.listen({ port: 0, host: '127.0.0.1' });
  return { headend, faults, url: (id: string) => `${url}/channels/${id}/index.m3u8` };
}

test('playback goes on over the change: one discontinuity, at the same segment everywhere', async ({
  engine,
  items,
}) => {
  // The encoder that `auto` finds best in this build breaks after 200 frames: segment 4 of the run.
  const [best] = await engine.hardware();
  assert.is(best?.name, 'failing');
  assert.is(best?.works, true, best?.reason);
  const { headend, faults, url } = await onTheAir(engine, [channelOf('test', items)]);
  await using _ = headend;
  const segments = 16;
  const options = { segments, timeoutMs: 150_000 };
  const [followed, report] = await Promise.all([
    followChannel(url('test'), options),
    checkChannel(url('test'), options),
  ]);
  assert.equal(followed.problems, []);
  assert.equal(report.problems, []);
  for (const { codes, segments: made } of report.video) {
    const first = made[0]?.sequence ?? 0;
    assert.is(describeCodes(codes), describeCodes(expectedCodes(items, first, segments)));
  }
  assert.is(faults.length, 1);
  assert.is(faults[0]?.code, 'ENCODE_FAILED');
  assert.is(faults[0]?.channelId, 'test');
  const runFrom = followed.renditions[0]?.segments[0]?.sequence ?? 0;
  const changes = followed.renditions.map(({ segments: listed }) =>
    listed.filter(({ discontinuity }) => discontinuity).map(({ sequence }) => sequence),
  );
  assert.is(followed.renditions.length, 3);
  const change = changes[0]?.[0] ?? 0;
  assert.ok(change > runFrom && change <= runFrom + 5, `${change} of a run from ${runFrom}`);
  assert.equal(changes, [[change], [change], [change]]);
  assert.is(faults[0]?.airsAt?.getTime(), startsAt(followed.renditions[0]?.segments, change));
});

function startsAt(
  segments: readonly { sequence: number; programDateTime: number | null }[] | undefined,
  sequence: number,
): number | null | undefined {
  return segments?.find((segment) => segment.sequence === sequence)?.programDateTime;
}

test('the discontinuity leaves the playlist and is counted; a rung that joins later is like the others', async ({
  engine,
  items,
}) => {
  const failing = withEncoder(engine, 'failing:after=130');
  const { headend, url } = await onTheAir(failing, [channelOf('test', items)]);
  await using _ = headend;
  const base = url('test').replace('index.m3u8', '');
  const playlist = async (rendition: string) =>
    (await fetch(`${base}${rendition}/index.m3u8`)).text();
  const numberOf = (tag: string, text: string) =>
    Number(new RegExp(`^#EXT-X-${tag}:(\\d+)$`, 'm').exec(text)?.[1]);
  const channel = headend.channels.get('test');

  // One viewer of the small rung, until the tag has been listed and has left again.
  let change = 0;
  let first: number | undefined;
  for await (const { sequence } of channel.segments({ rendition: '180p' })) {
    const text = await playlist('180p');
    const from = numberOf('MEDIA-SEQUENCE', text);
    const before = text.split('#EXT-X-DISCONTINUITY\n')[0] ?? '';
    const tagged = before.length < text.length;
    if (tagged && change === 0) {
      change = from + before.split('#EXTINF').length - 1;
      // The large rung, which nobody has watched: what is on air now, made by another producer.
      const { problems } = await followChannel(url('test'), { segments: 4, timeoutMs: 60_000 });
      assert.equal(problems, []);
      const large = await playlist('360p');
      assert.is(large.split('#EXT-X-DISCONTINUITY\n').length, 2);
      assert.is(
        numberOf('MEDIA-SEQUENCE', large) +
          (large.split('#EXT-X-DISCONTINUITY\n')[0] ?? '').split('#EXTINF').length -
          1,
        change,
      );
    }
    const due = change > 0 && from > change ? 1 : 0;
    assert.is(numberOf('DISCONTINUITY-SEQUENCE', text), due);
    assert.is(tagged, change > 0 && due === 0);
    if (due === 1) break;
    first ??= sequence;
    assert.ok(change > 0 || sequence < first + 8, 'it never fell back');
  }
});

test('a segment that was listed under another init segment is refused by its old name', async ({
  engine,
  items,
}) => {
  const failing = withEncoder(engine, 'failing:after=330');
  const { headend, faults, url } = await onTheAir(failing, [channelOf('test', items)]);
  await using _ = headend;
  const channel = headend.channels.get('test');
  const base = url('test').replace('index.m3u8', '360p/');
  const firstName = async () =>
    (await channel.mediaPlaylist('360p')).split('\n').find((line) => line.endsWith('.m4s')) ?? '';
  // The large rung is listed, and nobody has asked for a segment of it when the encoder breaks.
  let name = '';
  let seen = 0;
  for await (const _segment of channel.segments({ rendition: '180p' })) {
    // Later than the first playlist, which waits for its segments.
    if (++seen === 4) name = await firstName();
    if (faults.length > 0) break;
  }
  const answer = await fetch(`${base}${name}`);
  assert.is(answer.status, 503);
  assert.ok(answer.headers.has('retry-after'));
  assert.is(((await answer.json()) as { code: string }).code, 'SEGMENT_RENAMED');
  const now = await firstName();
  assert.is.not(now, name);
  assert.is((await fetch(`${base}${now}`)).status, 200);
});

test('what the first playlist lists is made, so that it does not change when the encoder breaks', async ({
  engine,
  items,
}) => {
  const failing = withEncoder(engine, 'failing:after=75');
  const { headend, faults, url } = await onTheAir(failing, [channelOf('test', items)]);
  await using _ = headend;
  const { problems } = await followChannel(url('test'), { segments: 6, timeoutMs: 60_000 });
  assert.equal(problems, []);
  assert.is(faults.length, 1);
});

test('in MPEG-TS the discontinuity is at the same segment, and the packets go on', async ({
  engine,
  items,
}) => {
  const failing = withEncoder(engine, 'failing:after=130');
  const { headend, faults, url } = await onTheAir(failing, [channelOf('test', items)]);
  await using _ = headend;
  const media = url('test').replace('index.m3u8', '360p/ts.m3u8');
  const channel = headend.channels.get('test');
  let first: number | undefined;
  for await (const { sequence } of channel.segments({ rendition: '360p' })) {
    first ??= sequence;
    assert.ok(sequence < first + 8, 'it never fell back');
    const parser = new Parser();
    parser.push(await (await fetch(media)).text());
    parser.end();
    const { segments, mediaSequence = 0, discontinuityStarts = [] } = parser.manifest;
    const [change = -1] = discontinuityStarts;
    const around = segments.slice(change - 1, change + 2);
    if (change < 1 || around.length < 3) continue;

    const from = mediaSequence + change - 1;
    assert.is(faults[0]?.airsAt?.getTime(), around[1]?.dateTimeObject?.getTime());
    const parts = around.map(async ({ uri }) =>
      Buffer.from(await (await fetch(new URL(uri, media))).arrayBuffer()),
    );
    const stream = Buffer.concat(await Promise.all(parts));
    assert.equal(readTs(stream).problems, []);
    const { codes, complaints } = await readFrames(stream);
    assert.is(complaints, '');
    assert.is(describeCodes(codes), describeCodes(expectedCodes(items, from, 3)));
    break;
  }
});

test('the endless transport stream goes on over the change, packet by packet and frame by frame', async ({
  engine,
  items,
}) => {
  const failing = withEncoder(engine, 'failing:after=130');
  const { headend, faults } = await onTheAir(failing, [channelOf('test', items)]);
  await using _ = headend;
  const pieces: Uint8Array[] = [];
  let last = Number.POSITIVE_INFINITY;
  for await (const piece of headend.channels.get('test').transportStream({ rendition: '360p' })) {
    pieces.push(piece);
    // What is made ahead when the encoder breaks, the change, and what follows it.
    if (faults.length > 0) last = Math.min(last, pieces.length + 5);
    if (pieces.length >= last) break;
    assert.ok(pieces.length < 20, 'it never fell back');
  }
  const stream = Buffer.concat(pieces);
  assert.equal(readTs(stream).problems, []);
  const { codes, complaints } = await readFrames(stream);
  assert.is(complaints, '');
  const shown = describeCodes(codes);
  const from = [...Array(21).keys()].find(
    (segment) => shown === describeCodes(expectedCodes(items, segment, pieces.length)),
  );
  assert.ok(from !== undefined, shown);
});

test('another channel of the same Headend keeps its encoder', async ({ engine, items }) => {
  // Only the channel with a rung of 180 lines breaks.
  const failing = withEncoder(engine, 'failing:after=230,height=180');
  const whole = { ...channelOf('whole', items), ladder: [{ height: 360, bitrate: 800_000 }] };
  const { headend, faults, url } = await onTheAir(failing, [channelOf('broken', items), whole]);
  await using _ = headend;
  const options = { segments: 9, timeoutMs: 100_000 };
  const [one, other] = await Promise.all([
    checkChannel(url('broken'), options),
    checkChannel(url('whole'), options),
  ]);
  assert.equal(one.problems, []);
  assert.equal(other.problems, []);
  assert.equal(
    faults.map(({ channelId }) => channelId),
    ['broken'],
  );
  assert.is(
    (await headend.channels.get('whole').mediaPlaylist('360p')).includes('DISCONTINUITY\n'),
    false,
  );
});

test.run();
