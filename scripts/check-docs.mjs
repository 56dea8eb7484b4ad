#!/usr/bin/env node
// Checks what the documents say against the repository: links lead to files and headings that
// exist, commands and their options exist, and every error code is explained.
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

/** GitHub's anchors of a document's headings, and those of its own. @param {string} text */
function anchors(text) {
  const written = text.replace(/^```[\s\S]*?^```/gm, '');
  const found = new Set(
    [...written.matchAll(/<a id="([^"]+)">/g)].map((match) => String(match[1])),
  );
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const heading of written.match(/^#+ .*$/gm) ?? []) {
    const anchor = heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    found.add(before === 0 ? anchor : `${anchor}-${before}`);
  }
  return found;
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

/** What each command of `headend` prints about itself. @type {Map<string, string>} */
const helps = new Map();

/** @param {string} command */
function help(command) {
  const args = ['--import', 'tsx', 'server/main.ts', command, '--help'];
  const text = helps.get(command) ?? execFileSync(process.execPath, args, { cwd: root }).toString();
  helps.set(command, text);
  return text;
}

/** Commands that people are told to type have the options that they are given. @param {string} file */
function checkOptions(file) {
  const commands =
    /\b(?:headend (serve|check|probe|hardware|config-schema)|npm start --(?= ))([^`\n]*)/g;
  for (const [line, command = 'serve', rest = ''] of read(file).matchAll(commands)) {
    for (const [option] of rest.matchAll(/(?<=\s)--?[a-z][a-z-]*/g)) {
      if (!new RegExp(`(^|[\\s,])${option}\\b`, 'm').test(help(command))) {
        problems.push(`${file}: "${line}": no option ${option}`);
      }
    }
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

/** Messages that docs/troubleshooting.md quotes, in text blocks, are those of the sources; … stands for what varies. */
function checkMessages() {
  const file = 'docs/troubleshooting.md';
  const names = execFileSync(
    'git',
    ['ls-files', '-co', '--exclude-standard', 'lib', 'server', 'native'],
    {
      cwd: root,
    },
  );
  const sources = names
    .toString()
    .split('\n')
    .filter((name) => /\.(ts|cc|h)$/.test(name));
  // A message may be written as several strings.
  const text = sources
    .map(read)
    .join('\n')
    .replace(/['`"]\s*\+?\s*\n\s*['`"]/g, '');
  for (const [, block = ''] of read(file).matchAll(/^```text\n([\s\S]*?)^```/gm)) {
    for (const part of block.split(/[\n…]/)) {
      const words = part.replace(/^[:;,.)\s]+|[:;,.(\s]+$/g, '');
      if (words.length > 3 && !text.includes(words)) {
        problems.push(`${file}: no source says "${words}"`);
      }
    }
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
  checkOptions(file);
}
for (const file of ['examples/Containerfile', 'examples/headend.service']) checkOptions(file);
checkErrorCodes();
checkMessages();

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${documents.length} documents checked.`);
