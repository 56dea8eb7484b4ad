// The XMLTV guide: valid by its DTD whatever titles hold, and read back as it was meant by a parser that is
// not ours.
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { DtdValidator, XmlDocument, XmlDtd } from 'libxml2-wasm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeXmltv, type XmltvChannel } from '../../lib/iptv/xmltv.js';
import type { GuideEntry } from '../../lib/timeline/guide.js';

const dtd = await readFile(new URL('xmltv.dtd', import.meta.url), 'utf8');
const validator = new DtdValidator(XmlDtd.fromString(dtd));

/** Validates a document and gives the text of the nodes that XPath expressions find in it. */
function read(xml: string, ...paths: string[]): string[] {
  const document = XmlDocument.fromString(xml);
  try {
    validator.validate(document);
    return paths.flatMap((path) => document.find(path).map(({ content }) => content));
  } finally {
    document.dispose();
  }
}

function entry(more: Partial<GuideEntry>): GuideEntry {
  return {
    id: '0',
    kind: 'programme',
    index: 0,
    title: 'News',
    details: {},
    source: 'file',
    startsAt: new Date('2025-01-01T20:00:00Z'),
    endsAt: new Date('2025-01-01T20:15:00Z'),
    slateFrom: null,
    ...more,
  };
}

function channel(...entries: GuideEntry[]): XmltvChannel {
  return { id: 'one', name: 'One', number: '1', logo: 'http://localhost/1.png', entries };
}

test('the validator refuses what the DTD does not have', () => {
  const xml = writeXmltv({ channels: [channel(entry({}))] });
  assert.equal(read(xml, '//title'), ['News']);
  assert.throws(() => read(xml.replace(/ channel="one"/, '')), /attribute channel/);
  assert.throws(() => read(xml.replaceAll('title>', 'name>')), /content/);
  assert.throws(() => read(xml.replace('</tv>', '')), /tag/);
});

test('everything that a programme can say is valid and in its place', () => {
  const details = {
    subtitle: 'The End',
    description: 'First line.\nSecond line.',
    categories: ['News', 'Weather'],
    episode: { season: 2, number: 5 },
    icon: 'http://localhost/news.png?a=1&b=2',
    rating: { system: 'BBFC', value: '12' },
  };
  const xml = writeXmltv({ channels: [channel(entry({ details }))], timeZone: 'Europe/Berlin' });
  const paths: [path: string, ...values: string[]][] = [
    ['/tv/channel/@id', 'one'],
    ['/tv/channel/display-name', 'One', '1'],
    ['/tv/channel/icon/@src', 'http://localhost/1.png'],
    ['/tv/programme/@channel', 'one'],
    ['/tv/programme/@start', '20250101210000 +0100'],
    ['/tv/programme/@stop', '20250101211500 +0100'],
    ['/tv/programme/title', 'News'],
    ['/tv/programme/sub-title', 'The End'],
    ['/tv/programme/desc', 'First line.\nSecond line.'],
    ['/tv/programme/category', 'News', 'Weather'],
    ['/tv/programme/icon/@src', 'http://localhost/news.png?a=1&b=2'],
    ['/tv/programme/episode-num[@system="onscreen"]', 'S02E05'],
    ['/tv/programme/episode-num[@system="xmltv_ns"]', '1.4.'],
    ['/tv/programme/rating/@system', 'BBFC'],
    ['/tv/programme/rating/value', '12'],
  ];
  for (const [path, ...values] of paths) assert.equal(read(xml, path), values, path);
});

test('the language of a channel is that of its name and of its titles', () => {
  const details = { subtitle: 'O fim', description: 'Tudo.', categories: ['Filme'] };
  const listed = { ...channel(entry({ details })), language: 'pt-BR' };
  const xml = writeXmltv({ channels: [listed] });
  assert.equal(read(xml, '//display-name[not(@lang)]'), ['1']);
  assert.equal(read(xml, '//*[@lang="pt_BR"]'), ['One', 'News', 'O fim', 'Tudo.', 'Filme']);
});

test('an episode is numbered as far as it is known', () => {
  const numbers = (episode: NonNullable<GuideEntry['details']['episode']>) => {
    const xml = writeXmltv({ channels: [channel(entry({ details: { episode } }))] });
    return read(xml, '//episode-num/@system', '//episode-num');
  };
  assert.equal(numbers({ season: 1 }), ['onscreen', 'xmltv_ns', 'S01', '0..']);
  assert.equal(numbers({ number: 12 }), ['onscreen', 'xmltv_ns', 'E12', '.11.']);
  assert.equal(numbers({ onScreen: '#FFEE' }), ['onscreen', '#FFEE']);
  assert.equal(numbers({}), []);
});

test('slate, fillers and what is shorter than a second are not listed', () => {
  const xml = writeXmltv({
    channels: [
      channel(
        entry({ kind: 'slate', title: '' }),
        entry({ kind: 'filler', title: 'Trailer' }),
        entry({ title: 'Flash', endsAt: new Date('2025-01-01T20:00:00.500Z') }),
        entry({ title: 'Film' }),
      ),
    ],
  });
  assert.equal(read(xml, '//title'), ['Film']);
});

test('no channels and no programmes are valid too', () => {
  assert.equal(read(writeXmltv({ channels: [] }), '/tv/*'), []);
  const xml = writeXmltv({ channels: [{ id: 'a', name: 'A', entries: [] }] });
  assert.equal(read(xml, '//display-name'), ['A']);
});

test('marks come back as they were', () => {
  const title = `Tom & Jerry's "<best>" of &amp; ]]> --> 😀`;
  const icon = `http://localhost/?a="1"&b='2'<`;
  const details = { icon, description: title };
  const xml = writeXmltv({ channels: [channel(entry({ title, details }))] });
  assert.equal(read(xml, '//title', '//desc', '//programme/icon/@src'), [title, title, icon]);
});

test('any text at all makes a valid document', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
  const nasty = fc.constantFrom(
    '"',
    "'",
    '<',
    '>',
    '&',
    ']]>',
    '\u0000',
    '\uD800',
    '\uFFFF',
    '&amp;',
    '\u0085',
  );
  const any = fc
    .array(fc.oneof(text, nasty), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join(''));
  const programmes = fc.array(
    fc
      .record({ title: any, subtitle: any, description: any, category: any, icon: any, value: any })
      .map(({ title, category, value, ...details }) =>
        entry({
          title,
          details: { ...details, categories: [category], rating: { system: value, value } },
        }),
      ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(any, any, programmes, (id, name, entries) => {
      const shown = { name, logo: name, language: 'de' };
      const xml = writeXmltv({ channels: [{ id, ...shown, entries }] });
      assert.is(read(xml, '//programme/title').length, entries.length);
    }),
    { numRuns: 200 },
  );
});

test.run();
