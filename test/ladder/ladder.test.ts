// Which rungs a channel offers: from its ladder, and from what is known of its sources.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import type { Size } from '../../lib/engine/engine.js';
import { Headend } from '../../lib/headend.js';
import { completeLadder, DEFAULT_LADDER, withoutUpscaling } from '../../lib/ladder.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeEngine, probeResult, VIDEO } from '../stream/fake-engine.js';

const LADDER = completeLadder(DEFAULT_LADDER);

const idsFor = (...sources: (Size | null)[]) =>
  withoutUpscaling(LADDER, sources).map(({ id }) => id);

test('D1: a rung that every source would be enlarged for is left out', () => {
  assert.equal(idsFor({ width: 1920, height: 1080 }), ['1080p', '720p', '480p']);
  assert.equal(idsFor({ width: 1280, height: 720 }), ['720p', '480p']);
  assert.equal(idsFor({ width: 720, height: 576 }), ['480p']);
  // Letterboxed and portrait pictures fill one side of the rung.
  assert.equal(idsFor({ width: 1920, height: 800 }), ['1080p', '720p', '480p']);
  assert.equal(idsFor({ width: 1080, height: 1920 }), ['1080p', '720p', '480p']);
});

test('D1: one source that is large enough, or of unknown size, keeps the rung', () => {
  assert.equal(idsFor({ width: 640, height: 360 }, { width: 1280, height: 720 }), ['720p', '480p']);
  assert.equal(idsFor({ width: 640, height: 360 }, null), ['1080p', '720p', '480p']);
});

test('D1: the smallest rung always stays, and what stays is in the ladder order', () => {
  assert.equal(idsFor({ width: 160, height: 90 }), ['480p']);
  const size = fc.record({
    width: fc.integer({ min: 16, max: 4096 }),
    height: fc.integer({ min: 16, max: 4096 }),
  });
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 5 }), (sources) => {
      const ids = idsFor(...sources);
      assert.equal(
        ids,
        LADDER.map(({ id }) => id).filter((id) => ids.includes(id)),
      );
      assert.is(ids.at(-1), '480p');
    }),
  );
});

test('profile and tune are part of a rung, and high is the profile without a word', () => {
  const [plain] = completeLadder([{ height: 360, bitrate: 800_000 }]);
  assert.is(plain?.profile, 'high');
  assert.not('tune' in (plain ?? {}));
  const [other] = completeLadder([
    { height: 360, bitrate: 800_000, profile: 'baseline', tune: 'animation' },
  ]);
  assert.is(other?.profile, 'baseline');
  assert.is(other?.tune, 'animation');
});

/** A Headend over a fake engine that knows a small and a large file. */
async function headendWithFiles() {
  const engine = new FakeEngine(systemClock);
  const probed = (width: number, height: number) =>
    probeResult({ duration: { num: 60, den: 1 }, video: { ...VIDEO, shown: { width, height } } });
  engine.probes.set('small', probed(640, 360));
  engine.probes.set('large', probed(1920, 1080));
  return Headend.create({ hardware: 'software' }, { engine, clock: systemClock });
}

test('D1: a channel offers no rung larger than its sources unless it is asked to', async () => {
  await using headend = await headendWithFiles();
  const heights = async (id: string, programmes: Parameters<typeof loop>[0], upscale?: boolean) => {
    const options = upscale === undefined ? {} : { upscale };
    const channel = await headend.channels.add({ id, schedule: loop(programmes), ...options });
    return channel.rungs.map(({ height }) => height);
  };
  const [small, large] = [{ source: 'small' }, { source: 'large' }];
  assert.equal(await heights('a', [small]), [480]);
  assert.equal(await heights('b', [small, large]), [1080, 720, 480]);
  assert.equal(await heights('c', [small], true), [1080, 720, 480]);
  assert.equal(await heights('d', [{ ...small, duration: 5 }]), [1080, 720, 480]);
  assert.equal(
    await heights('e', [small, { source: { video: 'null', audio: 'anull' }, duration: 5 }]),
    [1080, 720, 480],
  );
});

test('wrong profiles and tunes are refused by name', async () => {
  await using headend = await headendWithFiles();
  for (const wrong of [{ profile: 'high10' }, { tune: 'psy' }]) {
    const rung = { height: 360, bitrate: 800_000, ...wrong };
    const options = { id: 'x', schedule: loop([{ source: 'small' }]), ladder: [rung] };
    const error = await headend.channels.add(options as never).then(
      () => 'added',
      (refusal: unknown) => String(refusal),
    );
    assert.match(error, Object.keys(wrong)[0] ?? '');
  }
});

test.run();
