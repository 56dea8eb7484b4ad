// Errors over HTTP: every one is an application/problem+json document (RFC 9457) with a stable code.

import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, HeadendError } from '../errors.js';
import type { Logger } from '../options.js';

// The codes whose message may go out to anybody: they tell of the request, not of the machine.
const STATUS: Partial<Record<ErrorCode, number>> = {
  INVALID_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  CHANNEL_NOT_FOUND: 404,
  RENDITION_NOT_FOUND: 404,
  SEGMENT_NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  SCHEDULE_ENDED: 404,
  CHANNEL_EXISTS: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RANGE_NOT_SATISFIABLE: 416,
  RATE_LIMITED: 429,
  SEGMENT_TIMEOUT: 503,
  // Players repeat a request that fails so, with what the playlist says then; after a 404 some give up.
  SEGMENT_RENAMED: 503,
  TOO_MANY_CLIENTS: 503,
  CAPACITY_EXCEEDED: 503,
  NOT_READY: 503,
  ENGINE_STOPPED: 503,
  SCHEDULE_NOT_STARTED: 503,
  // The journal's own messages name its file; routes for everybody do not pass them on.
  JOURNAL_FAILED: 503,
  CLOSED: 503,
};

// What admins' requests can be refused for; the messages name files.
const STATUS_OF_CHANGE: Partial<Record<ErrorCode, number>> = {
  INVALID_OPTIONS: 400,
  SCHEDULE_EMPTY: 400,
  SOURCE_NOT_FOUND: 422,
  SOURCE_DENIED: 422,
  SOURCE_INVALID: 422,
  SOURCE_TIMEOUT: 503,
};

// Fastify's and Node's own refusals.
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Seconds after which a client may repeat a request that failed with a retryable error. */
const RETRY_AFTER = 2;

/** Makes the Fastify error handler, which answers with the problem document of any error. */
export function problemHandler(logger: Logger | undefined) {
  return (
    error: FastifyError | HeadendError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply => {
    // The client went away while its request waited; there is nobody to answer.
    if (reply.raw.destroyed) return reply.hijack();
    const problem = publicError(error, request.routeOptions.config?.headendAccess === 'admin');
    if (problem.code === 'INTERNAL_ERROR') logger?.error({ err: error }, 'a request failed');
    return sendProblem(reply, problem);
  };
}

/** Fastify not-found handler. */
export function routeNotFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, new HeadendError('ROUTE_NOT_FOUND', 'http', 'there is no such route'));
}

function sendProblem(reply: FastifyReply, error: HeadendError): FastifyReply {
  const status = STATUS[error.code] ?? STATUS_OF_CHANGE[error.code] ?? 500;
  if (error.retryable && !reply.hasHeader('retry-after')) reply.header('retry-after', RETRY_AFTER);
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="Headend"');
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

// What went wrong inside is not for the network; `isChange` requests come from those who may know.
function publicError(error: FastifyError | HeadendError, isChange: boolean): HeadendError {
  if (error instanceof HeadendError) {
    const known = STATUS[error.code] ?? (isChange ? STATUS_OF_CHANGE[error.code] : undefined);
    if (known !== undefined) return error;
  } else {
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) {
      const code = CODE_OF_STATUS[status] ?? 'INVALID_REQUEST';
      return new HeadendError(code, 'http', error.message, { cause: error });
    }
  }
  return new HeadendError('INTERNAL_ERROR', 'http', 'the request failed inside the server', {
    cause: error,
  });
}
