// What becomes of channels whose films are gone, on a clock that is moved by hand and an engine without media.
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ChannelDefinition } from '../../lib/index.js';
import { Lineup } from '../../server/lineup.js';
import type { Plan, PlannedChannel } from '../../server/plan.js';
import { startServer } from '../http/support.js';
import { FakeClock } from '../stream/fake-clock.js';

const test = suite('a lineup whose films are gone');

const definition = (id: string): ChannelDefinition => ({
  id,
  schedule: {
    type: 'loop',
    programmes: [{ source: { video: 'null', audio: 'anull' }, duration: 60 }],
  },
});

const planned = (id: string, root?: string): PlannedChannel => ({
  ...{ id, name: id },
  ...(root !== undefined && { root }),
  prepare: async () => definition(id),
});

const bare = (channel: PlannedChannel): PlannedChannel => ({
  ...channel,
  prepare: async () => null,
});

const planOf = (media: string | undefined, ...channels: readonly PlannedChannel[]): Plan => ({
  ...{ channels, fallback: [definition('demo')], folders: new Set() },
  ...(media !== undefined && { media }),
});

const MINUTE = 60_000;

async function startLineup() {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const { headend } = await startServer({}, clock);
  await headend.channels.remove('news');
  let plan = planOf('/films');
  const lineup = new Lineup({
    headend,
    clock,
    log: pino({ level: 'silent' }),
    plan: async () => plan,
  });
  return {
    headend,
    clock,
    lineup,
    /** Follows a plan; what is on the air then. */
    async follow(next: Plan): Promise<string[]> {
      plan = next;
      await lineup.follow(new AbortController().signal);
      return headend.channels.list().map(({ id }) => id);
    },
  };
}

test('a channel of the media folder stays for ten minutes, and no demo airs meanwhile', async () => {
  const { headend, clock, lineup, follow } = await startLineup();
  await using _headend = headend;
  const channels = [planned('a', '/films'), planned('b', '/films')];
  assert.equal(await follow(planOf('/films', ...channels)), ['a', 'b']);
  assert.is(lineup.dueInMs, Infinity);
  const before = headend.channels.get('a');

  // The folder of one is gone, that of the other is empty.
  const gone = planOf('/films', ...channels.slice(1).map(bare));
  assert.equal(await follow(gone), ['a', 'b']);
  assert.ok(lineup.dueInMs < MINUTE, 'it looks again by itself');
  await clock.advance(9 * MINUTE);
  assert.equal(await follow(gone), ['a', 'b']);
  assert.equal(await follow(planOf('/films', ...channels)), ['a', 'b']);
  assert.is(lineup.dueInMs, Infinity);
  assert.is(headend.channels.get('a'), before, 'it is the same channel');

  assert.equal(await follow(gone), ['a', 'b'], 'the time begins anew');
  await clock.advance(10 * MINUTE);
  assert.equal(await follow(gone), ['demo']);
  assert.is(lineup.dueInMs, Infinity);
  assert.equal(await follow(planOf('/films', ...channels)), ['a', 'b']);
});

test('what is no longer asked for goes at once', async () => {
  const { headend, follow } = await startLineup();
  await using _headend = headend;
  assert.equal(await follow(planOf('/films', planned('a', '/films'), planned('c'))), ['a', 'c']);
  assert.equal(await follow(planOf('/films', planned('a', '/films'))), ['a'], 'by the file');
  assert.equal(await follow(planOf('/others', planned('d', '/others'))), ['d'], 'another folder');
  assert.equal(await follow(planOf(undefined, planned('c'))), ['c'], 'no folder');
});

test.run();
