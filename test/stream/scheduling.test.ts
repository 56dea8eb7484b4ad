// Who goes first when channels compete, what is measured, and who is let in.
import { availableParallelism } from 'node:os';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import { type AdmissionPolicy, admit, load } from '../../lib/stream/admission.js';
import { GenerationMeter } from '../../lib/stream/generation-meter.js';
import { type Turn, WorkScheduler } from '../../lib/stream/work-scheduler.js';
import { loop } from '../../lib/timeline/loop.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeEngine } from './fake-engine.js';
import { createStreams, N, START } from './streams.js';

function setUp(slots = 2) {
  const clock = new FakeClock(START);
  const scheduler = new WorkScheduler({ clock, slots });
  const begun: string[] = [];
  const finish = new Map<string, () => void>();
  const signal = new AbortController().signal;
  const turns = new Map<string, Turn>();
  const add = (name: string, dueAt: number, stop = signal) =>
    scheduler.run(
      () => START + dueAt - clock.now(),
      (turn) => {
        begun.push(name);
        turns.set(name, turn);
        return new Promise<void>((resolve) => finish.set(name, resolve));
      },
      stop,
    );
  const wait = async (name: string, waits = true) => {
    turns.get(name)?.waits(waits);
    await settle();
  };
  const end = async (name: string) => {
    finish.get(name)?.();
    await settle();
  };
  return { clock, scheduler, begun, turns, add, end, wait };
}

test('B12: what is due first is begun first, equals in the order they came', async () => {
  const { begun, add, end } = setUp();
  for (const [name, dueAt] of [
    ['a', 0],
    ['b', 0],
    ['c', 3000],
    ['d', 1000],
    ['e', -500],
    ['f', 1000],
  ] as const) {
    void add(name, dueAt);
  }
  await settle();
  assert.equal(begun, ['a', 'b']);
  for (const name of ['a', 'b', 'e', 'd']) await end(name);
  assert.equal(begun, ['a', 'b', 'e', 'd', 'f', 'c']);
});

test('B12: the first segment of a new viewer is begun at once, however much is made ahead', async () => {
  const { begun, add, end } = setUp();
  for (let n = 0; n < 5; n++) void add(`ahead-${n}`, 20_000 + n);
  await settle();
  assert.equal(begun, ['ahead-0'], 'a slot is left free');
  void add('viewer', 0);
  await settle();
  assert.equal(begun, ['ahead-0', 'viewer']);
  await end('ahead-0');
  assert.equal(begun, ['ahead-0', 'viewer'], 'nothing is made ahead beside it');
  await end('viewer');
  assert.equal(begun, ['ahead-0', 'viewer', 'ahead-1']);
});

test('B12: what was made ahead becomes urgent with time, and takes the free slot though nothing else happens', async () => {
  const { clock, scheduler, begun, add, end } = setUp();
  void add('urgent', 0);
  void add('later', 6000);
  await clock.advance(1999);
  assert.equal(begun, ['urgent']);
  await clock.advance(1);
  assert.equal(begun, ['urgent', 'later']);
  for (const name of begun) await end(name);
  assert.is(scheduler.inWork, 0);
  assert.is(clock.pending, 0);
});

test('work that waits for something else gives its slot back after a while', async () => {
  const { clock, scheduler, begun, add, end } = setUp();
  for (const name of ['stuck', 'stuck too', 'next', 'one more']) void add(name, 0);
  await clock.advance(3999);
  assert.equal(begun, ['stuck', 'stuck too']);
  await clock.advance(1);
  assert.equal(begun, ['stuck', 'stuck too', 'next', 'one more']);
  for (const name of begun) await end(name);
  assert.is(scheduler.inWork, 0);
  assert.is(clock.pending, 0);
});

test('however long work takes, no more than two are begun for a slot', async () => {
  const { clock, begun, add, end } = setUp(3);
  for (let n = 0; n < 20; n++) void add(`${n}`, 0);
  await clock.advance(60_000);
  assert.is(begun.length, 6);
  await end('0');
  assert.is(begun.length, 7, 'the next one when one has ended');
  await clock.advance(60_000);
  assert.is(begun.length, 7);
});

test('work that waits for a source holds nobody up, however much of it there is', async () => {
  const { clock, scheduler, begun, turns, add, end, wait } = setUp();
  for (let n = 0; n < 10; n++) void add(`silent-${n}`, 0);
  void add('other', 1000);
  await settle();
  for (let n = 0; n < 10; n++) await wait(`silent-${n}`);
  assert.is(begun.at(-1), 'other');
  assert.is(scheduler.inWork, 1);
  await wait('silent-0');
  assert.is(scheduler.inWork, 1, 'a slot is given back once');
  await clock.advance(3000);
  assert.is(turns.get('silent-0')?.waitedMs, 3000);
  assert.is(turns.get('other')?.waitedMs, 0);
  void add('one more', 1000);
  void add('too many', 1000);
  await settle();
  assert.is(begun.at(-1), 'one more', 'the slots are as many as before');
  for (const name of [...begun, 'too many']) await end(name);
  assert.is(scheduler.inWork, 0);
  assert.is(clock.pending, 0);
});

test('sources that answer again, all at once, let nothing new begin until the machine has caught up', async () => {
  const { begun, add, end, wait } = setUp();
  for (let n = 0; n < 10; n++) void add(`silent-${n}`, 0);
  await settle();
  for (let n = 0; n < 10; n++) await wait(`silent-${n}`);
  for (let n = 0; n < 10; n++) await wait(`silent-${n}`, false);
  void add('viewer', 0);
  await settle();
  for (let n = 0; n < 6; n++) await end(`silent-${n}`);
  assert.is(begun.length, 10, 'four are at work, for two slots');
  await end('silent-6');
  assert.is(begun.at(-1), 'viewer');
});

test('B12: channels whose sources do not answer hold up no other, neither its work nor its admission', async () => {
  const { clock, engine, add, streams, warnings } = createStreams({
    segmentMs: 100,
    admission: 'refuse',
  });
  const silent = ['a', 'b', 'c'].map((id) => add(id));
  for (const stream of silent) {
    engine.silentMsOf.set(stream.channelId, 9000);
    await stream.register('viewer');
  }
  await clock.advance(30_000);
  assert.ok(streams.status().load < 0.1, `${streams.status().load}`);
  assert.equal(warnings, []);
  assert.is(streams.status().inWork, 0, 'all three wait');
  const other = add('other');
  const playlist = other.playlist('720p');
  await clock.advance(100);
  assert.is((await playlist).range.from, other.window?.from);
  await streams.shutdown();
  assert.is(clock.pending, 0);
});

test('admission: what fails before anything of it is made takes no room', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 100, admission: 'refuse' });
  engine.fails = (_, channelId) => channelId !== 'good';
  for (const id of ['a', 'b', 'c']) {
    await add(id).register('viewer');
    await clock.advance(1000);
  }
  await add('good').register('viewer');
  await clock.advance(1000);
  assert.is(streams.get('good').state, 'active');
  await streams.shutdown();
});

test('B12: a machine has at most as many producers at work as it has cores, or four', async () => {
  const clock = new FakeClock(START);
  const engine = new FakeEngine(clock, 60_000);
  const headend = await Headend.create({}, { engine, clock });
  const schedule = loop([{ source: '/a.mp4', duration: 10 }]);
  for (let n = 0; n < 3 * availableParallelism() + 8; n++) {
    await (await headend.channels.add({ id: `c${n}`, schedule })).register('a');
  }
  let most = 0;
  for (let ms = 0; ms < 25_000; ms += 1000) {
    await clock.advance(1000);
    most = Math.max(most, engine.working);
  }
  const { slots } = headend.status();
  assert.ok(most >= slots, `${most} of ${slots} slots`);
  // Half the cores, rounded up.
  assert.ok(most <= Math.max(4, availableParallelism() + 1), `${most} at work`);
  await headend.close();
});

test('work whose signal aborts leaves the queue; work that fails gives its slot back', async () => {
  const { scheduler, begun, add, end } = setUp();
  void add('a', 0);
  void add('b', 0);
  const stop = new AbortController();
  const waiting = add('gone', 0, stop.signal).catch((reason: unknown) => reason);
  await settle();
  stop.abort(new Error('left'));
  assert.match(String(await waiting), /left/);
  assert.is(scheduler.waiting, 0);
  await end('a');
  const failing = scheduler.run(
    () => 0,
    () => Promise.reject(new Error('it broke')),
    new AbortController().signal,
  );
  assert.match(String(await failing.catch((reason: unknown) => reason)), /it broke/);
  assert.is(scheduler.inWork, 1);
  assert.equal(begun, ['a', 'b']);
});

test('whatever comes, no more is in work than there are slots, and everything is done', async () => {
  const item = fc.record({ dueAt: fc.integer({ min: -5000, max: 60_000 }), takes: fc.nat(3000) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 30 }),
      fc.integer({ min: 2, max: 5 }),
      async (items, slots) => {
        const clock = new FakeClock(START);
        const scheduler = new WorkScheduler({ clock, slots });
        let inWork = 0;
        let done = 0;
        const all = items.map(({ dueAt, takes }) =>
          scheduler.run(
            () => START + dueAt - clock.now(),
            async () => {
              inWork++;
              assert.ok(inWork <= slots);
              await new Promise<void>((resolve) => clock.setTimer(resolve, takes));
              inWork--;
              done++;
            },
            new AbortController().signal,
          ),
        );
        await clock.advance(31 * 3000);
        await Promise.all(all);
        assert.is(done, items.length);
      },
    ),
    { numRuns: 50 },
  );
});

test('B12: on a machine that is slow for all of them no channel starves, and a newcomer goes first', async () => {
  // Two slots and 1.6 s a segment: five channels of 4 s segments are just what it can make.
  const { clock, engine, add, streams } = createStreams({ segmentMs: 1600 });
  const all = Array.from({ length: 4 }, (_, n) => add(`c${n}`));
  for (const stream of all) await stream.register('a');
  const watch = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 4) {
      for (const stream of all) await stream.register('a');
      await clock.advance(4000);
    }
  };
  await watch(60);
  const newcomer = add('new');
  all.push(newcomer);
  const begin = clock.now();
  const first = newcomer.playlist('720p', { sessionId: 'a' });
  let waited = 0;
  void first.then(() => {
    waited = clock.now() - begin;
  });
  await watch(60);
  assert.ok(
    waited > 0 && waited <= 3200,
    `the newcomer waited ${waited} ms: one segment of another, and its own`,
  );
  for (const stream of all) {
    assert.ok((stream.production?.runwaySeconds ?? 0) > 0, `${stream.channelId} has run dry`);
  }
  assert.is(engine.alive, 5);
  await streams.shutdown();
});

test('B12: a channel that takes nearly as long to make as to play is warned about once', async () => {
  const { clock, engine, add, warnings, streams } = createStreams({ segmentMs: 1000 });
  const stream = add('c');
  const watch = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 4) {
      await stream.register('a');
      await clock.advance(4000);
    }
  };
  await watch(40);
  assert.equal(warnings, []);
  engine.segmentMs = 3900;
  await watch(120);
  assert.is(warnings.length, 1);
  assert.ok(warnings[0]?.type === 'slow-generation' && warnings[0].ratio >= 0.9);
  engine.segmentMs = 1000;
  await watch(160);
  engine.segmentMs = 3900;
  await watch(160);
  assert.is(warnings.length, 2, 'again after it had calmed down');
  await streams.shutdown();
});

test('B12: speed is measured for each channel, and the warning comes before it reaches 1', async () => {
  const { clock, engine, add, warnings, streams } = createStreams({ segmentMs: 500 });
  const [fast, slow] = [add('fast'), add('slow')];
  for (let ms = 500; ms <= 4000 && warnings.length === 0; ms += 100) {
    engine.segmentMsOf.set('slow', ms);
    for (const stream of [fast, slow]) await stream.register('a');
    await clock.advance(4000);
  }
  assert.equal(
    warnings.map(({ channelId }) => channelId),
    ['slow'],
  );
  const ratio = warnings[0]?.type === 'slow-generation' ? warnings[0].ratio : 0;
  assert.ok(ratio >= 0.9 && ratio < 1, `${ratio}`);
  assert.is(slow.production?.generationRatio, ratio);
  assert.is(fast.production?.generationRatio, 0.125);
  await streams.shutdown();
});

test('the ratio is a moving mean that warns on crossing', () => {
  const meter = new GenerationMeter();
  assert.is(meter.ratio, null);
  assert.is(meter.add(2000, 4000), false);
  assert.is(meter.ratio, 0.5);
  assert.is(meter.add(8000, 4000), true);
  assert.is(meter.add(8000, 4000), false);
});

const RUNGS = [
  { id: '1080p', pixelRate: 60 },
  { id: '720p', pixelRate: 30 },
  { id: '360p', pixelRate: 6 },
];

function decide(policy: AdmissionPolicy, ratios: (number | null)[]) {
  const running = ratios.map((ratio) => ({ ratio, pixelRate: 30 }));
  return admit({ policy, slots: 2, running, rungs: RUNGS, startRung: '720p' });
}

test('admission: the first channel is let in whatever it costs; before there is a figure, one for every slot', () => {
  assert.is(decide('refuse', []).length, 3);
  assert.is(decide('refuse', [null]).length, 3);
  assert.is(decide('refuse', [null, null]).length, 0);
  assert.is(decide('off', [null, null]).length, 3);
});

test('admission: channels without a figure yet count like those with one', () => {
  assert.is(decide('refuse', [0.5, null]).length, 3);
  assert.is(decide('refuse', [0.5, null, null]).length, 3);
  assert.is(decide('refuse', [0.5, null, null, null]).length, 0);
  assert.equal(decide('reduce', [0.6, null, null]), ['360p']);
  const nobodyLooks = [0.8, null].map((ratio) => ({ ratio, pixelRate: 0 }));
  const request = { policy: 'refuse', slots: 2, rungs: RUNGS, startRung: '720p' } as const;
  assert.is(admit({ ...request, running: nobodyLooks }).length, 0);
});

test('admission: viewers who come at the same moment do not fill the machine twice', async () => {
  const { clock, add, streams } = createStreams({ segmentMs: 1000, admission: 'refuse' });
  const begun = await Promise.allSettled(
    Array.from({ length: 6 }, (_, n) => add(`c${n}`).register('a')),
  );
  const refused = begun.filter(({ status }) => status === 'rejected').length;
  assert.is(refused, 4, 'two slots, nothing measured');
  await clock.advance(4000);
  for (let n = 2; n < 6; n++) await streams.get(`c${n}`).register('a');
  assert.is(streams.status().channelsOn, 6);
  await streams.shutdown();
});

test('admission: a restart takes no channel from its viewers', async () => {
  const { clock, journal, add, streams } = createStreams({ segmentMs: 1000, admission: 'refuse' });
  const ids = ['a', 'b', 'c', 'd'];
  journal.sessions = ids.map((channelId) => ({
    ...{ channelId, sessionId: 'v', openedAtMs: START - 60_000, seenAtMs: START - 1000 },
    ...{ rendition: null, segmentNumber: null },
  }));
  for (const id of ids) add(id);
  await settle();
  assert.is(streams.status().channelsOn, 4);
  const error = await add('new')
    .register('w')
    .catch((reason: unknown) => reason);
  assert.is(error instanceof HeadendError && error.code, 'CAPACITY_EXCEEDED');
  await streams.get('a').stop();
  await clock.advance(100);
  assert.is(streams.status().channelsOn, 3);
  await streams.shutdown();
});

test('admission: a channel is let in when what it will cost still fits', () => {
  assert.is(decide('refuse', [0.9]).length, 3);
  assert.is(decide('refuse', [0.6, 0.6]).length, 3);
  assert.is(decide('refuse', [0.9, 0.9]).length, 0);
  assert.is(decide('off', [5, 5]).length, 3);
  assert.is(
    load(
      [
        { ratio: 0.5, pixelRate: 1 },
        { ratio: null, pixelRate: 1 },
      ],
      2,
    ),
    0.25,
  );
});

test('admission: by option a channel starts with its smallest rung, if that fits', () => {
  assert.equal(decide('reduce', [0.6, 0.6]), ['1080p', '720p', '360p']);
  assert.equal(decide('reduce', [0.9, 0.9]), ['360p']);
  assert.equal(decide('reduce', [1, 1]), []);
});

test('admission: a refused viewer is told, leaves nothing behind, and is let in later', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 3000, admission: 'refuse' });
  const [one, two, three] = ['one', 'two', 'three'].map((id) => add(id));
  await Promise.all([one?.register('a'), two?.register('a')]);
  await clock.advance(9000);
  const error = await three
    ?.playlist('720p', { sessionId: 'b' })
    .catch((reason: unknown) => reason);
  assert.is(error instanceof HeadendError && error.code, 'CAPACITY_EXCEEDED');
  assert.is(error instanceof HeadendError && error.retryable, true);
  assert.is(three?.viewerCount, 0);
  assert.is(three?.state, 'idle');
  assert.is(engine.alive, 2);
  two?.unregister('a');
  await three?.register('b');
  assert.is(three?.state, 'starting');
  await streams.shutdown();
});

test('admission: a reduced channel lists and makes its smallest rung alone', async () => {
  const { clock, engine, add, streams } = createStreams({ segmentMs: 3200, admission: 'reduce' });
  const [one, two] = [add('one'), add('two')];
  await one.register('a');
  void one.playlist('720p').catch(() => {});
  await clock.advance(3500);
  void one.playlist('720p').catch(() => {});
  engine.segmentMs = 7000;
  await clock.advance(8000);
  void one.playlist('720p').catch(() => {});
  await clock.advance(3000);
  engine.segmentMs = 100;
  const inits = two.inits({ sessionId: 'b' });
  await clock.advance(3000);
  assert.equal(
    (await inits).map(({ rendition }) => rendition),
    ['audio', '360p'],
  );
  const made = engine.batches.filter(({ channelId }) => channelId === 'two');
  assert.ok(made.every(({ rungs }) => !rungs.includes('720p')));
  const error = await two.segment('720p', N + 3).catch((reason: unknown) => reason);
  assert.is(error instanceof HeadendError && error.code, 'CAPACITY_EXCEEDED');
  await streams.shutdown();
});

test.run();
