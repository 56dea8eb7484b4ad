// Which folders become channels, under which ids, and in which order their files air.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Folder, findFolders } from '../../server/media.js';

const log = pino({ enabled: false });

function find(root: string): Promise<Folder[]> {
  return findFolders(root, log, new AbortController().signal);
}

const test = suite<{ root: string }>('folders');

test.before.each(async (context) => {
  context.root = join(await mkdtemp(join(tmpdir(), 'headend-folders-')), 'My Films');
  await mkdir(context.root);
});

test.after.each(async ({ root }) => {
  await rm(dirname(root), { recursive: true, force: true });
});

async function fill(root: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
}

test('the folder itself and every folder in it that holds media, at any depth', async ({
  root,
}) => {
  await fill(root, ['a.mp4', 'Series/Season 1/x.mkv', 'Series/Season 2/x.mkv', 'notes/readme.txt']);
  const folders = await find(root);
  assert.equal(
    folders.map(({ id, name }) => [id, name]),
    [
      ['my-films', 'My Films'],
      ['series-season-1', 'Season 1'],
      ['series-season-2', 'Season 2'],
    ],
  );
});

test('folders of the same name are told apart by those above them', async ({ root }) => {
  await fill(root, [
    'a.mp4',
    'A/Season 1/x.mkv',
    'A/Season 2/x.mkv',
    'B/Season 1/x.mkv',
    'C/My Films/x.mkv',
  ]);
  assert.equal(
    (await find(root)).map(({ name }) => name),
    ['My Films', 'A / Season 1', 'A / Season 2', 'B / Season 1', 'C / My Films'],
  );
});

test('files are in natural order, without their companions and hidden ones', async ({ root }) => {
  const files = [
    '10 ten.mp4',
    '9 nine.mp4',
    '9 nine.srt',
    'cover.JPG',
    '.hidden.mp4',
    'Info.nfo',
    'odd.name',
  ];
  await fill(root, files);
  const [folder] = await find(root);
  assert.equal(
    folder?.files.map((file) => file.slice(root.length + 1)),
    ['9 nine.mp4', '10 ten.mp4', 'odd.name'],
  );
});

test('ids fit into URLs and differ, whatever the names', async ({ root }) => {
  await fill(root, ['A b/x.mp4', 'a-b/x.mp4', 'Fußball & Café/x.mp4', '日本/x.mp4', '中国/x.mp4']);
  const ids = (await find(root)).map(({ id }) => id);
  assert.is(new Set(ids).size, 5);
  assert.ok(
    ids.every((id) => /^[a-z0-9][a-z0-9-]{0,63}$/.test(id)),
    ids.join(' '),
  );
  assert.ok(ids.includes('fu-ball-cafe'), ids.join(' '));
});

test('links that lead nowhere or in a circle do no harm', async ({ root }) => {
  await fill(root, ['a/x.mp4']);
  await symlink(root, join(root, 'a', 'loop'));
  await symlink(join(root, 'gone'), join(root, 'a', 'dangling.mp4'));
  const folders = await find(root);
  assert.equal(
    folders.map(({ files }) => files.length),
    [1],
  );
});

test('an empty folder holds no channel', async ({ root }) => {
  assert.equal(await find(root), []);
});

test.run();
