// The configuration file: what is wrong with one is told so that a person can mend it; paths; the schema for editors.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { channelFromDefinition } from '../../lib/definition.js';
import { headendOptions } from '../../server/config/options.js';
import { ConfigurationError, readConfiguration } from '../../server/config/read.js';
import { jsonSchema } from '../../server/config/schema.js';
import { stateFiles } from '../../server/state.js';

const test = suite<{ folder: string }>('configuration');

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'headend-config-'));
});

test.after.each(async ({ folder }) => {
  await rm(folder, { recursive: true, force: true });
});

async function read(folder: string, content: unknown) {
  const file = join(folder, 'headend.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readConfiguration(file);
}

const films = (schedule: object, more: object = {}) => ({
  channels: [{ id: 'films', schedule, ...more }],
});
const loop = (programmes: unknown) => ({ type: 'loop', programmes });

test('a mistake is told by file, place, expectation and value', async ({ folder }) => {
  for (const [content, ...parts] of [
    ['{ "channels": [', 'JSON'],
    [{ chanels: [] }, 'unknown options: chanels'],
    [films(loop([{ source: 5 }])), 'channels[0].schedule.programmes[0].source', 'string', 'got 5'],
    [films(loop('x')), 'channels[0].schedule.programmes', "got 'x'"],
    [films({ type: 'never' }), 'schedule.type', "one of 'loop', 'at', 'folder'", "got 'never'"],
    [films({ type: 'folder' }), 'channels[0].schedule', 'path'],
    [
      films({ type: 'at', programmes: [{ source: 'a', startsAt: 'soon' }] }),
      '[0].startsAt',
      "'soon'",
    ],
    [films(loop([]), { ladder: [{ height: 1, bitrate: 1 }] }), 'ladder[0].height', 'got 1'],
    [
      { server: { diskStore: { directory: 'd', warnBelowBytes: 1 } } },
      'server.diskStore must have a warnBelowBytes that is not below its refuseBelowBytes',
    ],
    [{ server: { port: 70_000 } }, 'server.port', '65535', 'got 70000'],
    [{ server: { http: { adminToken: 'x'.repeat(20) } } }, 'unknown options: adminToken'],
    [
      { channels: [...films(loop([])).channels, ...films(loop([])).channels] },
      "channels[1].id must differ from channels[0].id, got 'films'",
    ],
    [
      { channels: ['a', 'b'].map((id) => ({ id, number: '7.1', schedule: loop([]) })) },
      "channels[1].number must differ from channels[0].number, got '7.1'",
    ],
    [films(loop([]), { number: 7 }), 'channels[0].number', 'string', 'got 7'],
    [films(loop([]), { logo: 'logo.png' }), 'channels[0].logo', 'a path that begins with "/"'],
    [films(loop([]), { language: 'de_DE' }), 'channels[0].language', 'BCP 47', "got 'de_DE'"],
  ] as const) {
    const error: unknown = await read(folder, content).then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ConfigurationError, JSON.stringify(content));
    for (const part of [join(folder, 'headend.json'), ...parts]) {
      assert.ok(error.message.includes(part), `${error.message} has ${part}`);
    }
  }
});

test('a file that is missing is named', async ({ folder }) => {
  const file = join(folder, 'nowhere.json');
  const error: unknown = await readConfiguration(file).catch((reason: unknown) => reason);
  assert.ok(error instanceof ConfigurationError);
  assert.match(error.message, file);
});

test('relative paths count from the file, URLs and generators stay', async ({ folder }) => {
  const generator = { video: 'null', audio: 'anull' };
  const { server, media, channels } = await read(folder, {
    server: { state: 'state', journal: false },
    media: { path: '../media' },
    channels: [
      {
        id: 'a',
        schedule: {
          type: 'at',
          programmes: [
            { source: 'news.mp4', startsAt: '2026-01-01T20:00:00Z', duration: 60 },
            { source: 'https://example.org/x.mp4' },
            { source: generator, duration: 1 },
            { source: '/srv/x.mp4' },
          ],
          over: { type: 'folder', path: 'films' },
        },
      },
    ],
  });
  assert.is(server?.state, join(folder, 'state'));
  assert.is(server?.journal, false);
  assert.is(media?.path, join(folder, '../media'));
  const schedule = channels?.[0]?.schedule;
  assert.ok(schedule?.type === 'at');
  assert.equal(
    schedule.programmes.map(({ source }) => source),
    [join(folder, 'news.mp4'), 'https://example.org/x.mp4', generator, '/srv/x.mp4'],
  );
  assert.equal(schedule.over, { type: 'folder', path: join(folder, 'films') });
});

test('a timetable as JSON is the schedule that at() makes', () => {
  const { schedule } = channelFromDefinition({
    id: 'a',
    schedule: {
      type: 'at',
      programmes: [{ source: '/n.mp4', startsAt: '2026-01-01T20:00:00Z', duration: 60 }],
      between: { type: 'loop', programmes: [{ source: '/t.mp4', duration: 5 }] },
      lastFiller: 'out',
    },
  });
  const { items, options } = Object(schedule);
  assert.is(items[0].startsAtMs, Date.parse('2026-01-01T20:00:00Z'));
  assert.is(options.lastFiller, 'out');
  assert.is(options.between.programmes[0].source, '/t.mp4');
});

test('the example of the documents is right, and every option is in them', async ({ folder }) => {
  const docs = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const [, example = ''] = /```json\n([\s\S]*?)```/.exec(docs) ?? [];
  await mkdir(join(folder, 'trailers'));
  const { channels = [] } = await read(folder, example);
  assert.ok(channels.length >= 3);
  const schema = JSON.parse(jsonSchema());
  assert.match(schema.$schema, 'json-schema.org');
  const { server, channels: list } = schema.properties;
  for (const name of [
    ...Object.keys(server.properties),
    ...Object.keys(list.items.properties),
    ...Object.keys(schema.properties),
  ]) {
    assert.ok(docs.includes(`\`${name}\``), `docs/configuration.md: ${name}`);
  }
});

test('the options of createHeadend are taken from it', async ({ folder }) => {
  const { server = {} } = await read(folder, {
    server: {
      ...{ host: '::', port: 1, state: 's', journal: false, probeCache: 'p', http: {} },
      ...{ caFile: 'ca.pem', hardware: 'software', playlistSegments: 6 },
      diskStore: { directory: 'segments', warnBelowBytes: 2 ** 34 },
    },
  });
  assert.equal(headendOptions(server), {
    caFile: join(folder, 'ca.pem'),
    diskStore: { directory: join(folder, 'segments'), warnBelowBytes: 2 ** 34 },
    hardware: 'software',
    playlistSegments: 6,
  });
});

test('files that somebody named are told from those in the default directory', async ({
  folder,
}) => {
  const log = { warn: () => assert.unreachable() };
  const environment = { XDG_STATE_HOME: folder };
  const home = join(folder, 'headend');
  const probeCache = join(folder, 'films.sqlite');
  assert.equal(await stateFiles({ probeCache }, log, environment), {
    ...{ journal: join(home, 'journal.sqlite'), isJournalNamed: false },
    ...{ probeCache, isProbeCacheNamed: true },
  });
  assert.equal(await stateFiles({ state: home, journal: false }, log, environment), {
    isJournalNamed: true,
    ...{ probeCache: join(home, 'probes.sqlite'), isProbeCacheNamed: true },
  });
});

// What the TSDoc of interfaces says about their members, by name.
async function referenceTexts(): Promise<Map<string, Set<string>>> {
  const folder = new URL('../../lib/', import.meta.url);
  const texts = new Map<string, Set<string>>();
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.ts')) continue;
    const source = await readFile(new URL(file, folder), 'utf8');
    for (const [, comment = '', name = ''] of source.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+readonly (\w+)\??:/g,
    )) {
      const text = comment
        .replace(/^\s*\* ?/gm, ' ')
        .replace(/\s+/g, ' ')
        .trim();
      texts.set(name, (texts.get(name) ?? new Set()).add(text));
    }
  }
  return texts;
}

// What the file has besides the options of the library, or says in other words.
const OF_THE_FILE =
  '$schema server host port state journal probeCache http media channels schedule type path order programmes startsAt anchor num den';

test('every member of the schema says what it is, as the reference of the library does', async () => {
  const reference = await referenceTexts();
  const own = OF_THE_FILE.split(' ');
  let count = 0;
  const look = (schema: object, place: string): void => {
    for (const [name, value] of Object.entries(schema)) {
      if (typeof value !== 'object' || value === null) continue;
      if (name !== 'properties') {
        look(value, place);
        continue;
      }
      for (const [member, of] of Object.entries(Object(value))) {
        const where = `${place}.${member}`;
        const { description = '' } = Object(of);
        assert.match(description, /^\S.*\.$/, where);
        const isOwn = own.includes(member) || where === '.media.ladder';
        assert.ok(isOwn || reference.get(member)?.has(description), `${where}: ${description}`);
        count++;
        look(Object(of), where);
      }
    }
  };
  look(JSON.parse(jsonSchema()), '');
  assert.ok(count > 100);
});

test('the published schema is the one of the program, and the example file is valid', async ({
  folder,
}) => {
  const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const hint = 'run: npm run docs:schema';
  assert.equal(JSON.parse(await file('docs/headend.schema.json')), JSON.parse(jsonSchema()), hint);
  const { channels = [] } = await read(folder, await file('examples/headend.json'));
  assert.ok(channels.length >= 2);
});

test.run();
