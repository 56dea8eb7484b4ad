#!/usr/bin/env node
// Checks what the documents say against the repository: links lead to files and headings that
// exist, commands exist, and every error code is explained.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { root } from './setup/paths.mjs';

/** @type {string[]} */
const problems = [];

/** @param {string} file */
const read = (file) => readFileSync(join(root, file), 'utf8');

/** Text without code, in which brackets are no links. @param {string} text */
const prose = (text) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

/** GitHub's anchors of a document's headings. @param {string} text */
function anchors(text) {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').match(/^#+ .*$/gm) ?? [];
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** @param {string} file */
function checkLinks(file) {
  const text = prose(read(file));
  const targets = [...text.matchAll(/\]\(([^)\s]+)[^)]*\)|(?:src|href)="([^"]+)"/g)];
  for (const match of targets) {
    const target = String(match[1] ?? match[2]);
    if (/^[a-z]+:/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const full = path === '' ? join(root, file) : resolve(root, dirname(file), path);
    if (!existsSync(full)) problems.push(`${file}: ${target} does not exist`);
    else if (anchor && full.endsWith('.md') && !anchors(readFileSync(full, 'utf8')).has(anchor)) {
      problems.push(`${file}: ${target} has no such heading`);
    }
  }
}

/** @param {string} file @param {ReadonlySet<string>} scripts */
function checkCommands(file, scripts) {
  for (const [command, name] of read(file).matchAll(/npm run ([\w:-]+)/g)) {
    if (!scripts.has(String(name))) problems.push(`${file}: package.json has no \`${command}\``);
  }
}

function checkErrorCodes() {
  if (!existsSync(join(root, 'lib/errors.ts')) || !existsSync(join(root, 'docs/errors.md'))) return;
  const list = /ERROR_CODES = \[([\s\S]*?)\]/.exec(read('lib/errors.ts'))?.[1] ?? '';
  const codes = new Set([...list.matchAll(/'([A-Z_]+)'/g)].map((match) => String(match[1])));
  if (codes.size === 0) problems.push('lib/errors.ts: no ERROR_CODES found');
  const documented = new Set(read('docs/errors.md').match(/\b[A-Z]+(?:_[A-Z]+)*\b/g));
  for (const code of codes) {
    if (!documented.has(code)) problems.push(`docs/errors.md: ${code} is not explained`);
  }
}

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
});
const documents = listed
  .toString()
  .split('\n')
  .filter((file) => file && existsSync(join(root, file)));
const scripts = new Set(Object.keys(JSON.parse(read('package.json')).scripts));
for (const file of documents) {
  checkLinks(file);
  checkCommands(file, scripts);
}
checkErrorCodes();

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${documents.length} documents checked.`);
