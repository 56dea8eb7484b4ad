// Source packages through apt with a configuration of our own: the machine's is never changed.
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from './run.mjs';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const suites = ['bookworm', 'trixie'];
const defaultMirror = 'http://deb.debian.org/debian';

/** True where apt can fetch and verify Debian's source packages. */
export const aptCanFetch = process.platform === 'linux' && existsSync(keyring);

/**
 * The addresses of Debian's archive: the mirror this machine's apt uses, then the general one.
 * @returns {Promise<string[]>}
 */
export async function debianMirrors() {
  if (!aptCanFetch) return [defaultMirror];
  const { code, output } = await attempt('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN) $(COMPONENT) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const mine = (code === 0 ? output.split('\n') : [])
    .map((line) => /^Debian main (http\S+\/debian)\/?$/.exec(line)?.[1])
    .filter((uri) => uri !== undefined);
  return [...new Set([...mine, defaultMirror])];
}

/**
 * Prepares a private apt in `folder` and reads the source indexes of the stable suites.
 * @param {string} folder
 * @returns {Promise<Record<string, string>>} environment for apt commands
 */
async function privateApt(folder) {
  const [mirror] = await debianMirrors();
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
  const lines = suites.map((suite) => `deb-src [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  await writeFile(join(folder, 'sources.list'), lines.join(''));
  await writeFile(join(folder, 'status'), '');
  await writeFile(
    join(folder, 'apt.conf'),
    [
      `Dir::Etc::SourceList "${folder}/sources.list";`,
      'Dir::Etc::SourceParts "/dev/null";',
      `Dir::State "${folder}";`,
      `Dir::State::Lists "${folder}/lists";`,
      `Dir::State::status "${folder}/status";`,
      `Dir::Cache "${folder}/cache";`,
      'APT::Sandbox::User "root";',
      '',
    ].join('\n'),
  );
  const env = { APT_CONFIG: join(folder, 'apt.conf'), LC_ALL: 'C' };
  await run('apt-get', ['update', '-q'], { env });
  return env;
}

/** @type {Map<string, Promise<Record<string, string>>>} */
const prepared = new Map();

/**
 * Fetches the newest tarball of a package whose Debian version starts with `series`. apt checks
 * it against the signed index, so a patch release newer than the pin is acceptable.
 * @param {string} name the source package
 * @param {string} series
 * @param {string} folder scratch folder, shared by the calls of one set-up
 * @returns {Promise<{ file: string, version: string }>}
 */
export async function fetchWithApt(name, series, folder) {
  const apt = join(folder, 'apt');
  if (!prepared.has(apt)) prepared.set(apt, privateApt(apt));
  const env = /** @type {Record<string, string>} */ (await prepared.get(apt));
  const shown = await run('apt-cache', ['showsrc', name], { env });
  const versions = [...shown.matchAll(/^Version: (\S+)$/gm)]
    .map((match) => String(match[1]))
    .filter((version) => version.startsWith(series))
    .sort(new Intl.Collator('en', { numeric: true }).compare);
  const version = versions.at(-1);
  if (version === undefined) throw new Error(`apt knows no ${name} ${series}*`);
  const target = join(folder, `apt-${name}`);
  await mkdir(target, { recursive: true });
  await run(
    'apt-get',
    ['source', '-q', '--download-only', '--tar-only', '--only-source', `${name}=${version}`],
    { cwd: target, env },
  );
  const file = (await readdir(target)).find((entry) => /\.orig\.tar\.\w+$/.test(entry));
  if (file === undefined) throw new Error(`apt brought no tarball of ${name} ${version}`);
  return { file: join(target, file), version };
}
