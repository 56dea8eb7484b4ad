// `headend check` says how far it is, within a channel too.
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from '../../server/check.js';
import { makeFixture } from '../fixtures/make.js';

const test = suite('check');

test('the bar moves with every file, never back, and is full at the end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'headend-check-'));
  const { path: film } = await makeFixture({ width: 320, height: 180, frames: 100 });
  const media = join(folder, 'News');
  await mkdir(media);
  for (const name of ['1', '2', '3', '4']) await copyFile(film, join(media, `${name}.mp4`));
  const programmes = ['1', '2'].map((name) => ({ source: `News/${name}.mp4` }));
  const channels = [
    { id: 'news', name: 'News', schedule: { type: 'folder', path: 'News' } },
    { id: 'films', name: 'Films', schedule: { type: 'loop', programmes } },
  ];
  const config = join(folder, 'headend.json');
  await writeFile(config, JSON.stringify({ channels }));

  const lines: string[] = [];
  const shown: string[] = [];
  const code = await check(
    { config },
    { write: (line) => lines.push(line), progress: (text) => shown.push(text) },
  );
  await rm(folder, { recursive: true });
  assert.is(code, 0, lines.join('\n'));
  assert.equal(lines, ['2 channels checked, 0 problems']);
  const part = (text: string) => [...text].filter((character) => character === '#').length;
  assert.equal(
    shown.map((text) => [part(text), text.replace(/^\[[#.]{24}\] /, '')]),
    [
      [0, '1/2 News'],
      [3, '1/2 News, file 1 of 4'],
      [6, '1/2 News, file 2 of 4'],
      [9, '1/2 News, file 3 of 4'],
      [12, '1/2 News, file 4 of 4'],
      [12, '2/2 Films'],
      [18, '2/2 Films, file 1 of 2'],
      [24, '2/2 Films, file 2 of 2'],
      [24, '2/2\n'],
    ],
  );
});

test.run();
