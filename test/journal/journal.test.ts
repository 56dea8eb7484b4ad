// The journal in a real file: what comes back after a restart, what the logs say, and what happens when the file or its
// disk fails.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../lib/clock.js';
import type { ChannelDefinition } from '../../lib/definition.js';
import { HeadendError } from '../../lib/errors.js';
import { Headend } from '../../lib/headend.js';
import type { FileJournal } from '../../lib/journal/journal.js';
import { type JournalOptions, openJournal } from '../../lib/journal/open-journal.js';
import type { JournalOperation } from '../../lib/journal/operations.js';
import type { Fault } from '../../lib/stream/fault.js';
import { FakeClock } from '../stream/fake-clock.js';
import { FakeEngine } from '../stream/fake-engine.js';
import { limitFileSize } from '../support/file-size-limit.js';
import { run } from '../support/process.js';

const NOW = Date.parse('2025-06-01T12:00:00.000Z');
const DAY = 86_400_000;

const folder = await mkdtemp(join(tmpdir(), 'headend-journal-'));
test.after(() => rm(folder, { recursive: true }));

let files = 0;
function newFile(): string {
  return join(folder, `journal-${++files}.db`);
}

/** Opens a journal on a clock that stands still, so that only flushes commit; notes its faults. */
async function open(file: string, options: Partial<JournalOptions> = {}) {
  const clock = new FakeClock(NOW);
  const faults: string[] = [];
  const onFault = ({ code, message }: HeadendError) => faults.push(`${code}: ${message}`);
  const journal = await openJournal({ file, clock, onFault, lockTimeoutMs: 0, ...options });
  return { clock, faults, journal };
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) =>
      error instanceof HeadendError ? `${error.code}: ${error.message}` : String(error),
  );
}

const MODULE = new URL('../../lib/journal/open-journal.ts', import.meta.url).href;

/** Runs a script in a process of its own, which must end by itself; its output. */
async function evaluate(script: string): Promise<string> {
  const node = [
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    '--eval',
    script,
  ] as const;
  const { code, stdout, stderr } = await run(node[0], node.slice(1));
  assert.is(code, 0, stderr);
  return stdout.toString();
}

function opened(sessionId: string, atMs = NOW, channelId = 'news'): JournalOperation {
  return { type: 'session-opened', channelId, sessionId, atMs };
}

function position(sessionId: string, segmentNumber: number, atMs = NOW): JournalOperation {
  return { type: 'position', channelId: 'news', sessionId, rendition: '720p', segmentNumber, atMs };
}

function aired(n: number, title = `programme ${n}`, channelId = 'news'): JournalOperation {
  const startsAtMs = NOW + n * 1000;
  return { type: 'aired', channelId, title, source: '', startsAtMs, endsAtMs: startsAtMs + 1000 };
}

test('open sessions and saved channels come back as they were last written', async () => {
  const file = newFile();
  const first = await open(file);
  const operations: JournalOperation[] = [
    { type: 'channel-saved', channelId: 'news', atMs: NOW, definition: '{"id":"old"}' },
    { type: 'channel-saved', channelId: 'gone', atMs: NOW, definition: '{}' },
    { type: 'channel-saved', channelId: 'news', atMs: NOW, definition: '{"id":"news"}' },
    { type: 'channel-deleted', channelId: 'gone', atMs: NOW },
    opened('anna'),
    opened('ben'),
    opened('carl'),
    position('anna', 7, NOW + 1000),
    position('anna', 8, NOW + 5000),
    position('ben', 3, NOW + 5000),
    {
      type: 'session-closed',
      channelId: 'news',
      sessionId: 'ben',
      atMs: NOW + 6000,
      reason: 'left',
    },
    opened('ben', NOW + 9000),
  ];
  for (const operation of operations) void first.journal.record(operation);
  await first.journal.close();
  await first.journal.close();
  const second = await open(file);
  const session = {
    channelId: 'news',
    openedAtMs: NOW,
    seenAtMs: NOW,
    rendition: null,
    segmentNumber: null,
  };
  assert.equal(second.journal.openSessions(), [
    { ...session, sessionId: 'anna', seenAtMs: NOW + 5000, rendition: '720p', segmentNumber: 8 },
    { ...session, sessionId: 'carl' },
    { ...session, sessionId: 'ben', openedAtMs: NOW + 9000, seenAtMs: NOW + 9000 },
  ]);
  assert.equal([...second.journal.savedChannels()], [['news', '{"id":"news"}']]);
  assert.is((await second.journal.sessions()).length, 4);
  const ben = (await second.journal.sessions({ first: 'oldest' })).find(
    ({ closedAtMs }) => closedAtMs !== null,
  );
  assert.equal(ben, {
    ...{ channelId: 'news', sessionId: 'ben', openedAtMs: NOW, seenAtMs: NOW + 5000 },
    ...{ closedAtMs: NOW + 6000, reason: 'left', rendition: '720p', segmentNumber: 3 },
  });
  assert.equal(second.faults, []);
  await second.journal.close();
});

test('a session that a crash left behind is over once others were heard of for longer than its timeout', async () => {
  const file = newFile();
  const { journal } = await open(file);
  for (const id of ['ghost', 'quiet', 'here']) void journal.record(opened(id));
  void journal.record(position('quiet', 1, NOW + 30_001));
  void journal.record(position('here', 2, NOW + 60_000));
  await journal.close();
  for (let time = 0; time < 2; time++) {
    const { journal } = await open(file);
    assert.equal(
      journal.openSessions().map(({ sessionId }) => sessionId),
      ['quiet', 'here'],
    );
    const ghost = (await journal.sessions()).find(({ sessionId }) => sessionId === 'ghost');
    assert.equal([ghost?.reason, ghost?.closedAtMs], ['timeout', NOW + 30_000]);
    await journal.close();
  }
});

test('a position of a session that the file does not know opens it', async () => {
  const file = newFile();
  const { journal } = await open(file);
  void journal.record(position('anna', 5));
  await journal.close();
  const again = await open(file);
  assert.is(again.journal.openSessions()[0]?.segmentNumber, 5);
  await again.journal.close();
});

test('the logs answer by channel, time, order and number', async () => {
  const { journal } = await open(newFile());
  for (let n = 0; n < 5; n++) {
    void journal.record(aired(n));
    const numbers = { batchNumber: n, startSegment: n * 10, endSegment: n * 10 + 9 };
    const times = { startedAtMs: NOW + n * 1000, endedAtMs: NOW + n * 1000 + 500 };
    void journal.record({
      type: 'batch',
      channelId: 'news',
      ...numbers,
      ...times,
      error: n === 3 ? 'no' : null,
    });
    const fault: Fault = {
      code: 'SOURCE_ENDED',
      channelId: n % 2 ? 'news' : 'film',
      stage: 'demux',
      message: `${n}`,
      averror: -n,
      source: '/a.mp4',
      airsAt: n ? new Date(NOW + n) : null,
    };
    void journal.record({ type: 'fault', atMs: NOW + n, fault });
  }
  void journal.record(aired(2, 'made again'));
  void journal.record(aired(2, 'elsewhere', 'film'));
  await journal.flush();
  const titles = async (query: object) => (await journal.aired(query)).map(({ title }) => title);
  assert.equal(await titles({ channelId: 'news', limit: 3 }), [
    'programme 4',
    'programme 3',
    'made again',
  ]);
  assert.equal(
    await titles({ channelId: 'news', fromMs: NOW + 1500, toMs: NOW + 3000, first: 'oldest' }),
    ['programme 1', 'made again'],
  );
  assert.is((await journal.aired()).length, 6);
  const faults = await journal.faults({ channelId: 'news', fromMs: NOW + 1, toMs: NOW + 4 });
  assert.equal(
    faults.map(({ fault }) => [fault.message, fault.airsAt?.getTime(), fault.averror]),
    [
      ['3', NOW + 3, -3],
      ['1', NOW + 1, -1],
    ],
  );
  const [batch] = await journal.batches({ fromMs: NOW + 3000, first: 'oldest' });
  assert.equal(batch, {
    ...{ channelId: 'news', batchNumber: 3, startSegment: 30, endSegment: 39 },
    ...{ startedAtMs: NOW + 3000, endedAtMs: NOW + 3500, error: 'no' },
  });
  assert.match(await failure(journal.aired({ limit: 0 })), /^INVALID_OPTIONS: aired: limit/);
  await journal.close();
});

test('the logs stay within their age and their number of rows, a little at a time', async () => {
  const file = newFile();
  const { journal, clock, faults } = await open(file, { retentionDays: 10, maxRows: 100 });
  void journal.record(opened('stays', NOW - 20 * DAY));
  void journal.record(position('stays', 1, NOW));
  void journal.record(opened('forgotten', NOW - 20 * DAY));
  for (let n = 0; n < 3; n++) void journal.record(aired((-11 * DAY) / 1000 - n, 'old'));
  for (let n = 0; n < 2500; n++) void journal.record(aired(n));
  await journal.flush();
  await clock.advance(60_000);
  // One step comes after a commit, and the next ones as long as there is more to delete.
  for (let commit = 0; commit < 8; commit++) {
    void journal.record(position('stays', 2, NOW));
    await journal.flush();
    await journal.aired({ limit: 1 });
  }
  const left = await journal.aired({ limit: 10_000 });
  assert.is(left.length, 100);
  assert.ok(left.every(({ title }) => title !== 'old'));
  assert.equal(
    (await journal.sessions()).map(({ sessionId, segmentNumber }) => [sessionId, segmentNumber]),
    [['stays', 2]],
  );
  assert.equal(faults, []);
  assert.is(clock.pending, 0);
  await journal.close();
});

test('operations are committed by themselves after the interval, and record resolves then', async () => {
  const { journal, clock } = await open(newFile());
  const recorded = journal.record(aired(1));
  await clock.advance(100);
  await recorded;
  assert.is((await journal.aired()).length, 1);
  await journal.close();
  assert.match(await failure(journal.record(aired(2))), /^CLOSED/);
  assert.is(journal.status.state, 'closed');
});

test('what cannot be a journal is refused with a reason, and left alone', async () => {
  const text = join(folder, 'letter.txt');
  writeFileSync(text, 'Dear Sir or Madam, this is not a database.');
  const other = join(folder, 'other.db');
  const db = new DatabaseSync(other);
  db.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)');
  db.close();
  const before = readFileSync(other);
  const newer = newFile();
  await (await open(newer)).journal.close();
  const db2 = new DatabaseSync(newer);
  db2.exec('PRAGMA user_version = 99');
  db2.close();
  const cases: [string, RegExp][] = [
    [
      join(folder, 'nowhere', 'journal.db'),
      /^JOURNAL_FAILED: the journal .*nowhere.*: its folder does not exist$/,
    ],
    [text, /^JOURNAL_FAILED: .*letter\.txt: it is not a journal/],
    [other, /^JOURNAL_FAILED: .*it is the database of another program/],
    [folder, /^JOURNAL_FAILED: .*it is not a file/],
    [newer, /^JOURNAL_FAILED: .*written by a newer Headend/],
  ];
  for (const [file, reason] of cases) assert.match(await failure(open(file)), reason);
  assert.is(readFileSync(text, 'utf8'), 'Dear Sir or Madam, this is not a database.');
  assert.equal(readFileSync(other), before);
  assert.match(await failure(openJournal({ file: '' })), /^INVALID_OPTIONS: openJournal: file/);
});

test('an onFault that throws is an uncaught exception of the program, and unwinds nobody who writes', async () => {
  const onFault = () => {
    throw new Error('thrown by onFault');
  };
  const { journal } = await open(newFile(), { onFault, maxQueuedOperations: 1 });
  const uncaught: Error[] = [];
  const onUncaught = (error: Error) => void uncaught.push(error);
  process.on('uncaughtException', onUncaught);
  const first = journal.record(aired(1));
  const second = failure(journal.record(aired(2)));
  assert.match(await second, /^JOURNAL_FAILED: .*too many operations wait/);
  await journal.close();
  await first;
  process.off('uncaughtException', onUncaught);
  assert.ok(uncaught.length > 0 && uncaught.every(({ message }) => /by onFault/.test(message)));
});

test('a second journal on the same file is refused until the first is closed', async () => {
  const file = newFile();
  const { journal } = await open(file);
  assert.match(await failure(open(file)), /^JOURNAL_FAILED: .*another process has it open/);
  await journal.close();
  await (await open(file)).journal.close();
});

test('a file that this user may not write is refused with a reason', async () => {
  const file = newFile();
  await (await open(file)).journal.close();
  chmodSync(folder, 0o755);
  chmodSync(file, 0o444);
  // Root may write everything, so a process of its own becomes an ordinary user.
  const becomeNobody =
    process.getuid?.() === 0 ? 'process.setgid(65534); process.setuid(65534);' : '';
  const script = `${becomeNobody}
    import(${JSON.stringify(MODULE)})
      .then(({ openJournal }) => openJournal({ file: ${JSON.stringify(file)} }))
      .then(() => console.log('opened'), (error) => console.log(error.code + ': ' + error.message));`;
  assert.match(await evaluate(script), /^JOURNAL_FAILED: the journal .*: it may not be written/);
});

test('a damaged file is set aside whole, with a fault that says where, and a new one begun', async () => {
  const damages: [string, (file: string) => void][] = [
    ['cut short', (file) => truncateSync(file, 20_000)],
    ['zeros', (file) => writeFileSync(file, Buffer.alloc(40_000))],
    [
      'noise',
      (file) => {
        const bytes = readFileSync(file);
        writeFileSync(file, bytes.fill(0x5a, 4096, bytes.length - 4096));
      },
    ],
  ];
  for (const [name, damage] of damages) {
    const file = newFile();
    const first = await open(file);
    for (let n = 0; n < 2000; n++) void first.journal.record(aired(n));
    await first.journal.close();
    damage(file);
    const bytes = readFileSync(file);
    const { journal, faults } = await open(file);
    assert.is(faults.length, 1, name);
    const path = /^JOURNAL_DAMAGED: .* it was renamed to (.*) and a new one begun$/.exec(
      faults[0] ?? '',
    )?.[1];
    assert.ok(path, faults[0]);
    assert.equal(readFileSync(path), bytes, `${name}: nothing of it is lost`);
    void journal.record(aired(1));
    await journal.flush();
    assert.is((await journal.aired()).length, 1);
    await journal.close();
    assert.equal((await open(file)).faults, [], 'the new one is sound');
  }
});

async function titles(journal: FileJournal): Promise<string[]> {
  return (await journal.aired({ limit: 10_000, first: 'oldest' })).map(({ title }) => title);
}

const numbered = (n: number) => Array.from({ length: n }, (_, index) => `programme ${index}`);

test('while the disk takes nothing operations wait, and are written when there is room again', async () => {
  const { journal, clock, faults } = await open(newFile(), { maxBatchOperations: 500 });
  const acknowledged: number[] = [];
  const record = async (n: number) => {
    await journal.record(aired(n));
    acknowledged.push(n);
  };
  const recorded = Array.from({ length: 100 }, (_, n) => record(n));
  await journal.flush();
  limitFileSize(0);
  try {
    for (let n = 100; n < 2000; n++) recorded.push(record(n));
    assert.match(await failure(journal.flush()), /^JOURNAL_FAILED: .*disk I\/O error/);
    await clock.advance(20_000);
    assert.equal(journal.status, { state: 'failing', queued: 1900, lost: 0 });
    assert.is(acknowledged.length, 100, 'what waits is not acknowledged');
    assert.is(faults.length, 1, 'said once');
    assert.match(faults[0] ?? '', /^JOURNAL_FAILED: .*disk I\/O error/);
  } finally {
    limitFileSize(null);
  }
  // Nobody asks: it is tried again by itself.
  while (journal.status.queued > 0) await clock.advance(8000);
  await Promise.all(recorded);
  assert.equal(journal.status, { state: 'writing', queued: 0, lost: 0 });
  assert.equal(await titles(journal), numbered(2000));
  assert.is(faults.length, 1);
  await journal.close();
});

test('closed while the disk takes nothing it gives up after some tries, and says how much is lost', async () => {
  const file = newFile();
  const { journal, clock, faults } = await open(file);
  for (let n = 0; n < 100; n++) void journal.record(aired(n));
  await journal.flush();
  limitFileSize(0);
  try {
    const lost = Array.from({ length: 50 }, (_, n) =>
      failure(journal.record(n % 2 === 0 ? aired(100 + n) : position(`viewer-${n}`, n))),
    );
    let isClosed = false;
    const closing = journal.close().then(() => {
      isClosed = true;
    });
    while (!isClosed) await clock.advance(8000);
    await closing;
    assert.match(faults.at(-1) ?? '', /it was closed, but 50 operations are lost/);
    assert.is(journal.status.lost, 50);
    for (const each of await Promise.all(lost)) assert.match(each, /^JOURNAL_FAILED/);
  } finally {
    limitFileSize(null);
  }
  const again = await open(file);
  assert.equal(await titles(again.journal), numbered(100));
  await again.journal.close();
});

const disk = join(folder, 'disk');
mkdirSync(disk);
const mount = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk];
const isMounted = (await run('mount', mount).catch(() => ({ code: 1 }))).code === 0;
const withDisk = isMounted ? test : test.skip;

withDisk('a full disk says that it is one, and costs nothing of what was there', async () => {
  try {
    const { journal, faults } = await open(join(disk, 'journal.db'));
    const other = join(disk, 'other');
    writeFileSync(other, Buffer.alloc(500_000));
    let n = 0;
    while (journal.status.state === 'writing') {
      for (let each = 0; each < 500; each++) void journal.record(aired(n++));
      await journal.flush().catch(() => {});
    }
    assert.match(await failure(journal.flush()), /^JOURNAL_FAILED: .*the disk is full/);
    assert.is(faults.length, 1);
    rmSync(other);
    await journal.flush();
    assert.equal(await titles(journal), numbered(n));
    await journal.close();
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

test('at maxFileBytes the oldest entries of all logs go, channels and viewers stay, and it writes on', async () => {
  const file = newFile();
  const maxFileBytes = 400_000;
  const { journal, faults, clock } = await open(file, { maxFileBytes });
  const kept: JournalOperation[] = [
    { type: 'channel-saved', channelId: 'news', atMs: NOW, definition: '{"id":"news"}' },
    { type: 'encoding', channelId: 'news', changes: 3, encoder: 'nvenc', atMs: NOW },
    opened('anna', NOW - 9 * DAY),
    position('anna', 7, NOW - DAY),
  ];
  const recorded = kept.map((each) => journal.record(each));
  const gone = { channelId: 'news', sessionId: 'gone' };
  recorded.push(
    journal.record({ type: 'session-opened', ...gone, atMs: NOW - 9 * DAY }),
    journal.record({ type: 'session-closed', ...gone, atMs: NOW - DAY, reason: 'left' }),
  );
  const write = async (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      recorded.push(journal.record(aired(n)));
      if (n % 1000 === 999) await journal.flush();
    }
  };
  await write(0, 20_000);
  await Promise.all(recorded);
  assert.equal(journal.status, { state: 'writing', queued: 0, lost: 0 });
  assert.is(faults.length, 1, 'told once');
  assert.match(faults[0] ?? '', /^JOURNAL_FAILED: .*it has reached its maxFileBytes: the oldest/);
  await clock.advance(DAY);
  await write(20_000, 22_000);
  assert.is(faults.length, 2, 'and again a day later');
  const there = await titles(journal);
  assert.ok(there.length > 500, `${there.length} fit`);
  assert.equal(there, numbered(22_000).slice(-there.length), 'the newest, without holes');
  assert.equal(
    (await journal.sessions()).map(({ sessionId, segmentNumber }) => [sessionId, segmentNumber]),
    [['anna', 7]],
  );
  await journal.close();
  assert.ok(statSync(file).size <= maxFileBytes, `${statSync(file).size} bytes`);

  // The next one finds the file full.
  const again = await open(file, { maxFileBytes });
  assert.equal([...again.journal.savedChannels()], [['news', '{"id":"news"}']]);
  assert.equal(again.journal.savedEncodings(), [
    { channelId: 'news', changes: 3, encoder: 'nvenc' },
  ]);
  assert.is(again.journal.openSessions()[0]?.segmentNumber, 7);
  for (let n = 22_000; n < 24_000; n++) void again.journal.record(aired(n));
  await again.journal.flush();
  assert.is((await titles(again.journal)).at(-1), 'programme 23999');
  await again.journal.close();
  assert.ok(statSync(file).size <= maxFileBytes, `${statSync(file).size} bytes`);
});

test('what retention deletes goes first when the file is full', async () => {
  const { journal, faults, clock } = await open(newFile(), {
    ...{ maxFileBytes: 400_000, retentionDays: 1, maxRows: 500 },
  });
  for (let n = 0; n < 20_000; n++) {
    void journal.record(aired(n));
    if (n % 200 === 199) await journal.flush();
  }
  await journal.flush();
  assert.equal(faults, [], 'nothing is deleted before its time');
  assert.is(clock.pending, 0);
  await journal.close();
});

test('opening deletes what is too old, before anything is written', async () => {
  const file = newFile();
  const { journal } = await open(file);
  void journal.record(aired((-2 * DAY) / 1000));
  void journal.record(aired(1));
  await journal.close();
  const again = await open(file, { retentionDays: 1 });
  assert.equal(await titles(again.journal), ['programme 1']);
  await again.journal.close();
});

test('an operation for which no room can be made is rejected, and the others go on', async () => {
  const file = newFile();
  const { journal, faults } = await open(file, { maxFileBytes: 256 * 1024 });
  const definition = 'x'.repeat(300_000);
  const recorded = [
    journal.record(aired(1)),
    journal.record({ type: 'channel-saved', channelId: 'huge', atMs: NOW, definition }),
    journal.record(aired(2)),
  ];
  await journal.flush();
  const outcomes = await Promise.all(recorded.map(failure));
  assert.match(outcomes[1] ?? '', /^JOURNAL_FAILED: .*channel-saved: maxFileBytes is too small/);
  assert.equal([outcomes[0], outcomes[2]], ['none', 'none']);
  assert.is(journal.status.lost, 1);
  assert.is((await titles(journal)).at(-1), 'programme 2');
  assert.ok(faults.some((fault) => /1 operations could not be stored: channel-saved/.test(fault)));

  // Viewers who are there fill it: they stay, and so does what is recorded of them.
  const viewers = Array.from({ length: 3000 }, (_, n) => journal.record(opened(`viewer-${n}`)));
  await journal.flush();
  const refused = (await Promise.all(viewers.map(failure))).filter((each) => each !== 'none');
  assert.is(journal.status.lost, 1 + refused.length);
  assert.ok(refused.length > 0 && refused.length < 2500, `${refused.length} refused`);
  assert.is(journal.status.state, 'writing');
  await journal.close();
  const again = await open(file, { maxFileBytes: 256 * 1024 });
  assert.is(again.journal.openSessions().length, 3000 - refused.length);
  // Room again: they leave.
  for (const { sessionId } of again.journal.openSessions()) {
    const closed = { channelId: 'news', sessionId, atMs: NOW, reason: 'left' } as const;
    void again.journal.record({ type: 'session-closed', ...closed });
  }
  await again.journal.flush();
  void again.journal.record(aired(3));
  await again.journal.flush();
  assert.is((await titles(again.journal)).at(-1), 'programme 3');
  await again.journal.close();
});

test('who adds a channel for good is told that it could not be saved', async () => {
  const file = newFile();
  const journal = await openJournal({ file, maxFileBytes: 256 * 1024 });
  const engine = new FakeEngine(systemClock, 1);
  const headend = await Headend.create({}, { engine, clock: systemClock, journal });
  const definition = (id: string, count: number): ChannelDefinition => {
    const programmes = Array.from({ length: count }, (_, n) => ({
      ...{ source: `/films/${n}.mp4`, duration: 60, title: 'x'.repeat(100) },
    }));
    const ladder = [{ height: 360, bitrate: 500_000 }];
    return { id, schedule: { type: 'loop', programmes }, ladder };
  };
  await headend.saved.add(definition('small', 2));
  assert.match(
    await failure(headend.saved.add(definition('huge', 2000))),
    /^JOURNAL_FAILED: .*channel-saved: maxFileBytes is too small/,
  );
  assert.is(headend.channels.get('huge').id, 'huge', 'it is on the air');
  await headend.close();
  const again = await open(file);
  assert.equal([...again.journal.savedChannels().keys()], ['small']);
  await again.journal.close();
});

test('memory is bounded while the disk fails: what is too much is given up, counted and said', async () => {
  const file = newFile();
  const { journal, faults } = await open(file, { maxQueuedOperations: 100 });
  // Without its folder the journal can neither write nor begin anew.
  const { rename } = await import('node:fs/promises');
  await rename(file, `${file}.away`);
  mkdirSync(file);
  void journal.record(aired(0));
  assert.match(await failure(journal.flush()), /^JOURNAL_FAILED/);
  const recorded = Array.from({ length: 150 }, (_, n) => failure(journal.record(aired(n + 1))));
  assert.is(journal.status.queued, 100);
  const given = (await Promise.all(recorded.slice(99))).filter((text) =>
    /^JOURNAL_FAILED: .*too many/.test(text),
  );
  assert.is(given.length, 51);
  assert.match(faults[1] ?? '', /100 operations wait already; further ones are lost/);
  assert.is(faults.length, 2);
  rmSync(file, { recursive: true });
  await rename(`${file}.away`, file);
  await journal.flush();
  assert.equal(journal.status, { state: 'writing', queued: 0, lost: 51 });
  assert.match(faults[2] ?? '', /it writes again, but 51 operations are lost/);
  assert.is((await journal.aired({ limit: 1000 })).length, 100);
  await journal.close();
});

function saved(channelId: string, n: number): JournalOperation {
  return { type: 'channel-saved', channelId, atMs: NOW, definition: `{"n":${n}}` };
}

function encoding(channelId: string, changes: number): JournalOperation {
  return { type: 'encoding', channelId, changes, encoder: 'nvenc', atMs: NOW };
}

/** What a restart finds of channels, and how often their encoding changed. */
async function restarted(file: string) {
  const { journal, faults } = await open(file);
  const channels = Object.fromEntries(journal.savedChannels());
  const changes = Object.fromEntries(
    journal.savedEncodings().map((each) => [each.channelId, each.changes]),
  );
  await journal.close();
  assert.equal(faults, []);
  return { channels, changes };
}

test('a file deleted under the journal is noticed, and a new one begun with what was kept', async () => {
  const file = newFile();
  const { journal, faults } = await open(file);
  void journal.record(aired(1));
  for (const id of ['news', 'films', 'gone']) void journal.record(saved(id, 1));
  void journal.record({ type: 'channel-deleted', channelId: 'gone', atMs: NOW });
  void journal.record(encoding('news', 2));
  await journal.flush();
  for (const suffix of ['', '-wal']) rmSync(file + suffix, { force: true });
  void journal.record(aired(2));
  assert.match(await failure(journal.flush()), /^JOURNAL_FAILED: .*deleted or replaced/);
  await journal.flush();
  assert.ok(existsSync(file));
  assert.is(faults.length, 1);
  assert.equal(
    (await journal.aired()).map(({ title }) => title),
    ['programme 2'],
  );
  await journal.close();
  const kept = { channels: { films: '{"n":1}', news: '{"n":1}' }, changes: { news: 2 } };
  assert.equal(await restarted(file), kept);
  assert.equal(await restarted(file), kept, 'opened again, the same');
});

test('a new file has the channels before anything else is written to it, and again when that one is lost', async () => {
  const file = newFile();
  await (async () => {
    const { journal } = await open(file);
    void journal.record(saved('old', 1));
    void journal.record(encoding('old', 5));
    await journal.close();
  })();
  const { journal } = await open(file);
  void journal.record(saved('news', 1));
  void journal.record(saved('news', 2));
  await journal.flush();
  for (let time = 0; time < 2; time++) {
    for (const suffix of ['', '-wal']) rmSync(file + suffix, { force: true });
    const recorded = journal.record(saved('late', time));
    assert.match(await failure(journal.flush()), /^JOURNAL_FAILED: .*deleted or replaced/);
    // What opens the new file is a question, not the write that waits.
    assert.equal(await journal.aired(), []);
    const copy = newFile();
    for (const suffix of ['', '-wal']) copyFileSync(file + suffix, copy + suffix);
    const late = time === 0 ? {} : { late: '{"n":0}' };
    const channels = { ...late, news: '{"n":2}', old: '{"n":1}' };
    assert.equal(await restarted(copy), { channels, changes: { old: 5 } }, 'a kill at this point');
    await journal.flush();
    await recorded;
  }
  await journal.close();
  const channels = { late: '{"n":1}', news: '{"n":2}', old: '{"n":1}' };
  assert.equal(await restarted(file), { channels, changes: { old: 5 } });
});

test('a journal put in the place of the file keeps what it has, and gets what holds', async () => {
  const file = newFile();
  const other = newFile();
  const second = await open(other);
  for (const operation of [saved('theirs', 1), saved('news', 0), aired(7)]) {
    void second.journal.record(operation);
  }
  await second.journal.close();
  const { journal } = await open(file);
  void journal.record(saved('news', 1));
  await journal.flush();
  rmSync(`${file}-wal`);
  renameSync(other, file);
  void journal.record(aired(8));
  await journal.flush().catch(() => {});
  await journal.flush();
  assert.equal(await titles(journal), ['programme 7', 'programme 8']);
  await journal.close();
  const channels = { news: '{"n":1}', theirs: '{"n":1}' };
  assert.equal(await restarted(file), { channels, changes: {} });
});

test('damage found while it runs sets the file aside too, and what waited goes into the new one', async () => {
  const file = newFile();
  const { journal, faults } = await open(file);
  for (const id of ['news', 'films']) void journal.record(saved(id, 1));
  void journal.record(encoding('news', 2));
  // More than SQLite keeps in memory, so that it has to read what was damaged.
  for (let n = 0; n < 40_000; n++) void journal.record(aired(n, 'x'.repeat(600)));
  await journal.flush();
  for (const suffix of ['', '-wal']) {
    const bytes = readFileSync(file + suffix);
    writeFileSync(file + suffix, bytes.fill(0x5a, 4096));
  }
  for (let n = 0; n < 400; n++) void journal.record(aired(n * 100, 'again'));
  for (let tries = 0; tries < 3; tries++) await journal.flush().catch(() => {});
  assert.is(journal.status.queued, 0, faults.join('; '));
  const path = /^JOURNAL_DAMAGED: .* it was renamed to (.*) and a new one begun$/.exec(
    faults.at(-1) ?? '',
  )?.[1];
  assert.ok(path && existsSync(path), faults.join('; '));
  assert.equal(
    (await journal.aired({ limit: 1000 })).map(({ title }) => title),
    Array.from({ length: 400 }, () => 'again'),
  );
  void journal.record(saved('late', 1));
  await journal.close();
  assert.equal(await restarted(file), {
    channels: { films: '{"n":1}', late: '{"n":1}', news: '{"n":1}' },
    changes: { news: 2 },
  });
});

test('an operation that can never be stored is rejected and told, and does not hold up the others', async () => {
  const { journal, faults } = await open(newFile());
  const impossible = JSON.parse('null');
  const recorded = [
    aired(1),
    aired(2, impossible),
    opened('anna'),
    { ...position('anna', 1), channelId: impossible },
    position('anna', 2),
    aired(3),
  ].map((operation) => journal.record(operation));
  await journal.flush();
  assert.is(journal.status.queued, 0, 'they do not wait');
  const outcomes = await Promise.all(recorded.map(failure));
  assert.match(outcomes[1] ?? '', /^JOURNAL_FAILED: the journal .*: aired: NOT NULL/);
  assert.match(outcomes[3] ?? '', /^JOURNAL_FAILED: the journal .*: position: NOT NULL/);
  assert.equal(
    outcomes.filter((outcome) => outcome !== 'none').length,
    2,
    'the others are acknowledged',
  );
  const error = await recorded[1]?.catch((reason: unknown) => reason);
  assert.is(error instanceof HeadendError && error.retryable, false);
  assert.is(journal.status.lost, 2);
  assert.equal(
    (await journal.aired({ first: 'oldest' })).map(({ title }) => title),
    ['programme 1', 'programme 3'],
  );
  assert.is((await journal.sessions())[0]?.segmentNumber, 2);
  assert.match(faults[0] ?? '', /2 operations could not be stored: aired: NOT NULL/);
  void journal.record(aired(4));
  await journal.flush();
  assert.is(faults.length, 1, 'said once');
  await journal.close();
});

test('of positions in one window that end in an impossible one none is acknowledged', async () => {
  const { journal } = await open(newFile());
  const impossible = { ...position('anna', 2), segmentNumber: JSON.parse('"far"') };
  const recorded = [position('anna', 1), impossible].map((each) => journal.record(each));
  await journal.flush();
  for (const each of recorded) {
    assert.match(await failure(each), /^JOURNAL_FAILED: .*position: cannot store TEXT/);
  }
  assert.is(journal.status.lost, 2);
  assert.is((await journal.sessions())[0]?.segmentNumber ?? null, null);
  await journal.close();
});

test('a rejection that nobody looks at does not end the process', async () => {
  const operation = JSON.stringify(aired(1, JSON.parse('null')));
  const output = await evaluate(`import(${JSON.stringify(MODULE)}).then(async ({ openJournal }) => {
    const journal = await openJournal({ file: ${JSON.stringify(newFile())} });
    void journal.record(${operation});
    await journal.flush();
    await journal.close();
    void journal.record(${operation});
    setTimeout(() => console.log(journal.status.lost), 10);
  });`);
  assert.is(output, '2\n');
});

test('an open journal does not keep its process alive, and one that ends by itself writes what it recorded', async () => {
  const file = newFile();
  await evaluate(`import(${JSON.stringify(MODULE)})
    .then(({ openJournal }) => openJournal({ file: ${JSON.stringify(file)}, retentionDays: 36500 }))
    .then((journal) => void journal.record({ type: 'aired', channelId: 'news', title: 'last',
      source: '', startsAtMs: ${NOW}, endsAtMs: ${NOW} }));`);
  const { journal } = await open(file, { retentionDays: 36_500 });
  assert.is((await journal.aired())[0]?.title, 'last');
  await journal.close();
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith(`journal-${files}`)),
    [`journal-${files}.db`],
    'closed, it is one file',
  );
});

test.run();
