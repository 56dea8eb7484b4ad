// The channel list: read back by a parser that is not ours.
import parser from 'iptv-playlist-parser';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type LineupChannel, writeLineup } from '../../lib/iptv/lineup.js';

const GUIDE = 'http://localhost:8080/guide.xml';

function readBack(...channels: LineupChannel[]) {
  return parser.parse(writeLineup({ channels, guideUrl: GUIDE }));
}

const NEWS: LineupChannel = {
  id: 'news',
  name: 'News',
  number: '7.1',
  url: 'http://localhost:8080/channels/news/index.m3u8',
  logo: 'http://localhost:8080/news.png',
  group: 'Information',
};

test('a reader finds the channels and the guide', () => {
  const film = { id: 'film', name: 'Film', number: '8', url: 'http://localhost/film' };
  const { header, items } = readBack(NEWS, film);
  assert.equal(header.attrs, { 'x-tvg-url': GUIDE, 'url-tvg': GUIDE });
  assert.equal(
    items.map(({ name, url, tvg, group }) => [name, url, tvg.id, tvg.name, tvg.logo, group.title]),
    [
      ['News', NEWS.url, 'news', 'News', NEWS.logo, 'Information'],
      ['Film', film.url, 'film', 'Film', '', ''],
    ],
  );
  assert.match(items[0]?.raw ?? '', / tvg-chno="7\.1"/);
  assert.not.match(items[1]?.raw ?? '', /tvg-logo|group-title/);
});

test('names with commas, quotation marks and line breaks stay one channel', () => {
  const name = 'Sport, "Live"\n#EXTINF:-1,Evil\r\nhttp://evil/\u2028& more';
  const { items } = readBack({ ...NEWS, name }, { ...NEWS, id: 'next' });
  assert.is(items.length, 2);
  assert.is(items[0]?.name, 'Sport, "Live" #EXTINF:-1,Evil http://evil/ & more');
  assert.is(items[0]?.tvg.name, `Sport, 'Live' #EXTINF:-1,Evil http://evil/ & more`);
  assert.is(items[0]?.url, NEWS.url);
  assert.is(items[1]?.tvg.id, 'next');
});

test('an empty list is a list', () => {
  assert.is(
    writeLineup({ channels: [], guideUrl: GUIDE }),
    `#EXTM3U url-tvg="${GUIDE}" x-tvg-url="${GUIDE}"\n`,
  );
});

test.run();
