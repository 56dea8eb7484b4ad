// deadline: 120 s
// Sources that do not answer, on the real engine: the producer says that it waits, and channels with other sources are
// made meanwhile. B12.
import * as assert from 'uvu/assert';
import { createNativeEngine } from '../../lib/engine/native.js';
import { type ChannelOptions, createHeadend, loop } from '../../lib/index.js';
import { Collector, fileItem, PRODUCER, request } from '../support/engine-run.js';
import { silentSuite } from './silent-suite.js';

const test = silentSuite('silent sources');

test('a producer tells that its source is silent or slow, once, and that it goes on', async ({
  server,
}) => {
  const sources = { '/never.ts': [true], '/half.ts': [true], '/slow.ts': [true, false] };
  for (const [path, expected] of Object.entries(sources)) {
    const engine = createNativeEngine();
    const waits: boolean[] = [];
    const done = Promise.withResolvers<void>();
    const onWait = (waiting: boolean) => {
      waits.push(waiting);
      if (waits.length === expected.length) done.resolve();
    };
    const producer = engine.createProducer(PRODUCER, Object.assign(new Collector(), { onWait }));
    const source = new URL(path, server.url).href;
    const batch = producer
      .produce(request([fileItem(source, 0, 190)], 0, 500))
      .catch((error: unknown) => error);
    await done.promise;
    await engine.close();
    await batch;
    assert.equal(waits, expected, path);
  }
});

test('a source that is read as fast as it can be is not waited for', async ({ file }) => {
  const engine = createNativeEngine();
  const waits: boolean[] = [];
  const onWait = (waiting: boolean) => void waits.push(waiting);
  const producer = engine.createProducer(PRODUCER, Object.assign(new Collector(), { onWait }));
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
