#!/usr/bin/env node
// Compiles every TypeScript snippet of the documents against the library, each as a module of its own.
// A snippet that shows only a part is marked ```ts part and is left alone.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/paths.mjs';

const folder = join(root, 'out/snippets');

/** File names of the snippets and where they stand. @type {Map<string, string>} */
const places = new Map();

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const documents = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
});
for (const document of documents.toString().split('\n')) {
  if (!document || !existsSync(join(root, document))) continue;
  const text = readFileSync(join(root, document), 'utf8');
  for (const { 1: code, index } of text.matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```/gm)) {
    const line = text.slice(0, index).split('\n').length + 1;
    const name = `${document.replace(/[^\w]+/g, '-')}-${line}.ts`;
    places.set(name, `${document}:${line}`);
    writeFileSync(join(folder, name), `${code}\nexport {};\n`);
  }
}

const config = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    // What a snippet declares it may leave unused.
    noUnusedLocals: false,
    noUnusedParameters: false,
    checkJs: false,
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
else console.log(`${places.size} snippets compiled.`);
