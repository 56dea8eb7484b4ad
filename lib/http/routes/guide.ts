// What airs when: a channel's guide as JSON, and everybody's as XMLTV.

import type { Static } from 'typebox';
import type { Channel } from '../../channel.js';
import { HeadendError } from '../../errors.js';
import { writeXmltv } from '../../iptv/xmltv.js';
import { sendDocument } from '../bytes.js';
import type { RouteContext } from '../context.js';
import { body, ChannelParams, Guide, GuideQuery, problems, ViewerQuery } from '../schemas.js';
import type { App } from '../validation.js';

const HOUR_MS = 3_600_000;
const DEFAULT_SPAN_MS = 24 * HOUR_MS;
const LONGEST_SPAN_MS = 14 * 24 * HOUR_MS;
const XMLTV_SPAN_MS = 48 * HOUR_MS;

/** `GET /channels/:id/guide`, `GET /guide.xml` */
export function guideRoutes(app: App, { headend, clock }: RouteContext): void {
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
      if (span < 0 || span > LONGEST_SPAN_MS) {
        throw new HeadendError('INVALID_REQUEST', 'http', 'to must be from to 14 days after from');
      }
      return guideView(channel, from, to);
    },
  );

  app.get(
    '/guide.xml',
    {
      schema: {
        summary: 'What airs on all channels in the next two days, for TV software',
        tags: ['tuner'],
        querystring: ViewerQuery,
        response: { 200: body('application/xml', 'XMLTV'), ...problems() },
      },
    },
    async (request, reply) => {
      const from = new Date(clock.now());
      const to = new Date(from.getTime() + XMLTV_SPAN_MS);
      const channels = headend.channels.list().map((channel, index) => ({
        id: channel.id,
        name: channel.name,
        number: String(index + 1),
        entries: channel.guide(from, to).entries,
      }));
      const text = writeXmltv({ channels });
      return sendDocument(request, reply, { text, contentType: 'application/xml; charset=utf-8' });
    },
  );
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
