// The guide and the documents of tuners over HTTP: what airs, and absolute URLs that lead where clients reach the server.
import { readFile } from 'node:fs/promises';
import parser from 'iptv-playlist-parser';
import { DtdValidator, XmlDocument, XmlDtd } from 'libxml2-wasm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signViewing } from '../../lib/http/signature.js';
import { isTunerId } from '../../lib/iptv/hdhomerun.js';
import { loop } from '../../lib/timeline/schedule.js';
import { settle } from '../stream/fake-clock.js';
import { type Answer, assertProblem, json, withServer } from './support.js';

const test = suite('guide and tuner');

const dtd = await readFile(new URL('../iptv/xmltv.dtd', import.meta.url), 'utf8');
const validator = new DtdValidator(XmlDtd.fromString(dtd));

/** An answer of `/guide.xml`, valid by the DTD of XMLTV. */
function guideIn({ body }: Answer): XmlDocument {
  const guide = XmlDocument.fromString(body.toString());
  validator.validate(guide);
  return guide;
}

test('the guide of a channel has no gaps, and its bounds', async () => {
  await withServer({}, async ({ send }) => {
    const path = '/channels/news/guide?from=2026-03-29T00:00:00Z&to=2026-03-29T00:10:00Z';
    const { entries, until } = Object(json(await send(path)));
    assert.is(entries.length, 10);
    assert.is(until, '2026-03-29T00:10:00.000Z');
    for (const [i, { title, startsAt, endsAt }] of entries.entries()) {
      assert.ok(['Bulletin', 'Weather'].includes(title));
      assert.is(Date.parse(endsAt) - Date.parse(startsAt), 60_000);
      assert.is(startsAt, i === 0 ? '2026-03-29T00:00:00.000Z' : entries[i - 1].endsAt);
    }
    const day = Object(json(await send('/channels/news/guide')));
    assert.ok(day.entries.length >= 1440);
    assertProblem(await send('/channels/nope/guide'), 404, 'CHANNEL_NOT_FOUND');
    for (const query of [
      'from=yesterday',
      'from=2016-12-31T23:59:60Z',
      'from=2016-12-31T00:00:00Z&to=2016-12-31T23:59:60Z',
      'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=2026-01-01T00:00:00Z&to=2036-01-01T00:00:00Z',
      `from=${'2'.repeat(100)}`,
    ]) {
      assertProblem(await send(`/channels/news/guide?${query}`), 400, 'INVALID_REQUEST');
    }
  });
});

test('lineups lead to where the client reached the server', async () => {
  const proxied = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'tv.example.org',
    'x-forwarded-prefix': '/live',
  };
  for (const [http, headers, base] of [
    [{}, {}, null],
    [{}, { host: 'tv.local:8080' }, 'http://tv.local:8080'],
    [{}, { host: 'tv.local', ...proxied }, 'http://tv.local'],
    [{ trustProxy: true }, proxied, 'https://tv.example.org/live'],
    [{ trustProxy: ['127.0.0.1'] }, proxied, 'https://tv.example.org/live'],
    [{ trustProxy: ['192.0.2.1'] }, { host: 'tv.local', ...proxied }, 'http://tv.local'],
    [{ publicUrl: 'https://public.example/x/' }, proxied, 'https://public.example/x'],
  ] as const) {
    await withServer(http, async ({ send, url }) => {
      const expected = base ?? url;
      const m3u = (await send('/lineup.m3u', { headers })).body.toString();
      assert.ok(m3u.includes(`\n${expected}/channels/news/index.m3u8\n`), m3u);
      assert.ok(m3u.includes(`x-tvg-url="${expected}/guide.xml"`), m3u);
      const discovered = Object(json(await send('/discover.json', { headers })));
      assert.is(discovered.LineupURL, `${expected}/lineup.json`);
      const [channel] = Object(json(await send('/lineup.json', { headers })));
      assert.is(channel.URL, `${expected}/channels/news/stream.ts`);
    });
  }
});

test('under a path the URLs have it', async () => {
  await withServer({ basePath: '/tv' }, async ({ send, url }) => {
    const m3u = (await send('/tv/lineup.m3u')).body.toString();
    assert.ok(m3u.includes(`\n${url}/tv/channels/news/index.m3u8\n`), m3u);
    assertProblem(await send('/lineup.m3u'), 404, 'ROUTE_NOT_FOUND');
  });
});

test('the guide of all is XMLTV that lists the programmes; unchanged documents are not sent again', async () => {
  await withServer({}, async ({ send }) => {
    const guide = await send('/guide.xml');
    assert.match(guide.headers['content-type'] ?? '', /^application\/xml/);
    assert.match(guide.body.toString(), /<channel id="news">[\s\S]*<title>Bulletin<\/title>/);
    assert.not.match(guide.body.toString(), /\/bulletin/);
    assert.is(guide.headers.etag, undefined, 'as docs/http.md says');
    const documents = ['lineup.m3u', 'discover.json', 'lineup.json', 'lineup_status.json'];
    for (const path of [...documents, 'device.xml'].map((name) => `/${name}`)) {
      const { status, headers } = await send(path);
      assert.is(status, 200, path);
      const again = await send(path, { headers: { 'if-none-match': headers.etag ?? '' } });
      assert.is(again.status, 304, path);
      assert.is(again.body.length, 0);
    }
  });
});

test('the guide reaches 14 days ahead, or as many as are asked for', async () => {
  await withServer({}, async ({ send }) => {
    const days = async (query: string) => {
      const guide = guideIn(await send(`/guide.xml${query}`));
      const stops = guide.find('//programme/@stop').map(({ content }) => content);
      guide.dispose();
      const [, y = 0, mo = 0, d = 0, h = 0, m = 0, s = 0] =
        /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d) \+0000$/.exec(stops.at(-1) ?? '') ?? [];
      const last = Date.UTC(+y, +mo - 1, +d, +h, +m, +s);
      return Math.round((last - Date.now()) / 86_400_000);
    };
    assert.is(await days(''), 14);
    assert.is(await days('?days=2'), 2);
    assertProblem(await send('/guide.xml?days=15'), 400, 'INVALID_REQUEST');
  });
});

test('lists of all channels are given when all have been added', async () => {
  let preparing = true;
  await withServer({ isPreparing: () => preparing }, async ({ send }) => {
    const lists = ['/lineup.m3u', '/lineup.json', '/guide.xml'];
    for (const list of lists) {
      const answer = await send(list);
      assertProblem(answer, 503, 'NOT_READY');
      assert.ok(answer.headers['retry-after']);
    }
    assert.is((await send('/discover.json')).status, 200);
    preparing = false;
    for (const list of lists) assert.is((await send(list)).status, 200);
  });
});

test('every list shows number, logo, group and language of a channel, whatever they hold', async () => {
  await withServer({ basePath: '/tv' }, async ({ send, url, headend }) => {
    const name = 'Sport, "Live" & more\n#EXTINF:-1,Evil <b>';
    await headend.channels.add({
      ...{ id: 'sport', name, number: '7.1', group: 'A "B", C', language: 'pt-br' },
      logo: '/logos/sport.png?a=1&b=2',
      ladder: [{ height: 720, bitrate: 2_000_000 }],
      schedule: loop([{ source: '/match', title: 'Match', duration: 3600 }]),
    });
    const logo = `${url}/logos/sport.png?a=1&b=2`;
    const oneLine = 'Sport, "Live" & more #EXTINF:-1,Evil <b>';

    const { items } = parser.parse((await send('/tv/lineup.m3u')).body.toString());
    assert.equal(
      items.map(({ tvg, group, raw }) => [
        tvg.id,
        tvg.logo,
        group.title,
        /chno="(.*?)"/.exec(raw)?.[1],
      ]),
      [
        ['news', '', '', '1'],
        ['sport', logo, "A 'B', C", '7.1'],
      ],
    );
    assert.is(items[1]?.name, oneLine);

    const guide = guideIn(await send('/tv/guide.xml'));
    const found = (path: string) => guide.find(path).map(({ content }) => content);
    assert.equal(found('//channel[@id="news"]/display-name'), ['News', '1']);
    assert.equal(found('//channel[@id="news"]//@lang | //channel[@id="news"]/icon'), []);
    assert.equal(found('//channel[@id="sport"]/display-name'), [oneLine, '7.1']);
    assert.equal(found('//channel[@id="sport"]/icon/@src'), [logo]);
    assert.is(found('//programme[@channel="sport"]/title[@lang="pt_BR"]')[0], 'Match');
    guide.dispose();

    const tuned = Object(json(await send('/tv/lineup.json')));
    assert.equal(
      tuned.map(({ GuideNumber, GuideName, HD }: never) => [GuideNumber, GuideName, HD]),
      [
        ['1', 'News', 1],
        ['7.1', name, 1],
      ],
    );
  });
});

test('Plex adds the tuner, looks for channels, and tunes in', async () => {
  await withServer({ tunerName: 'Plex test' }, async ({ send, url }) => {
    const { DeviceID, TunerCount } = Object(json(await send('/discover.json')));
    assert.ok(isTunerId(DeviceID) && TunerCount > 0);
    assert.match((await send('/device.xml')).body.toString(), `<serialNumber>${DeviceID}<`);
    const status = { ScanInProgress: 0, ScanPossible: 1, Source: 'Cable', SourceList: ['Cable'] };
    assert.equal(json(await send('/lineup_status.json')), status);
    for (const [headers, body] of [
      [{}, ''],
      [{ 'content-length': '0' }, ''],
      [{ 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }, ''],
      [{ 'content-type': 'application/x-www-form-urlencoded' }, 'scan=start'],
    ] as const) {
      const path = '/lineup.post?scan=start&source=Cable';
      const started = await send(path, { method: 'POST', headers, body });
      assert.is(started.status, 200, started.body.toString());
      assert.is(started.body.length, 0);
    }
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const change = await send('/channels', { method: 'POST', headers: form, body: 'id=x' });
    assertProblem(change, 415, 'UNSUPPORTED_MEDIA_TYPE');
    const [{ URL: stream }] = Object(json(await send('/lineup.json')));
    const tuned = await send(stream.slice(url.length), { method: 'HEAD' });
    assert.is(tuned.status, 200);
    assert.is(tuned.headers['content-type'], 'video/mp2t');
    assert.is(tuned.headers['x-accel-buffering'], 'no');
    // It has no end: 0 would say that it is empty.
    assert.is(tuned.headers['content-length'], undefined);
  });
});

// Plex and Jellyfin refuse a viewer beyond this number.
test('a tuner says how many may watch at the same time', async () => {
  for (const [options, expected] of [
    [{}, 32],
    [{ tuners: 1000 }, 1000],
  ] as const) {
    await withServer(options, async ({ send }) => {
      assert.is(Object(json(await send('/discover.json'))).TunerCount, expected);
    });
  }
});

// It asks a tuner of this model for `?transcode=` where its user allows that.
test('Jellyfin asks for a profile, and gets the rung that is nearest below', async () => {
  await withServer({}, async ({ url, headend }) => {
    for (const [query, rung] of [
      ['transcode=heavy', '1080p'],
      ['transcode=mobile', '720p'],
      ['transcode=internet540', '480p'],
      ['transcode=internet360', '240p'],
      ['transcode=internet240', '240p'],
      ['transcode=mobile&rendition=480p', '480p'],
      ['transcode=none', '1080p'],
      ['transcode=__proto__', '1080p'],
      ['', '1080p'],
    ] as const) {
      const channel = await headend.channels.put({
        id: 'sport',
        ladder: [1080, 720, 480, 240].map((height) => ({ height, bitrate: 1_000_000 })),
        schedule: loop([{ source: '/match', duration: 3600 }]),
      });
      const abort = new AbortController();
      const asked = fetch(`${url}/channels/sport/stream.ts?${query}`, { signal: abort.signal });
      while (channel.rungsInDemand.length === 0) await settle();
      assert.equal(channel.rungsInDemand, [rung], query);
      abort.abort();
      await asked.catch(() => {});
    }
  });
});

test('a signature goes on to the lineups and their channels', async () => {
  const secret = 'a secret that nobody knows, 0123456789';
  await withServer(
    { signingSecret: secret, adminToken: 'admin-token-0123456789' },
    async ({ send, url }) => {
      assertProblem(await send('/lineup.m3u'), 401, 'UNAUTHORIZED');
      const query = signViewing(secret, { expiresAt: new Date(Date.now() + 60_000) });
      const m3u = (await send(`/lineup.m3u?${query}`)).body.toString();
      const [channel = ''] = /^http.*$/m.exec(m3u) ?? [];
      assert.is((await send(channel.slice(url.length))).status, 200);
      const { LineupURL } = Object(json(await send(`/discover.json?${query}`)));
      const [{ URL: stream }] = Object(json(await send(LineupURL.slice(url.length))));
      assert.is((await send(stream.slice(url.length), { method: 'HEAD' })).status, 200);
    },
  );
});

test.run();
