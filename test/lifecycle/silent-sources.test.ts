// deadline: 120 s
// Sources that do not answer, on the real engine: the producer says that it waits, and channels with other sources are
// made meanwhile. B12.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SourceWait } from '../../lib/engine/engine.js';
import { createNativeEngine } from '../../lib/engine/native.js';
import { type ChannelOptions, createHeadend, loop } from '../../lib/index.js';
import { makeFixture } from '../fixtures/make.js';
import { Collector, fileItem, PRODUCER, request } from '../support/engine-run.js';
import { listenSilently, type SilentServer } from './silent-server.js';

interface Context {
  file: string;
  server: SilentServer;
}

const test = suite<Context>('silent sources');

test.before(async (context) => {
  context.file = (await makeFixture({ frames: 200 })).path;
  const output = ['-muxrate', '12M'];
  const { path } = await makeFixture({ frames: 200, container: 'ts', output });
  context.server = await listenSilently(path);
});

test.after(async ({ server }) => {
  await server.close();
});

test('a producer tells once that its source is silent, at the open and in the middle', async ({
  server,
}) => {
  for (const path of ['/never.ts', '/half.ts']) {
    const engine = createNativeEngine();
    const told = Promise.withResolvers<SourceWait>();
    const source = new URL(path, server.url).href;
    let waits = 0;
    const sink = Object.assign(new Collector(), {
      onWait: (wait: SourceWait) => {
        waits++;
        told.resolve(wait);
      },
    });
    const producer = engine.createProducer(PRODUCER, sink);
    const batch = producer
      .produce(request([fileItem(source, 0, 100)], 1, 500))
      .catch((error: unknown) => error);
    const wait = await told.promise;
    assert.is(wait.source, source);
    assert.ok(Number.isInteger(wait.frame));
    await engine.close();
    await batch;
    assert.is(waits, 1, path);
  }
});

test('a source that is read as fast as it can be is not waited for', async ({ file }) => {
  const engine = createNativeEngine();
  const waits: SourceWait[] = [];
  const sink = Object.assign(new Collector(), { onWait: (wait: SourceWait) => waits.push(wait) });
  const producer = engine.createProducer(PRODUCER, sink);
  await producer.produce(request([fileItem(file, 0, 100)], 0, 10));
  await engine.close();
  assert.equal(waits, []);
});

test('B12: channels whose sources do not answer hold up no other channel', async ({
  file,
  server,
}) => {
  await using headend = await createHeadend({ hardware: 'software', segmentsInWork: 2 });
  const channel = (id: string, source: string): ChannelOptions => ({
    ...{ id, ladder: [{ height: 180, bitrate: 300_000 }], segmentDuration: 2, frameRate: 25 },
    schedule: loop([{ source, duration: 8, title: id }]),
  });
  const faults: string[] = [];
  headend.on('fault', ({ code, channelId }) => faults.push(`${channelId} ${code}`));
  for (let n = 0; n < 6; n++) {
    const silent = await headend.channels.add(channel(`silent-${n}`, server.url));
    await silent.register('viewer');
  }
  const other = await headend.channels.add(channel('other', file));
  assert.match(await other.mediaPlaylist('180p'), /#EXTINF/);
  // Sources are given up after ten seconds, two at a time: with the slots taken that would be long before.
  assert.equal(faults, []);
});

test.run();
