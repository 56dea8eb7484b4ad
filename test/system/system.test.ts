// deadline: 200 s
// live
// The whole: a server process with the real engine and a journal airs several channels to dozens of viewers who come
// and go as people do, and is killed again and again. Nobody may see a hole, a wrong frame or a number that goes back,
// and nobody is forgotten. `--soak N` gives it N times as many lives.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkChannel } from '../support/hls-checker.js';
import { makeSource, type Programme } from '../support/programmes.js';
import { soak } from '../support/soak.js';
import { FRAME_RATE } from './format.js';
import { Judge } from './judge.js';
import { Lives } from './life.js';
import { type Present, type Tally, Viewer } from './viewer.js';

const CHANNELS = 4;
const VIEWERS = 32;
const KILLS = 3 * soak;
const LIFE_MS = 10_000;

interface Context {
  folder: string;
  schedules: Map<string, Programme[]>;
  lives: Lives;
  judge: Judge;
}

const test = suite<Context>('system');

test.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-system-'));
  context.schedules = await schedules();
  const epochMs = Math.floor(Date.now() / 1000) * 1000 - 600_000;
  context.judge = new Judge(epochMs);
  context.lives = new Lives({
    journal: join(context.folder, 'journal.db'),
    epochMs,
    channels: Array.from(context.schedules, ([id, programmes]) => ({
      id,
      programmes: programmes.map(({ source, inPoint, frames }) => ({
        source: source.url,
        inPoint: inPoint.num / inPoint.den,
        duration: frames / FRAME_RATE.num,
      })),
    })),
  });
});

test.after(async ({ lives, folder }) => {
  await lives?.kill();
  await rm(folder, { recursive: true, force: true });
});

/** Every channel airs the same four files, in other parts and another order. */
async function schedules(): Promise<Map<string, Programme[]>> {
  const sources = await Promise.all(
    [10, 25, 30, 10].map((rate, index) =>
      makeSource({
        ...{ programme: index + 1, frameRate: { num: rate, den: 1 }, frames: 8 * rate },
        ...{ width: 320, height: 180 },
      }),
    ),
  );
  const channel = (first: number): Programme[] =>
    sources.map((_, index) => {
      const source = sources[(first + index) % sources.length];
      if (!source) throw new Error('no source');
      return { source, inPoint: { num: 3 * first, den: 10 }, frames: 21 + 9 * index + first };
    });
  return new Map(Array.from({ length: CHANNELS }, (_, n) => [`channel-${n}`, channel(n)]));
}

test('nobody sees a hole, a stall, a wrong frame or a step back, and no session is lost, whoever comes and goes and however often the server is killed', async ({
  schedules: programmes,
  lives,
  judge,
}) => {
  const tally: Tally = {
    ...{ joins: 0, pauses: 0, departures: 0, disappearances: 0, segments: 0, missed: 0 },
    latestMs: Number.NEGATIVE_INFINITY,
  };
  const world = { channels: [...programmes.keys()], lives, judge, tally };
  const viewers = Array.from({ length: VIEWERS }, (_, n) => {
    const container = n % 3 === 0 ? 'ts' : 'fmp4';
    return new Viewer({ container, named: n % 4 !== 0, seed: n + 1 }, world);
  });
  await lives.start();
  const end = new AbortController();
  const watching = Promise.all(viewers.map((viewer) => viewer.run(end.signal)));
  let kept = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(LIFE_MS);
    const present = viewers.flatMap((viewer) => viewer.presentAt(Date.now()) ?? []);
    await lives.kill();
    const { sessions } = await lives.start();
    kept += checkKept(present, sessions, judge);
  }
  const [channel = ''] = programmes.keys();
  const url = `${lives.url}/channels/${channel}/index.m3u8`;
  const report = await checkChannel(url, { segments: 4, variants: 'least' });
  for (const problem of report.problems) judge.problem(problem);
  end.abort();
  await watching;
  await lives.kill();

  const stretches = await judge.watchEverything(programmes);
  console.log(JSON.stringify({ ...tally, kept, different: judge.segments, stretches }));
  assert.equal([...new Set(judge.problems)].slice(0, 20), [], lives.said);
  assert.ok(tally.joins > VIEWERS && tally.segments > 10 * VIEWERS && kept > KILLS * 5);
});

/** Whoever was there is there again; how many that are. */
function checkKept(
  present: readonly Present[],
  sessions: Readonly<Record<string, readonly string[]>>,
  judge: Judge,
): number {
  const lost = present.filter(({ channel, sessionId }) => !sessions[channel]?.includes(sessionId));
  for (const { channel, sessionId } of lost) judge.problem(`${channel}: ${sessionId} was lost`);
  return present.length - lost.length;
}

test.run();
