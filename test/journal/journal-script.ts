// What the process that is killed records, numbered from 0 on, and what must be there of it once it is acknowledged.
import type { AiredEntry, SessionEntry } from '../../lib/journal/history.js';
import type { SavedEncoding, SavedSession } from '../../lib/journal/journal.js';
import { type JournalOptions, openJournal } from '../../lib/journal/open-journal.js';
import type { JournalOperation } from '../../lib/journal/operations.js';

/** Nothing is too old, too much or silent for too long: all of it happened in 1970. */
export const ENDLESS: Partial<JournalOptions> = {
  retentionDays: 36_500,
  sessionTimeoutMs: 36_500 * 86_400_000,
  maxRows: 1e9,
};

export const KINDS = [
  'aired',
  'opened',
  'position',
  'closed',
  'saved',
  'encoding',
  'added',
  'deleted',
] as const;

export type Kind = (typeof KINDS)[number];

export function isKind(word: string): word is Kind {
  return KINDS.some((kind) => kind === word);
}

/** An operation, and the word and number by which it is acknowledged. */
export type Step = readonly [kind: Kind, n: number, operation: JournalOperation];

/** A channel is saved again and again, and so is its encoding. */
const ROTATING = 5;
const leaves = (n: number) => n % 3 > 0;
const isBrief = (n: number) => n % 20 > 0;

/** The operations of a number: a programme, a viewer, a channel that changes, and one that is added and may be deleted. */
export function stepsOf(n: number): Step[] {
  const viewer = { channelId: 'news', sessionId: `viewer-${n}` };
  const changing = { channelId: `changing-${n % ROTATING}`, atMs: n };
  const added = { channelId: `added-${n}`, atMs: n };
  const programme = { title: `${n}`, source: `/media/${n}.mp4`, startsAtMs: n, endsAtMs: n + 1 };
  const definition = JSON.stringify({ n });
  const steps: Step[] = [
    ['aired', n, { type: 'aired', channelId: 'news', ...programme }],
    ['opened', n, { type: 'session-opened', ...viewer, atMs: n }],
    ['saved', n, { type: 'channel-saved', ...changing, definition }],
    ['encoding', n, { type: 'encoding', ...changing, changes: n, encoder: 'nvenc' }],
    ['added', n, { type: 'channel-saved', ...added, definition }],
  ];
  for (const segmentNumber of [10 * n, 10 * n + 1]) {
    const position = { rendition: '720p', segmentNumber, atMs: n + 1 };
    steps.push(['position', segmentNumber, { type: 'position', ...viewer, ...position }]);
  }
  if (isBrief(n)) steps.push(['deleted', n, { type: 'channel-deleted', ...added }]);
  if (leaves(n)) {
    const end = { atMs: n + 2, reason: 'left' } as const;
    steps.push(['closed', n, { type: 'session-closed', ...viewer, ...end }]);
  }
  return steps;
}

/** Everything in a journal, as its readers see it. */
export interface Contents {
  readonly aired: readonly AiredEntry[];
  readonly sessions: readonly SessionEntry[];
  readonly openSessions: readonly SavedSession[];
  readonly channels: ReadonlyMap<string, string>;
  readonly encodings: readonly SavedEncoding[];
}

/** Opens a file, which recovers it, reads everything and closes it. */
export async function contentsOf(file: string): Promise<Contents> {
  const onFault = (fault: Error) => {
    throw fault;
  };
  await using journal = await openJournal({ file, ...ENDLESS, onFault });
  return {
    aired: await pages(journal.aired, ({ startsAtMs }) => startsAtMs),
    sessions: await pages(journal.sessions, ({ openedAtMs }) => openedAtMs),
    openSessions: journal.openSessions(),
    channels: journal.savedChannels(),
    encodings: journal.savedEncodings(),
  };
}

type Query = { fromMs: number; limit: number; first: 'oldest' };

/** A whole log, whose entries begin one after the other. */
async function pages<Entry>(
  read: (query: Query) => Promise<Entry[]>,
  begin: (entry: Entry) => number,
): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let last = -1; ; ) {
    const page = await read({ fromMs: last + 1, limit: 10_000, first: 'oldest' });
    const next = page.filter((entry) => begin(entry) > last);
    all.push(...next);
    const end = next.at(-1);
    if (end === undefined || page.length < 10_000) return all;
    last = begin(end);
  }
}

/** What was acknowledged and is not there. */
export function missingFrom(
  contents: Contents,
  acknowledged: readonly (readonly [kind: Kind, n: number])[],
): string[] {
  const aired = new Set(contents.aired.map(({ startsAtMs }) => startsAtMs));
  const sessions = new Map(contents.sessions.map((entry) => [entry.sessionId, entry]));
  const open = new Set(contents.openSessions.map(({ sessionId }) => sessionId));
  const changes = new Map(contents.encodings.map((entry) => [entry.channelId, entry.changes]));
  const savedNumber = (id: string) => Number(/\d+/.exec(contents.channels.get(id) ?? '')?.[0]);
  const isThere: Record<Kind, (n: number) => boolean> = {
    aired: (n) => aired.has(n),
    opened: (n) => sessions.has(`viewer-${n}`) && (leaves(n) || open.has(`viewer-${n}`)),
    position: (n) => (sessions.get(`viewer-${Math.floor(n / 10)}`)?.segmentNumber ?? -1) >= n,
    closed: (n) => {
      const session = sessions.get(`viewer-${n}`);
      return session?.closedAtMs === n + 2 && session.reason === 'left';
    },
    // A later one may have taken its place.
    saved: (n) => savedNumber(`changing-${n % ROTATING}`) >= n,
    encoding: (n) => (changes.get(`changing-${n % ROTATING}`) ?? -1) >= n,
    added: (n) => isBrief(n) || savedNumber(`added-${n}`) === n,
    deleted: (n) => !contents.channels.has(`added-${n}`),
  };
  return acknowledged.filter(([kind, n]) => !isThere[kind](n)).map((key) => key.join(' '));
}
