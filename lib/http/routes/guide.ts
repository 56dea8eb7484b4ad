// What airs when: a channel's guide as JSON, and everybody's as XMLTV.

import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Static } from 'typebox';
import type { Channel } from '../../channel.js';
import { HeadendError } from '../../errors.js';
import { xmltvPieces } from '../../iptv/xmltv.js';
import { CHANNEL_DEFAULTS } from '../../options.js';
import { type RouteContext, requireAllChannels } from '../context.js';
import { baseUrl, logoUrl } from '../links.js';
import { body, ChannelParams, Guide, GuideQuery, problems, XmltvQuery } from '../schemas.js';
import type { App } from '../validation.js';

const UNKNOWN_LANGUAGE = CHANNEL_DEFAULTS.language;

const HOUR_MS = 3_600_000;
const DEFAULT_SPAN_MS = 24 * HOUR_MS;
const LONGEST_SPAN_MS = 14 * 24 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;
const XMLTV_DAYS = 14;

/** `GET /channels/:id/guide`, `GET /guide.xml` */
export function guideRoutes(app: App, { headend, options, clock }: RouteContext): void {
  app.get(
    '/channels/:id/guide',
    {
      schema: {
        summary: 'What airs on a channel between two instants',
        tags: ['channels'],
        params: ChannelParams,
        querystring: GuideQuery,
        response: { 200: Guide, ...problems(404) },
      },
    },
    async (request) => {
      const channel = headend.channels.get(request.params.id);
      const from = new Date(request.query.from ?? clock.now());
      const to = new Date(request.query.to ?? from.getTime() + DEFAULT_SPAN_MS);
      const span = to.getTime() - from.getTime();
      // Not a number where an instant is a leap second, which the format has and clocks have not.
      if (!(span >= 0 && span <= LONGEST_SPAN_MS)) {
        throw new HeadendError('INVALID_REQUEST', 'http', 'to must be from to 14 days after from');
      }
      return guideView(channel, from, to);
    },
  );

  app.get(
    '/guide.xml',
    {
      schema: {
        summary: 'What airs on all channels in the next days, for TV software',
        tags: ['tuner'],
        querystring: XmltvQuery,
        response: { 200: body('application/xml', 'XMLTV'), ...problems(503) },
      },
    },
    async (request, reply) => {
      requireAllChannels(options);
      const from = new Date(clock.now());
      const to = new Date(from.getTime() + (request.query.days ?? XMLTV_DAYS) * DAY_MS);
      const base = baseUrl(request, app.prefix, options);
      const channels = headend.channels.list().map((channel) => ({
        id: channel.id,
        name: channel.name,
        number: channel.number,
        logo: logoUrl(channel.logo, base),
        language: channel.language === UNKNOWN_LANGUAGE ? undefined : channel.language,
        get entries() {
          return channel.guide(from, to).entries;
        },
      }));
      return reply
        .header('cache-control', 'no-cache')
        .type('application/xml; charset=utf-8')
        .send(Readable.from(inTurns(xmltvPieces({ channels }))));
    },
  );
}

// Many channels of short programmes take seconds: what else there is to do goes on in between.
async function* inTurns<T>(pieces: Iterable<T>): AsyncGenerator<T, void, void> {
  for (const piece of pieces) {
    yield piece;
    await setImmediate();
  }
}

function guideView(channel: Channel, from: Date, to: Date): Static<typeof Guide> {
  const { entries, until } = channel.guide(from, to);
  return {
    until: until.toISOString(),
    entries: entries.map(({ id, kind, index, title, details, startsAt, endsAt, slateFrom }) => ({
      id,
      kind,
      index,
      title,
      startsAt: startsAt.toISOString(),
      endsAt: endsAt.toISOString(),
      slateFrom: slateFrom?.toISOString() ?? null,
      subtitle: details.subtitle ?? null,
      description: details.description ?? null,
    })),
  };
}
