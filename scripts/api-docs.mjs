#!/usr/bin/env node
// Writes docs/api/ from the TSDoc of what lib/index.ts exports, a page for each concept. With --check it writes
// nothing, and fails when the pages are not those that it would write or a public symbol is not documented.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  Application,
  Comment,
  Converter,
  DeclarationReflection,
  IntrinsicType,
  Logger,
  LogLevel,
  ReferenceType,
  ReflectionFlag,
  ReflectionKind,
} from 'typedoc';
import { root } from './setup/paths.mjs';

/**
 * The pages, in the order of the index: what each is about, and the sources whose symbols it has.
 * @type {readonly { page: string, about: string, sources: readonly string[] }[]}
 */
const PAGES = [
  {
    page: 'headend',
    about: '`createHeadend`, what it makes, its events and its log.',
    sources: ['create-headend.ts', 'headend.ts', 'stream/stream-events.ts', 'clock.ts'],
  },
  {
    page: 'options',
    about: 'Options of `createHeadend` and of `channels.add`, and channels as JSON.',
    sources: [
      'options.ts',
      'definition.ts',
      'ladder.ts',
      'hls/container.ts',
      'stream/admission.ts',
    ],
  },
  {
    page: 'schedules',
    about: '`loop`, `at` and `compute`, programmes, and the guide.',
    sources: ['timeline/'],
  },
  {
    page: 'channels',
    about: 'A channel: its state, its viewers, its playlists and segments.',
    sources: [
      'channel.ts',
      'channel-types.ts',
      'saved-channels.ts',
      'stream/',
      'session/',
      'store/',
      'hls/',
    ],
  },
  {
    page: 'media',
    about: 'What is found out about sources and encoders.',
    sources: ['engine/', 'probe/'],
  },
  {
    page: 'errors',
    about: 'Errors, faults and problems.',
    sources: ['errors.ts', 'stream/fault.ts'],
  },
  { page: 'http', about: 'Serving, access and signed URLs.', sources: ['http/'] },
  { page: 'tuners', about: 'Writers of M3U, XMLTV and HDHomeRun documents.', sources: ['iptv/'] },
  { page: 'journal', about: 'The durable record and its logs.', sources: ['journal/'] },
  { page: 'batching', about: '`Batcher` and `BatchProcessor`.', sources: ['flow/'] },
];

/** Files that are wanted on another page than the rest of their folder. */
const ELSEWHERE = new Map([
  ['timeline/problem.ts', 'errors'],
  ['probe/planned-gain.ts', 'options'],
]);

/** Keeps what is wrong with the comments; the rest is of no interest. */
class Findings extends Logger {
  /** @type {string[]} */
  texts = [];

  /** @override @param {string} message @param {LogLevel} level */
  log(message, level) {
    if (level >= LogLevel.Warn) this.texts.push(message);
  }
}

/** @param {string} source Path of a file of lib/, without that. */
function pageOf(source) {
  const page =
    ELSEWHERE.get(source) ??
    PAGES.find(({ sources }) => sources.includes(source))?.page ??
    PAGES.find(({ sources }) => sources.some((folder) => source.startsWith(folder)))?.page;
  if (page === undefined) throw new Error(`scripts/api-docs.mjs has no page for lib/${source}`);
  return page;
}

/**
 * Moves every symbol to its page.
 * @param {import('typedoc').ProjectReflection} project
 */
function divide(project) {
  const symbols = [...(project.children ?? [])];
  for (const { page, about } of PAGES) {
    const module = new DeclarationReflection(page, ReflectionKind.Module, project);
    module.comment = new Comment([{ kind: 'text', text: about }]);
    project.registerReflection(module, undefined, undefined);
    project.addChild(module);
    for (const symbol of symbols) {
      const path = project.getSymbolIdFromReflection(symbol)?.packagePath ?? '';
      if (pageOf(path.replace(/^lib\//, '')) !== page) continue;
      project.removeChild(symbol);
      symbol.parent = module;
      module.addChild(symbol);
    }
  }
}

/**
 * A schema is described by the type that it checks, not member by member.
 * @param {import('typedoc').ProjectReflection} project
 */
function foldSchemas(project) {
  for (const symbol of project.children ?? []) {
    if (symbol.kind !== ReflectionKind.Variable || !symbol.name.endsWith('Schema')) continue;
    project.removeTypeReflections(symbol.type);
    symbol.type = new IntrinsicType('TSchema');
  }
}

/**
 * Everything is read-only, so nothing says so; what a function takes apart is called by its type.
 * @param {import('typedoc').ProjectReflection} project
 */
function simplify(project) {
  for (const reflection of Object.values(project.reflections)) {
    reflection.flags.setFlag(ReflectionFlag.Readonly, false);
    if (!reflection.isParameter() || reflection.name !== '__namedParameters') continue;
    const type = reflection.type instanceof ReferenceType ? reflection.type.name : 'options';
    reflection.name = type.endsWith('Options')
      ? 'options'
      : `${type[0]?.toLowerCase()}${type.slice(1)}`;
  }
}

/** @param {string} folder @returns {Promise<string[]>} what is wrong with the comments */
async function write(folder) {
  /** @type {import('typedoc').TypeDocOptions & import('typedoc-plugin-markdown').PluginOptions} */
  const options = {
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: [join(root, 'lib/index.ts')],
    tsconfig: join(root, 'tsconfig.build.json'),
    // tsc checks them, and another version of it.
    skipErrorChecking: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    readme: 'none',
    validation: { notDocumented: true, notExported: true, invalidLink: true },
    requiredToBeDocumented: [
      'Variable',
      'Function',
      'Class',
      'Interface',
      'Constructor',
      'Property',
      'Method',
      'Accessor',
      'TypeAlias',
    ],
    out: folder,
    router: 'module',
    hideBreadcrumbs: true,
    hidePageHeader: true,
    hideGroupHeadings: true,
    useHTMLAnchors: true,
    indexFormat: 'table',
    textContentMappings: { 'title.indexPage': 'API', 'title.modulePage': 'API: {name}' },
    sort: ['source-order'],
    groupOrder: ['Functions', 'Classes', 'Interfaces', 'Type Aliases', 'Variables'],
    useCodeBlocks: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    logLevel: 'Warn',
  };
  const app = await Application.bootstrapWithPlugins(options);
  const findings = new Findings();
  app.logger = findings;
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    foldSchemas(project);
    divide(project);
    simplify(project);
  });
  const project = await app.convert();
  if (project === undefined) throw new Error(findings.texts.join('\n'));
  app.validate(project);
  await app.generateOutputs(project);
  return findings.texts;
}

/** The texts of a folder by their names. @param {string} folder */
function pages(folder) {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

const published = join(root, 'docs/api');
const check = process.argv.includes('--check');
const target = check ? join(root, 'out/api-docs') : published;
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const problems = await write(target);
if (check) {
  const fresh = pages(target);
  const old = pages(published);
  for (const name of new Set([...fresh.keys(), ...old.keys()])) {
    if (fresh.get(name) === old.get(name)) continue;
    problems.push(`docs/api/${name} is not what the sources say: run \`npm run docs:api\``);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${pages(target).size} pages of API documentation.`);
