// What was: the as-run log, faults and sessions, from the journal.

import type { Static } from 'typebox';
import { HeadendError } from '../../errors.js';
import type { HistoryQuery } from '../../journal/history.js';
import type { FileJournal } from '../../journal/journal.js';
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

/** `GET /channels/:id/as-run`, `GET /faults`, `GET /sessions` */
export function historyRoutes(app: App, { headend, access }: RouteContext): void {
  const journal = (): FileJournal => {
    if (headend.journal) return headend.journal;
    throw new HeadendError('ROUTE_NOT_FOUND', 'http', 'this server keeps no journal');
  };

  app.get(
    '/channels/:id/as-run',
    {
      schema: {
        summary: 'What was on the air of a channel, as the journal has it',
        tags: ['history'],
        params: ChannelParams,
        querystring: HistoryParams.range,
        response: { 200: AsRun, ...problems(404) },
      },
    },
    async (request) => {
      const { id } = request.params;
      const isAdmin = access.isAdmin(request);
      const entries = await journal().aired({ ...queryOf(request.query), channelId: id });
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
      const entries = await journal().faults({ ...queryOf(range), ...channelOf(channel) });
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
      const entries = await journal().sessions({ ...queryOf(range), ...channelOf(channel) });
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

function queryOf({ from, to, ...rest }: Static<typeof HistoryRange>): HistoryQuery {
  return {
    ...rest,
    ...(from !== undefined && { fromMs: Date.parse(from) }),
    ...(to !== undefined && { toMs: Date.parse(to) }),
  };
}

function channelOf(channelId: string | undefined): HistoryQuery {
  return channelId === undefined ? {} : { channelId };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
