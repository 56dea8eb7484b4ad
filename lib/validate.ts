// Checks options against their schemas; a mistake names the option, what it should be and what it was.

import { inspect } from 'node:util';
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import { HeadendError } from './errors.js';

/**
 * Checks `value` and returns it with its static type.
 * @param call The call that the options belong to, for the message.
 * @throws HeadendError `INVALID_OPTIONS`
 */
export function validate<Schema extends TSchema>(
  call: string,
  schema: Schema,
  value: unknown,
): Static<Schema> {
  if (Value.Check(schema, value)) return value;
  throw new HeadendError('INVALID_OPTIONS', 'options', `${call}: ${mistake(schema, value)}`);
}

/** What is wrong with a value that its schema refuses: the option, what it must be, and what it was. */
export function mistake(schema: TSchema, value: unknown): string {
  const errors = Value.Errors(schema, value);
  const wrongTypes = errors.filter(isWrongType);
  const error = errors.find(
    ({ keyword, schemaPath }) =>
      // `boolean` errors only repeat what `additionalProperties` says better.
      keyword !== 'boolean' && !wrongTypes.some((wrong) => isWithin(schemaPath, branchOf(wrong))),
  );
  const unknownType =
    error?.keyword === 'anyOf' &&
    wrongTypes.find((wrong) => isWithin(branchOf(wrong), error.schemaPath));
  if (unknownType) {
    const { instancePath } = unknownType;
    const known = wrongTypes
      .filter((wrong) => wrong.instancePath === instancePath)
      .map(({ params }) => inspect(params.allowedValue));
    const expected = `must be one of ${known.join(', ')}`;
    return sentence(optionName(instancePath), expected, Value.Pointer.Get(value, instancePath));
  }
  const path = error ? optionName(error.instancePath) : '';
  const expected = error ? expectation(error) : 'is not valid';
  // Names them itself; what is beside them, or in one that was misspelt, may be a secret.
  if (error?.keyword === 'additionalProperties') return `${nameOf(path)} ${expected}`;
  return sentence(path, expected, Value.Pointer.Get(value, error?.instancePath ?? ''));
}

/** The error for one option: its name, what it must be ("must be ..."), and the value it had. */
export function invalidOption(
  call: string,
  option: string,
  expected: string,
  value: unknown,
): HeadendError {
  return new HeadendError(
    'INVALID_OPTIONS',
    'options',
    `${call}: ${sentence(option, expected, value)}`,
  );
}

function sentence(option: string, expected: string, value: unknown): string {
  const told = `${nameOf(option)} ${expected}`;
  // All options at once say nothing about one of them.
  if (option === '' && isObject(value)) return told;
  const member = option.slice(option.lastIndexOf('.') + 1);
  return `${told}, got ${SECRETS.has(member) ? kindOf(value) : shown(value)}`;
}

function nameOf(option: string): string {
  return option === '' ? 'the argument' : option;
}

// Options whose values are in no message: messages go to logs.
const SECRETS: ReadonlySet<string> = new Set(['adminToken', 'viewerToken', 'signingSecret']);

const SHOWN_DEPTH = 1;

function shown(value: unknown): string {
  return inspect(withoutSecrets(value, SHOWN_DEPTH), {
    depth: SHOWN_DEPTH,
    maxArrayLength: 3,
    maxStringLength: 80,
    breakLength: Infinity,
  });
}

function withoutSecrets(value: unknown, depth: number): unknown {
  if (depth < 0) return value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, depth - 1));
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    SECRETS.has(name) ? kindOf(member) : withoutSecrets(member, depth - 1),
  ]);
  return Object.fromEntries(members);
}

function isObject(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function kindOf(value: unknown): string {
  return typeof value === 'string'
    ? `a text of ${value.length} characters`
    : `a value of type ${typeof value}`;
}

type ValidationError = ReturnType<typeof Value.Errors>[number];

const TYPE_MEMBER = '/properties/type';

// A branch of a union of objects that the object's `type` rules out: its other mistakes are none.
function isWrongType(
  error: ValidationError,
): error is Extract<ValidationError, { keyword: 'const' }> {
  return error.keyword === 'const' && error.schemaPath.endsWith(TYPE_MEMBER);
}

function branchOf({ schemaPath }: ValidationError): string {
  return schemaPath.slice(0, -TYPE_MEMBER.length);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function expectation(error: ValidationError): string {
  if (error.keyword === 'enum') {
    return `must be one of ${error.params.allowedValues.map((value) => inspect(value)).join(', ')}`;
  }
  if (error.keyword === 'additionalProperties') {
    return `has unknown options: ${error.params.additionalProperties.join(', ')}`;
  }
  return error.message;
}

// "/ladder/0/bitrate" -> "ladder[0].bitrate"
function optionName(pointer: string): string {
  return pointer
    .replace(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.')
    .replace(/^\./, '');
}
