// What was: the as-run log, faults and sessions, from the journal.

import type { Static } from 'typebox';
import { HeadendError } from '../../errors.js';
import type { HistoryQuery, Logs } from '../../journal/history.js';
import { faultView } from '../channel-view.js';
import type { RouteContext } from '../context.js';
import {
  AsRun,
  ChannelParams,
  FaultHistory,
  HistoryParams,
  type HistoryRange,
  problems,
  SessionHistory,
} from '../schemas.js';
import type { App } from '../validation.js';

type QueryableJournal = { [Log in keyof Logs]: (query: HistoryQuery) => Promise<Logs[Log][]> };

/** `GET /channels/:id/as-run`, `GET /faults`, `GET /sessions` */
export function historyRoutes(app: App, { headend, access }: RouteContext): void {
  // The entries of a log that a request asks for.
  const entriesOf = async <Log extends keyof Logs>(
    log: Log,
    { from, to, ...rest }: Static<typeof HistoryRange>,
    channelId: string | undefined,
  ): Promise<Logs[Log][]> => {
    const journal: QueryableJournal | null = headend.journal;
    if (!journal) {
      throw new HeadendError('ROUTE_NOT_FOUND', 'http', 'this server keeps no journal');
    }
    const query: HistoryQuery = {
      ...rest,
      ...(channelId !== undefined && { channelId }),
      ...(from !== undefined && { fromMs: Date.parse(from) }),
      ...(to !== undefined && { toMs: Date.parse(to) }),
    };
    return journal[log](query).catch(withoutFile);
  };

  app.get(
    '/channels/:id/as-run',
    {
      schema: {
        summary: 'What was on the air of a channel, as the journal has it',
        tags: ['history'],
        params: ChannelParams,
        querystring: HistoryParams.range,
        response: { 200: AsRun, ...problems(404, 503) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const isAdmin = access.isAdmin(request);
      const entries = await entriesOf('aired', request.query, id);
      return {
        entries: entries.map(({ title, source, startsAtMs, endsAtMs }) => ({
          title,
          startsAt: instant(startsAtMs),
          endsAt: instant(endsAtMs),
          ...(isAdmin && { source }),
        })),
      };
    },
  );

  app.get(
    '/faults',
    {
      config: { headendAccess: 'admin' },
      schema: {
        summary: 'What went wrong, as the journal has it',
        tags: ['history'],
        querystring: HistoryParams.all,
        response: { 200: FaultHistory, ...problems(404, 503) },
      },
    },
    async (request) => {
      const { channel, ...range } = request.query;
      const entries = await entriesOf('faults', range, channel);
      return {
        faults: entries.map(({ atMs, fault }) => ({
          at: instant(atMs),
          ...faultView(fault, true),
        })),
      };
    },
  );

  app.get(
    '/sessions',
    {
      config: { headendAccess: 'admin' },
      schema: {
        summary: 'Who watched what and when, as the journal has it',
        tags: ['history'],
        querystring: HistoryParams.all,
        response: { 200: SessionHistory, ...problems(404, 503) },
      },
    },
    async (request) => {
      const { channel, ...range } = request.query;
      const entries = await entriesOf('sessions', range, channel);
      return {
        sessions: entries.map(({ openedAtMs, seenAtMs, closedAtMs, ...entry }) => ({
          ...entry,
          openedAt: instant(openedAtMs),
          seenAt: instant(seenAtMs),
          closedAt: closedAtMs === null ? null : instant(closedAtMs),
        })),
      };
    },
  );
}

// What the journal says of its file is for its `fault` events.
function withoutFile(error: unknown): never {
  if (!(error instanceof HeadendError) || error.code !== 'JOURNAL_FAILED') throw error;
  throw new HeadendError('JOURNAL_FAILED', 'journal', 'the journal cannot be read now', {
    retryable: true,
    cause: error,
  });
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
