// What the calls of the embedded API make of their arguments, and how they end.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineProbeOptions, ProbeResult } from '../../lib/engine/engine.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { completeLadder } from '../../lib/ladder.js';
import type { ChannelOptions, HeadendOptions } from '../../lib/options.js';
import { loop } from '../../lib/timeline/schedule.js';
import { FakeClock, settle } from '../stream/fake-clock.js';
import { FakeEngine } from '../stream/fake-engine.js';

const EPOCH = Date.parse('2025-01-01T00:00:00.000Z');
const NEWS: ChannelOptions = {
  id: 'news',
  schedule: loop([{ source: '/a.mp4', duration: 10 }]),
  ladder: [{ height: 720, bitrate: 2_000_000 }],
};

async function setUp(
  options: HeadendOptions = {},
  engineOf = (clock: FakeClock) => new FakeEngine(clock),
) {
  const clock = new FakeClock(EPOCH + 4_001_000);
  const engine = engineOf(clock);
  return { clock, engine, headend: await Headend.create(options, { engine, clock }) };
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof HeadendError ? `${error.code}: ${error.message}` : String(error);
  }
  return 'none';
}

test('members of a rung that are undefined are as good as left out', () => {
  const rung = { height: 720, bitrate: 2_000_000 };
  const nothing = {
    id: undefined,
    width: undefined,
    maxrate: undefined,
    bufsize: undefined,
    preset: undefined,
  };
  // What a program without exactOptionalPropertyTypes may pass.
  const passed: unknown = Reflect.apply(completeLadder, undefined, [[{ ...rung, ...nothing }]]);
  assert.equal(passed, completeLadder([rung]));
});

test('a rung with a maxrate below its bitrate or a picture too wide is refused', async () => {
  const { headend } = await setUp();
  const add = (rung: object) =>
    failure(
      headend.channels.add({ ...NEWS, ladder: [{ height: 720, bitrate: 2_000_000, ...rung }] }),
    );
  assert.match(
    await add({ maxrate: 1_999_999 }),
    /^INVALID_OPTIONS: channels\.add: ladder\[0\] must have a maxrate that is not below its bitrate, got/,
  );
  assert.match(
    await add({ height: 8192 }),
    /^INVALID_OPTIONS: channels\.add: ladder\[0\] must name a width: 16:9 would be wider than 8192, got/,
  );
  assert.is(await add({ height: 8192, width: 4608, maxrate: 2_000_000 }), 'none');
  await headend.close();
});

test('a probe in flight ends with CLOSED, or with the reason of its own signal', async () => {
  class PatientEngine extends FakeEngine {
    override probe(_url: string, { signal }: EngineProbeOptions = {}): Promise<ProbeResult> {
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    }
  }
  const { headend } = await setUp({}, (clock) => new PatientEngine(clock));
  const stop = new AbortController();
  const [plain, stopped, stoppable] = [
    failure(headend.probe('/a.mp4')),
    failure(headend.probe('/a.mp4', { signal: stop.signal })),
    failure(headend.probe('/a.mp4', { signal: new AbortController().signal })),
  ];
  stop.abort(new Error('enough'));
  assert.is(await stopped, 'Error: enough');
  await headend.close();
  assert.match(await plain, /^CLOSED: /);
  assert.match(await stoppable, /^CLOSED: /);
});

test('segments are read from a whole number', async () => {
  const { headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  for (const from of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
    assert.match(
      await failure(channel.segments({ rendition: '720p', from }).next()),
      /^INVALID_OPTIONS: channel\.segments: from must be a whole number from 0, got /,
    );
  }
  await headend.close();
});

test('a position is a whole number, however large', async () => {
  const { clock, headend } = await setUp();
  const channel = await headend.channels.add(NEWS);
  const { sessionId } = await channel.register();
  await clock.advance(1000);
  const report = (segmentNumber: number) =>
    channel.reportPosition({ sessionId, rendition: '720p', segmentNumber });
  for (const segmentNumber of [Number.NaN, 1.5, Infinity, -Infinity]) {
    try {
      report(segmentNumber);
      assert.unreachable(`${segmentNumber} was taken`);
    } catch (error) {
      assert.instance(error, HeadendError);
      assert.is(error instanceof HeadendError && error.code, 'INVALID_OPTIONS');
      assert.match(
        String(error),
        `channel.reportPosition: segmentNumber must be a whole number, got ${segmentNumber}`,
      );
    }
  }
  assert.is(channel.status().viewers[0]?.segmentNumber, null, 'nothing of it was noted');
  // What can be asked for now: to the end of the playlist, and two of its lengths back.
  const existing = { from: 981, to: 1002 };
  for (const segmentNumber of [0, -1, 2 ** 53, -(2 ** 53), Number.MAX_VALUE]) {
    assert.is(report(segmentNumber).acknowledged, true);
    const noted = channel.status().viewers[0]?.segmentNumber ?? Number.NaN;
    assert.ok(noted >= existing.from && noted <= existing.to, `${segmentNumber} became ${noted}`);
  }
  await headend.close();
});

test('listen names the host as it was asked for when that is a name', async () => {
  for (const [host, url] of [
    ['localhost', /^http:\/\/localhost:[1-9]\d*$/],
    [undefined, /^http:\/\/localhost:[1-9]\d*$/],
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:[1-9]\d*$/],
  ] as const) {
    const { headend } = await setUp();
    const options = host === undefined ? { port: 0 } : { port: 0, host };
    assert.match(await headend.listen(options), url);
    await headend.close();
  }
});

test('a channel outlives three target durations without a request, however short idleMs is', async () => {
  const { clock, headend } = await setUp({ idleMs: 1000 });
  const channel = await headend.channels.add({ ...NEWS, segmentDuration: 4 });
  const playlist = channel.mediaPlaylist('720p');
  await clock.advance(2000);
  await playlist;
  await clock.advance(9000);
  assert.is.not(channel.state, 'idle');
  await clock.advance(6000);
  await settle();
  assert.is(channel.state, 'idle');
  await headend.close();
});

test.run();
