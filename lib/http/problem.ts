// Errors over HTTP: every one is an application/problem+json document (RFC 9457) with a stable code.

import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, HeadendError } from '../errors.js';
import type { Logger } from '../options.js';

const STATUS: Partial<Record<ErrorCode, number>> = {
  INVALID_OPTIONS: 400,
  INVALID_REQUEST: 400,
  CHANNEL_NOT_FOUND: 404,
  RENDITION_NOT_FOUND: 404,
  SEGMENT_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  CHANNEL_EXISTS: 409,
  RANGE_NOT_SATISFIABLE: 416,
  SEGMENT_TIMEOUT: 503,
  CLOSED: 503,
  JOURNAL_FAILED: 503,
};

/** Seconds after which a client may repeat a request that failed with a retryable error. */
const RETRY_AFTER = 2;

/** Makes the Fastify error handler, which answers with the problem document of any error. */
export function problemHandler(logger: Logger | undefined) {
  return (
    error: FastifyError | HeadendError,
    _request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply => {
    // The client went away while its request waited; there is nobody to answer.
    if (reply.raw.destroyed) return reply.hijack();
    const problem = asHeadendError(error);
    if (problem.code === 'INTERNAL_ERROR') logger?.error({ err: error }, 'a request failed');
    return sendProblem(reply, problem);
  };
}

/** Fastify not-found handler. */
export function routeNotFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, new HeadendError('ROUTE_NOT_FOUND', 'http', 'there is no such route'));
}

function sendProblem(reply: FastifyReply, error: HeadendError): FastifyReply {
  const status = STATUS[error.code] ?? 500;
  if (error.retryable) reply.header('retry-after', RETRY_AFTER);
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send({
      type: `urn:headend:error:${error.code}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: error.message,
      code: error.code,
    });
}

function asHeadendError(error: FastifyError | HeadendError): HeadendError {
  if (error instanceof HeadendError) return error;
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return new HeadendError('INVALID_REQUEST', 'http', error.message, { cause: error });
  }
  // What went wrong inside is not for the network.
  return new HeadendError('INTERNAL_ERROR', 'http', 'the request failed inside the server', {
    cause: error,
  });
}
