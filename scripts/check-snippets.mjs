#!/usr/bin/env node
// Compiles every TypeScript snippet of the documents against the library, each as a module of its own, and reads those
// of JavaScript, JSON and the shell as their programs would. Tests run some of them: test/timeline/docs.test.ts,
// test/http/description.test.ts, test/server/configuration.test.ts, test/http/proxies.test.ts.
// Commands for the shell are checked against the programs they name in scripts/check-docs.mjs. A snippet that shows only a
// part is marked ```ts part and has what it does not show from PART; docs/api/ shows declarations only.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/paths.mjs';

const folder = join(root, 'out/snippets');

/**
 * What reads a snippet from its standard input without running it.
 * @type {Record<string, readonly [string, ...string[]]>}
 */
const readers = {
  js: [process.execPath, '--check', '-'],
  json: [process.execPath, '--eval', 'JSON.parse(require("node:fs").readFileSync(0, "utf8"))'],
  sh: ['bash', '-n'],
};

/** What a part of a program has from the rest of it, in one line. */
const PART =
  "import type * as H from 'headend'; declare const headend: H.Headend, channel: H.Channel, schedule: H.Schedule;";

/** File names of the TypeScript snippets and where they stand. @type {Map<string, string>} */
const places = new Map();

let read = 0;

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const documents = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
});
for (const document of documents.toString().split('\n')) {
  if (!document || document.startsWith('docs/api/')) continue;
  if (!existsSync(join(root, document))) continue;
  const text = readFileSync(join(root, document), 'utf8');
  for (const { 1: language = '', 2: code, index } of text.matchAll(/^```(.*)\n([\s\S]*?)^```/gm)) {
    const line = text.slice(0, index).split('\n').length + 1;
    if (language === '') {
      console.error(
        `${document}:${line - 1}: a snippet of no language; what is no program is text`,
      );
      process.exitCode = 1;
    }
    const reader = readers[language];
    if (reader !== undefined) {
      const [program, ...args] = reader;
      const { status, stderr } = spawnSync(program, args, { input: code, encoding: 'utf8' });
      if (status !== 0) {
        console.error(`${document}:${line}: ${stderr}`);
        process.exitCode = 1;
      } else read += 1;
    }
    if (!/^ts\b/.test(language)) continue;
    const name = `${document.replace(/[^\w]+/g, '-')}-${line}.ts`;
    places.set(name, `${document}:${line}`);
    const before = language === 'ts part' ? PART : '';
    writeFileSync(join(folder, name), `${before}${code}\nexport {};\n`);
  }
}

const config = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    // What a snippet declares it may leave unused.
    noUnusedLocals: false,
    noUnusedParameters: false,
    checkJs: false,
    // Snippets of bench/README.md are of files in its folder.
    rootDirs: ['.', '../../bench'],
    paths: { headend: ['../../lib/index.ts'] },
  },
  include: ['*.ts'],
  exclude: [],
};
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));

const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
  cwd: folder,
  encoding: 'utf8',
});
for (const line of tsc.stdout.split('\n').filter(Boolean)) {
  console.error(line.replace(/^([\w.-]+\.ts)/, (name) => places.get(name) ?? name));
}
if (tsc.status !== 0) process.exitCode = 1;
else console.log(`${places.size} snippets compiled, ${read} read.`);
