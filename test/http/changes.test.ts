// Channels that are added, replaced and removed over HTTP, and what they may air.
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpOptions } from '../../lib/http/options.js';
import { type Answer, ask, assertProblem, json, type TestServer, withServer } from './support.js';

const test = suite('changes');

const ADMIN = 'admin-token-0123456789';

interface Server extends TestServer {
  change(method: string, path: string, definition?: object): Promise<Answer>;
}

function withChanges(http: HttpOptions, run: (server: Server) => Promise<void>): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  return withServer(http, (server) =>
    run({
      ...server,
      change: (method, path, definition) =>
        server.send(path, {
          method,
          headers: definition ? headers : { authorization: headers.authorization },
          ...(definition && { body: JSON.stringify(definition) }),
        }),
    }),
  );
}

const film = (source: unknown, more: object = {}) => ({
  id: 'films',
  schedule: { type: 'loop', programmes: [{ source, duration: 60, title: 'Film' }] },
  ladder: [{ height: 360, bitrate: 500_000 }],
  ...more,
});

const detail = (answer: Answer) => JSON.stringify(json(answer));

test('a channel is added, watched, replaced and removed', async () => {
  await withChanges({}, async ({ change, url, engine }) => {
    const added = await change('POST', '/channels', film('/films/a.mp4', { name: 'Films' }));
    assert.is(added.status, 201, added.body.toString());
    assert.is(added.headers.location, `${url}/channels/films`);
    assert.match(detail(added), /"id":"films","name":"Films","state":"idle".*"title":"Film"/);
    assert.is((await ask(url, '/channels/films/360p/index.m3u8')).status, 200);
    assertProblem(await change('POST', '/channels', film('/films/a.mp4')), 409, 'CHANNEL_EXISTS');

    const replaced = await change('PUT', '/channels/films', film('/films/b.mp4', { name: 'More' }));
    assert.is(replaced.status, 200, replaced.body.toString());
    assert.match(detail(await ask(url, '/channels/films')), /"name":"More","state":"idle"/);
    assert.is((await change('PUT', '/channels/new', film('/c.mp4', { id: 'new' }))).status, 201);
    const mixed = await change('PUT', '/channels/new', film('/c.mp4', { id: 'other' }));
    assertProblem(mixed, 400, 'INVALID_REQUEST');

    assert.is((await change('DELETE', '/channels/films')).status, 204);
    assertProblem(await change('DELETE', '/channels/films'), 404, 'CHANNEL_NOT_FOUND');
    assertProblem(await ask(url, '/channels/films/360p/index.m3u8'), 404, 'CHANNEL_NOT_FOUND');
    assert.is(engine.alive, 0);
  });
});

test('what lists of channels show is taken, told, and kept in place by a replacement', async () => {
  await withChanges({}, async ({ change, url }) => {
    const shown = { number: '7.1', logo: '/films.png', group: 'Films & more', language: 'pt-br' };
    const added = await change('POST', '/channels', film('/a.mp4', shown));
    assert.is(added.status, 201, added.body.toString());
    const listed = async () => Object(json(await ask(url, '/channels'))).channels;
    const [news, films] = await listed();
    assert.equal(
      [news, films].map(({ number, logo, group, language }) => [number, logo, group, language]),
      [
        ['1', null, null, 'und'],
        ['7.1', '/films.png', 'Films & more', 'pt-BR'],
      ],
    );
    const playlist = await ask(url, '/channels/films/index.m3u8');
    assert.match(playlist.body.toString(), /LANGUAGE="pt-BR"/);

    await change('POST', '/channels', film('/a.mp4', { id: 'last' }));
    await change('PUT', '/channels/news', film('/a.mp4', { id: 'news' }));
    const numbers = async () => (await listed()).map(({ id, number }: never) => [id, number]);
    assert.equal(await numbers(), [
      ['news', '1'],
      ['films', '7.1'],
      ['last', '2'],
    ]);
    // Two that swap their numbers pass through a moment in which both want the same.
    await change('PUT', '/channels/last', film('/a.mp4', { id: 'last', number: '7.1' }));
    assert.equal(Object.fromEntries(await numbers()), { news: '1', films: '7.1', last: '2' });
    await change('PUT', '/channels/films', film('/a.mp4', { number: '1' }));
    assert.equal(Object.fromEntries(await numbers()), { news: '2', films: '1', last: '7.1' });
    await change('DELETE', '/channels/films');
    assert.equal(Object.fromEntries(await numbers()), { news: '1', last: '7.1' });
  });
});

test('a replacement that is wrong leaves the channel as it was', async () => {
  await withChanges({}, async ({ change, url }) => {
    await change('POST', '/channels', film('/films/a.mp4', { name: 'Films' }));
    const bad = film('/films/missing.mp4');
    const withoutDuration = {
      ...bad,
      schedule: { type: 'loop', programmes: [{ source: '/films/missing.mp4' }] },
    };
    assertProblem(await change('PUT', '/channels/films', withoutDuration), 422, 'SOURCE_NOT_FOUND');
    const future = film('/films/a.mp4', { epoch: '2999-01-01T00:00:00Z' });
    assertProblem(await change('PUT', '/channels/films', future), 400, 'INVALID_OPTIONS');
    assert.match(detail(await ask(url, '/channels/films')), /"name":"Films"/);
  });
});

test('a definition that is wrong is refused with the place of the mistake', async () => {
  await withChanges({}, async ({ change }) => {
    for (const [definition, place] of [
      [film('/a', { id: '../x' }), 'id'],
      [film('/a', { id: 'x'.repeat(65) }), 'id'],
      [film('/a', { ladder: [{ height: 1, bitrate: 1 }] }), 'ladder'],
      [film('/a', { typo: true }), 'typo'],
      [film('/a', { schedule: { type: 'loop', programmes: 'x' } }), 'schedule.programmes'],
      [film('/a', { schedule: { type: 'never', programmes: [] } }), 'schedule.type'],
      [film('/a', { frameRate: '24000/0' }), 'frameRate'],
      [film('/a', { epoch: 'yesterday' }), 'epoch'],
      [film('/a', { number: '0' }), 'number'],
      [film('/a', { number: '7,1' }), 'number'],
      [film('/a', { logo: 'javascript:alert(1)' }), 'logo'],
      [film('/a', { logo: 'https://x.example/"><' }), 'logo'],
      [film('/a', { group: '' }), 'group'],
      [film('/a', { language: 'de_DE' }), 'language'],
      [film(''), 'schedule.programmes[0].source'],
    ] as const) {
      const answer = await change('POST', '/channels', definition);
      assert.is(answer.status, 400, JSON.stringify(definition));
      assert.ok(detail(answer).includes(place), `${detail(answer)} names ${place}`);
    }
    const empty = film('/a', { schedule: { type: 'loop', programmes: [] } });
    assertProblem(await change('POST', '/channels', empty), 400, 'SCHEDULE_EMPTY');
  });
});

test('with a token and no media roots no source is allowed', async () => {
  await withChanges({ adminToken: ADMIN }, async ({ change }) => {
    for (const source of [
      '/etc/passwd',
      'http://127.0.0.1/x.mp4',
      { video: 'null', audio: 'anull' },
    ]) {
      assertProblem(await change('POST', '/channels', film(source)), 403, 'FORBIDDEN');
    }
  });
});

test('sources come from the media roots alone', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'headend-roots-')));
  const media = join(folder, 'media');
  await mkdir(media);
  await writeFile(join(media, 'film.mp4'), '');
  await writeFile(join(folder, 'secret.mp4'), '');
  await symlink(join(folder, 'secret.mp4'), join(media, 'link.mp4'));
  await symlink(folder, join(media, 'up'));
  const http: HttpOptions = {
    adminToken: ADMIN,
    mediaRoots: [media, 'https://cdn.example.org/films/'],
  };
  try {
    await withChanges(http, async ({ change }) => {
      for (const source of [
        join(media, 'film.mp4'),
        join(media, 'later', 'film.mp4'),
        'https://cdn.example.org/films/a%20b.mp4?x=1',
      ]) {
        const answer = await change('PUT', '/channels/films', film(source));
        assert.ok(answer.status < 300, `${source}: ${answer.body}`);
      }
      for (const source of [
        join(folder, 'secret.mp4'),
        join(media, 'link.mp4'),
        join(media, 'up', 'secret.mp4'),
        join(media, 'up', 'missing.mp4'),
        `${media}/../secret.mp4`,
        `${media}x/film.mp4`,
        media,
        'film.mp4',
        `file:${media}/film.mp4`,
        `concat:${media}/film.mp4|/etc/passwd`,
        `subfile,,start,0,end,0,,:${media}/film.mp4`,
        'http://cdn.example.org/films/a.mp4',
        'https://cdn.example.org/films/../private/a.mp4',
        'https://cdn.example.org/films/%2e%2e/private/a.mp4',
        'https://cdn.example.org@evil.example/films/a.mp4',
        'https://cdn.example.org\\@evil.example/films/a.mp4',
        'https://CDN.example.org/films/a.mp4',
        { video: 'movie=/etc/passwd', audio: 'anull' },
      ]) {
        const answer = await change('PUT', '/channels/films', film(source));
        assertProblem(answer, 403, 'FORBIDDEN');
      }
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
