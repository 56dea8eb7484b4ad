// The documents by which IPTV apps and TV software find the channels. They hold absolute URLs.

import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import {
  deviceDescription,
  discovery,
  lineupStatus,
  type Tuner,
  tunerId,
  tunerLineup,
} from '../../iptv/hdhomerun.js';
import { type LineupChannel, writeLineup } from '../../iptv/lineup.js';
import { document, sendDocument } from '../bytes.js';
import { viewerQuery } from '../client.js';
import { type RouteContext, requireAllChannels } from '../context.js';
import { baseUrl, logoUrl } from '../links.js';
import { HTTP_DEFAULTS } from '../options.js';
import { body, problems, ViewerQuery } from '../schemas.js';
import type { App } from '../validation.js';

const HD_HEIGHT = 720;

const DiscoveryDocument = Type.Object({
  FriendlyName: Type.String(),
  Manufacturer: Type.String(),
  ModelNumber: Type.String(),
  FirmwareName: Type.String(),
  FirmwareVersion: Type.String(),
  DeviceID: Type.String({ pattern: '^[0-9A-F]{8}$' }),
  DeviceAuth: Type.String(),
  TunerCount: Type.Integer(),
  BaseURL: Type.String(),
  LineupURL: Type.String(),
});

const LineupDocument = Type.Array(
  Type.Object({
    GuideNumber: Type.String(),
    GuideName: Type.String(),
    VideoCodec: Type.Literal('H264'),
    AudioCodec: Type.Literal('AAC'),
    HD: Type.Optional(Type.Literal(1)),
    URL: Type.String(),
  }),
);

const LineupStatusDocument = Type.Object({
  ScanInProgress: Type.Enum([0, 1]),
  ScanPossible: Type.Enum([0, 1]),
  Source: Type.String(),
  SourceList: Type.Array(Type.String()),
});

const DOCUMENTS = [
  ['/discover.json', 'The server as an HDHomeRun tuner', DiscoveryDocument],
  ['/lineup.json', 'The channels of that tuner, as MPEG-TS', LineupDocument],
  ['/lineup_status.json', 'That the tuner has found its channels', LineupStatusDocument],
] as const;

const UNCHANGED = { 304: { description: 'The client has it', type: 'null' } } as const;

/**
 * `GET /lineup.m3u`, `GET /discover.json`, `GET /lineup.json`, `GET /lineup_status.json`, `POST /lineup.post`,
 * `GET /device.xml`
 */
export async function tunerRoutes(app: App, { headend, options }: RouteContext): Promise<void> {
  const { tunerName = HTTP_DEFAULTS.tunerName, tuners = HTTP_DEFAULTS.tuners } = options;
  const base = (request: FastifyRequest) => baseUrl(request, app.prefix, options);

  const lineup = (request: FastifyRequest, query: ViewerQuery, file: string): LineupChannel[] => {
    requireAllChannels(options);
    return headend.channels.list().map(({ id, name, number, logo, group, rungs }) => ({
      id,
      name,
      number,
      url: `${base(request)}/channels/${id}/${file}${viewerQuery(query)}`,
      logo: logoUrl(logo, base(request)),
      group: group ?? undefined,
      isHd: (rungs[0]?.height ?? 0) >= HD_HEIGHT,
    }));
  };

  const tuner = (request: FastifyRequest): Tuner => ({
    id: tunerId(tunerName),
    name: tunerName,
    baseUrl: base(request),
    tuners,
  });

  const documents = {
    '/discover.json': (request: FastifyRequest, query: ViewerQuery) => {
      const document = discovery(tuner(request));
      return { ...document, LineupURL: `${document.LineupURL}${viewerQuery(query)}` };
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
        response: {
          200: body('audio/x-mpegurl', 'Extended M3U'),
          ...UNCHANGED,
          ...problems(503),
        },
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

  app.get(
    '/device.xml',
    {
      schema: {
        summary: 'The tuner as UPnP describes devices',
        tags: ['tuner'],
        response: {
          200: body('application/xml', 'UPnP device description'),
          ...UNCHANGED,
          ...problems(),
        },
      },
    },
    async (request, reply) => {
      const text = deviceDescription(tuner(request));
      return sendDocument(request, reply, { text, contentType: 'application/xml; charset=utf-8' });
    },
  );

  for (const [path, summary, schema] of DOCUMENTS) {
    app.get(
      path,
      {
        schema: {
          summary,
          tags: ['tuner'],
          querystring: ViewerQuery,
          response: { 200: document('HDHomeRun', schema), ...UNCHANGED, ...problems(503) },
        },
      },
      async (request, reply) => {
        const { session: _, ...query } = request.query;
        const text = JSON.stringify(documents[path](request, query));
        return sendDocument(request, reply, { text, contentType: 'application/json' });
      },
    );
  }

  // A context of its own: in no other one a body may be what web pages send across origins without asking first.
  await app.register(async (own: App) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
    own.post(
      '/lineup.post',
      {
        schema: {
          summary: 'Asks the tuner to look for channels, which it has found already',
          tags: ['tuner'],
          response: { 200: { description: 'Done', type: 'null' }, ...problems(413) },
        },
      },
      async (_request, reply) => reply.header('cache-control', 'no-store').send(),
    );
  });
}
