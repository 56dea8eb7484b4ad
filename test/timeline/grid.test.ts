// The grid: exact at every frame rate, for ever.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { channelFormat, Grid } from '../../lib/timeline/grid.js';
import { parseFrameRate, toFixed } from '../../lib/timeline/rational.js';

const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
const RATES = [
  '24000/1001',
  '24',
  '25',
  '30000/1001',
  '30',
  '50',
  '60000/1001',
  '60',
  '25/2',
  '15',
];

function gridOf(rate: string, seconds = 4): Grid {
  const frameRate = parseFrameRate(rate);
  if (!frameRate) throw new Error(rate);
  return new Grid(EPOCH, channelFormat(frameRate, seconds));
}

const rate = fc.constantFrom(...RATES);
const seconds = fc.integer({ min: 1, max: 10 });
const sequence = fc.integer({ min: 0, max: 1_000_000_000 });

test('formats of the usual frame rates', () => {
  const { format } = gridOf('24000/1001');
  assert.is(format.framesPerSegment, 96);
  assert.is(format.keyFrameInterval, 48);
  assert.is(format.framesPerFragment, 4);
  assert.is(gridOf('30000/1001').format.framesPerSegment, 120);
  assert.is(gridOf('60000/1001', 10).format.framesPerSegment, 600);
  assert.is(gridOf('25').format.keyFrameInterval, 50);
  assert.is(gridOf('25/2').format.framesPerSegment, 50);
});

test('key frames and fragments divide the segment, key frames come at least every two seconds', () => {
  fc.assert(
    fc.property(rate, seconds, (text, length) => {
      const { format } = gridOf(text, length);
      const { framesPerSegment, keyFrameInterval, framesPerFragment, frameRate } = format;
      assert.is(framesPerSegment % keyFrameInterval, 0);
      assert.is(keyFrameInterval % framesPerFragment, 0);
      assert.ok(
        framesPerFragment === 1 || 5 * framesPerFragment * frameRate.den <= 1.04 * frameRate.num,
      );
      assert.ok(keyFrameInterval * frameRate.den <= 2.08 * frameRate.num, 'at most two seconds');
    }),
  );
});

test('segment 1,000,000,000 at 24000/1001 begins at the exact millisecond', () => {
  // 4.004 s each: 4,004,000,000 s after the epoch.
  const grid = gridOf('24000/1001');
  assert.is(grid.instantOfSegment(1_000_000_000), EPOCH + 4_004_000_000_000);
  assert.is(grid.segmentAt(EPOCH + 4_004_000_000_000), 1_000_000_000);
  assert.is(grid.segmentAt(EPOCH + 4_004_000_000_000 - 1), 999_999_999);
});

test('every segment is on air from its own first millisecond, and its predecessor just before', () => {
  fc.assert(
    fc.property(rate, seconds, sequence, (text, length, n) => {
      const grid = gridOf(text, length);
      assert.is(grid.segmentAt(grid.instantOfSegment(n)), n);
      assert.is(grid.segmentAt(grid.instantOfSegment(n) - 1), n - 1);
    }),
  );
});

test('frames and instants map to each other', () => {
  fc.assert(
    fc.property(rate, fc.integer({ min: -1_000_000, max: 100_000_000_000 }), (text, frame) => {
      const grid = gridOf(text);
      assert.is(grid.frameAt(grid.instantOfFrame(frame)), frame);
    }),
  );
});

test('before the epoch segments are negative', () => {
  assert.is(gridOf('25').segmentAt(EPOCH - 1), -1);
});

test('audio access units: each starts in its segment, none is lost or counted twice', () => {
  fc.assert(
    fc.property(rate, seconds, sequence, (text, length, n) => {
      const grid = gridOf(text, length);
      const { num, den } = grid.segmentDuration;
      // The first sample of the unit, and of the one before, against the boundary, in exact integers.
      const boundary = BigInt(n) * BigInt(num) * 48_000n;
      const first = BigInt(grid.firstAccessUnit(n)) * 1024n * BigInt(den);
      assert.ok(first >= boundary, 'starts in the segment');
      assert.ok(first - 1024n * BigInt(den) < boundary, 'the one before does not');
      assert.is(grid.firstAccessUnit(n) + grid.accessUnits(n), grid.firstAccessUnit(n + 1));
    }),
  );
});

test('audio never drifts from the picture: after a million segments less than one access unit', () => {
  const grid = gridOf('30000/1001');
  const video = (1_000_000 * 120 * 1001) / 30_000;
  const audio = (grid.firstAccessUnit(1_000_000) * 1024) / 48_000;
  assert.ok(audio >= video && audio - video < 1024 / 48_000);
});

test('no segment is longer than the target duration when rounded', () => {
  fc.assert(
    fc.property(rate, seconds, sequence, (text, length, n) => {
      const grid = gridOf(text, length);
      const audio = grid.audioDuration(n);
      assert.ok(Math.round(audio.num / audio.den) <= grid.targetDuration);
      const { num, den } = grid.segmentDuration;
      assert.ok(Math.round(num / den) <= grid.targetDuration);
    }),
  );
  assert.is(gridOf('24000/1001').targetDuration, 4);
});

test('frame rates as people write them', () => {
  assert.equal(parseFrameRate(25), { num: 25, den: 1 });
  assert.equal(parseFrameRate(29.97), { num: 30_000, den: 1001 });
  assert.equal(parseFrameRate(23.976), { num: 24_000, den: 1001 });
  assert.equal(parseFrameRate(59.94), { num: 60_000, den: 1001 });
  assert.equal(parseFrameRate(12.5), { num: 25, den: 2 });
  assert.equal(parseFrameRate('24000/1001'), { num: 24_000, den: 1001 });
  assert.equal(parseFrameRate({ num: 50, den: 2 }), { num: 25, den: 1 });
  for (const wrong of [
    0,
    -25,
    61,
    0.5,
    Number.NaN,
    '25fps',
    '',
    '1/0',
    { num: 1.5, den: 1 },
    null,
  ]) {
    assert.is(parseFrameRate(wrong), null, String(wrong));
  }
});

test('decimals are rounded from the exact ratio', () => {
  assert.is(toFixed({ num: 1024 * 188, den: 48_000 }, 6), '4.010667');
  assert.is(toFixed({ num: 1, den: 3 }, 3), '0.333');
  assert.is(toFixed({ num: 1, den: 2000 }, 3), '0.001');
  assert.is(toFixed({ num: 4, den: 1 }, 6), '4.000000');
});

test.run();
