// Checks requests against their TypeBox schemas, and gives handlers the static types of these.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifySchemaCompiler,
  FastifyTypeProvider,
} from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import Value from 'typebox/value';
import { HeadendError } from '../errors.js';
import { mistake } from '../validate.js';

/** Tells Fastify the types that a TypeBox schema stands for. */
export interface TypeBoxProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
}

/** The Fastify instance that routes are added to. */
export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxProvider
>;

/**
 * Fastify's validator compiler for TypeBox schemas: a mistake is `INVALID_REQUEST` and names its place. Texts of
 * the URL are read as the numbers that the schema asks for; bodies are taken as they are.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({
  schema,
  httpPart = 'body',
}) => {
  const compiled = Compile(schema);
  return (received: unknown) => {
    const value = httpPart === 'body' ? received : Value.Convert(schema, received);
    if (compiled.Check(value)) return { value };
    const message = `${httpPart}: ${mistake(schema, value)}`;
    return { error: new HeadendError('INVALID_REQUEST', 'http', message) };
  };
};
