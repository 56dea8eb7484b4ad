// D2: which encoder channels begin with, from the option and from what works; and that rung options reach the
// encoder. The command that tells of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import type {
  DeviceReport,
  EncoderReport,
  Engine,
  ProducerOptions,
} from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { Headend } from '../../lib/headend.js';
import { createHeadend } from '../../lib/index.js';
import type { HeadendOptions } from '../../lib/options.js';
import { loop } from '../../lib/timeline/schedule.js';
import { makeFixture } from '../fixtures/make.js';
import { FakeEngine } from '../stream/fake-engine.js';
import { fileItem, PRODUCER, produceBatches } from '../support/engine-run.js';
import { probeTrack } from '../support/media-facts.js';
import { output } from '../support/process.js';

const test = suite('choice of the encoder');

const REPORTS: readonly EncoderReport[] = [
  { name: 'nvenc', works: false, reason: 'Cannot load libcuda.so.1', elapsedMs: 1 },
  {
    ...{ name: 'vaapi', works: true, reason: '', elapsedMs: 40 },
    device: deviceReport('vaapi', ''),
  },
  {
    ...{ name: 'software', works: true, reason: '', elapsedMs: 60 },
    device: deviceReport('cuda', 'no'),
  },
];

function deviceReport(name: string, reason: string): DeviceReport {
  return { name, works: reason === '', reason };
}

/** Notes what producers are told and what is tried, and answers with the reports. */
class NotingEngine extends FakeEngine {
  readonly told: Pick<ProducerOptions, 'encoder' | 'device'>[] = [];
  readonly tried: string[] = [];

  override async hardware(encoder?: string): Promise<readonly EncoderReport[]> {
    this.tried.push(encoder ?? 'all');
    return REPORTS.filter(({ name }) => encoder === undefined || name === encoder);
  }

  override createProducer(...args: Parameters<Engine['createProducer']>) {
    const [{ encoder = '', device = false }] = args;
    this.told.push({ encoder, device });
    return super.createProducer(...args);
  }
}

async function beginsWith(options: HeadendOptions) {
  const engine = new NotingEngine(systemClock, 0);
  await using headend = await Headend.create(options, { engine, clock: systemClock });
  const schedule = loop([{ source: { video: 'null', audio: 'anull' }, duration: 10 }]);
  const channel = await headend.channels.add({ id: 'a', schedule });
  await channel.multivariantPlaylist();
  return { ...engine.told[0], tried: engine.tried };
}

test('auto takes the best that works; a name is taken without a trial, but for its device', async () => {
  const auto = { encoder: 'vaapi', device: true, tried: ['all'] };
  assert.equal(await beginsWith({}), auto);
  assert.equal(await beginsWith({ hardware: 'auto' }), auto);
  for (const [hardware, device, tried] of [
    ['vaapi', true, ['vaapi']],
    ['nvenc', false, ['nvenc']],
    ['software', false, []],
  ] as const) {
    assert.equal(await beginsWith({ hardware }), { encoder: hardware, device, tried });
  }
});

test('a detection that failed is tried again by who asks next, and one that succeeded is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-choice-'));
  const addon = join(folder, 'addon.cjs');
  const failure = "{ code: 'ENGINE_FAILED', stage: 'engine', message: 'no threads', averror: 0 }";
  await writeFile(
    addon,
    `let calls = 0;
    exports.Engine = class {
      constructor(tell) { this.tell = tell; }
      detectEncoders() {
        const call = ++calls;
        if (call === 1) return ${failure};
        const error = call === 2 ? ${failure} : null;
        const reports = error ? null : [{ name: 'try ' + call, works: true, reason: '', elapsedMs: 1 }];
        setImmediate(() => this.tell(call, 'hardware', { error, reports }));
        return call;
      }
      close() {}
    };`,
  );
  const engine = createNativeEngine({ addon });
  const answers: unknown[] = [];
  for (let n = 0; n < 4; n++) {
    const answer = engine.hardware();
    answers.push(
      await answer.then(
        ([report]) => report?.name,
        ({ code }) => code,
      ),
    );
  }
  assert.equal(answers, ['ENGINE_FAILED', 'ENGINE_FAILED', 'try 3', 'try 3']);
  await engine.close();
  await rm(folder, { recursive: true });
});

test('pictures stay off the device where that is asked for', async () => {
  const off = { encoder: 'vaapi', device: false };
  const named = await beginsWith({ hardware: 'vaapi', hardwareDecoding: false });
  assert.equal(named, { ...off, tried: [] });
  const best = await beginsWith({ hardwareDecoding: false });
  assert.equal(best, { ...off, tried: ['all'] });
});

test('an unknown name is refused with those that are known', async () => {
  const refusal = await createHeadend({ hardware: 'cuda' as 'auto' }).then(
    () => 'created',
    (error: unknown) => String(error),
  );
  assert.match(refusal, "'nvenc'");
  assert.match(refusal, "got 'cuda'");
});

test('an encoder that the machine lacks is a fault, and software encodes', async () => {
  await using headend = await createHeadend({ hardware: 'videotoolbox' });
  const faults: string[] = [];
  headend.on('fault', ({ code, message }) => faults.push(`${code} ${message}`));
  const channel = await headend.channels.add({
    id: 'a',
    schedule: loop([{ source: { video: 'hue=H=t', audio: 'anull' }, duration: 10 }]),
    ladder: [{ height: 180, bitrate: 250_000 }],
  });
  const text = await channel.mediaPlaylist('180p');
  assert.not(text.includes('EXT-X-DISCONTINUITY\n'));
  assert.is(faults.length, 1);
  assert.match(faults[0] ?? '', /^ENCODE_FAILED .*videotoolbox/);
});

test('D1: the profile of a rung is that of its pictures', async () => {
  const { path } = await makeFixture({ programme: 1, frames: 200 });
  const engine = createNativeEngine();
  const rungs = PRODUCER.rungs.map((rung, index) => ({
    ...rung,
    profile: index === 0 ? 'main' : 'baseline',
    tune: 'animation',
  }));
  try {
    const collector = await produceBatches(engine, [fileItem(path, 1, 200)], 1, [1], {
      ...PRODUCER,
      rungs,
    });
    assert.equal(collector.faults, []);
    const profiles = [];
    for (const { id } of rungs) profiles.push((await probeTrack(collector.joined(id))).profile);
    assert.equal(profiles, ['Main', 'Constrained Baseline']);
  } finally {
    await engine.close();
  }
});

test('headend hardware says which encoders work and why the others do not', async () => {
  const args = ['--import', 'tsx', 'server/main.ts', 'hardware'];
  const text = (await output(process.execPath, args)).toString();
  assert.match(text, /^videotoolbox +no: .*not part of this build$/m);
  assert.match(text, /^software +works/m);
  assert.match(text, /^Channels use \w+ unless/m);
});

test.run();
