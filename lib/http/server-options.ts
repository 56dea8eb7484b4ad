// How a Fastify server is set up that serves a Headend to anybody: bounds on time, connections and sizes.

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyHttpOptions } from 'fastify';
import type { Headend } from '../headend.js';
import { HTTP_DEFAULTS } from './options.js';
import { problemHandler } from './problem.js';

// Time to send the headers, and the whole of a request.
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
// How often Node looks for those who have taken longer: half a minute, unless it is told.
const CHECK_MS = 2_000;

// Longer than any wait for a segment. A connection on which nothing moves for so long is cut: a client that has
// stopped reading holds the bytes of its answer in memory.
const IDLE_CONNECTION_MS = 60_000;

const MAX_HEADER_BYTES = 16 * 1024;

/** Options for `fastify()`, for servers that register `headendPlugin` beside routes of their own. */
export function serverOptions({ logger, http }: Headend): FastifyHttpOptions<Server> {
  const { trustProxy = false } = http;
  return {
    // A close does not wait for clients that hold a connection open.
    forceCloseConnections: true,
    bodyLimit: 64 * 1024,
    requestTimeout: REQUEST_MS,
    connectionTimeout: IDLE_CONNECTION_MS,
    http: {
      headersTimeout: HEADERS_MS,
      connectionsCheckingInterval: CHECK_MS,
      // Refused by the plugin, as a problem document.
      requireHostHeader: false,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    trustProxy: typeof trustProxy === 'boolean' ? trustProxy : [...trustProxy],
    frameworkErrors: problemHandler(logger),
    clientErrorHandler: (error, socket) => refuse(error, socket),
  };
}

/** The most connections that a server for this Headend holds. */
export function maxConnections({ http }: Headend): number {
  return http.maxConnections ?? HTTP_DEFAULTS.maxConnections;
}

// What cannot be parsed as a request is answered without one.
function refuse({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = PARSER_STATUS[code ?? ''] ?? '400 Bad Request';
  const detail = 'this cannot be read as an HTTP request';
  const problem = JSON.stringify({
    type: 'urn:headend:error:INVALID_REQUEST',
    title: status.slice(4),
    status: Number(status.slice(0, 3)),
    detail,
    code: 'INVALID_REQUEST',
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(problem)}\r\n\r\n${problem}`,
  );
}

const PARSER_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};
