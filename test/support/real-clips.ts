// Where clips from real encoders lie, for tests that use them when they are there: the folder named by
// HEADEND_TEST_MEDIA, else `shared/media` beside the checkout.
import { existsSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BESIDE = fileURLToPath(new URL('../../../shared/media', import.meta.url));
const MEDIA = /^\.(mp4|mkv|ts|webm|avi|mov|m4v|mpg)$/;

/** Paths of the clips, by name; empty, with a message, when there are none. */
export function realClips(): string[] {
  const folder = process.env.HEADEND_TEST_MEDIA ?? BESIDE;
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const clips = names.filter((name) => MEDIA.test(extname(name).toLowerCase())).sort();
  if (clips.length === 0) {
    console.log(`No real clips in ${folder}: skipped. HEADEND_TEST_MEDIA names another folder.`);
  }
  return clips.map((name) => join(folder, name));
}
