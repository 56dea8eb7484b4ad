// The documents by which IPTV apps and TV software find the channels. They hold absolute URLs.

import type { FastifyRequest } from 'fastify';
import { discovery, lineupStatus, type Tuner, tunerId, tunerLineup } from '../../iptv/hdhomerun.js';
import { type LineupChannel, writeLineup } from '../../iptv/lineup.js';
import { sendDocument } from '../bytes.js';
import { viewerQuery } from '../client.js';
import type { RouteContext } from '../context.js';
import { baseUrl } from '../links.js';
import { HTTP_DEFAULTS } from '../options.js';
import { body, problems, ViewerQuery } from '../schemas.js';
import type { App } from '../validation.js';

// How many channels clients are told that they may watch at the same time.
const TUNERS = 4;

const DOCUMENTS = [
  ['/discover.json', 'The server as an HDHomeRun tuner'],
  ['/lineup.json', 'The channels of that tuner, as MPEG-TS'],
  ['/lineup_status.json', 'That the tuner has found its channels'],
] as const;

/** `GET /lineup.m3u`, `GET /discover.json`, `GET /lineup.json`, `GET /lineup_status.json` */
export function tunerRoutes(app: App, { headend, options }: RouteContext): void {
  const { tunerName = HTTP_DEFAULTS.tunerName } = options;
  const base = (request: FastifyRequest) => baseUrl(request, app.prefix, options);

  const lineup = (request: FastifyRequest, query: ViewerQuery, file: string): LineupChannel[] =>
    headend.channels.list().map(({ id, name }, index) => ({
      id,
      name,
      number: String(index + 1),
      url: `${base(request)}/channels/${id}/${file}${viewerQuery(query)}`,
    }));

  const documents = {
    '/discover.json': (request: FastifyRequest) => {
      const tuner: Tuner = {
        id: tunerId(tunerName),
        name: tunerName,
        baseUrl: base(request),
        tuners: TUNERS,
      };
      return discovery(tuner);
    },
    '/lineup.json': (request: FastifyRequest, query: ViewerQuery) =>
      tunerLineup(lineup(request, query, 'stream.ts')),
    '/lineup_status.json': () => lineupStatus(),
  };

  app.get(
    '/lineup.m3u',
    {
      schema: {
        summary: 'The channels as an extended M3U playlist',
        tags: ['tuner'],
        querystring: ViewerQuery,
        response: { 200: body('audio/x-mpegurl', 'Extended M3U'), ...problems() },
      },
    },
    async (request, reply) => {
      // Whoever reads the list opens each channel as a viewer of its own.
      const { session: _, ...query } = request.query;
      const text = writeLineup({
        channels: lineup(request, query, 'index.m3u8'),
        guideUrl: `${base(request)}/guide.xml${viewerQuery(query)}`,
      });
      return sendDocument(request, reply, { text, contentType: 'audio/x-mpegurl; charset=utf-8' });
    },
  );

  for (const [path, summary] of DOCUMENTS) {
    app.get(
      path,
      {
        schema: {
          summary,
          tags: ['tuner'],
          querystring: ViewerQuery,
          response: { 200: body('application/json', 'HDHomeRun'), ...problems() },
        },
      },
      async (request, reply) => {
        const { session: _, ...query } = request.query;
        const text = JSON.stringify(documents[path](request, query));
        return sendDocument(request, reply, { text, contentType: 'application/json' });
      },
    );
  }
}
