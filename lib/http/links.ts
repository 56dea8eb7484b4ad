// The absolute URL under which a client reaches the routes.

import type { FastifyRequest } from 'fastify';
import { HeadendError } from '../errors.js';
import type { HttpOptions } from './options.js';

// A registered name or an address, with or without a port (RFC 9110 7.2).
const HOST = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

const PATH_PREFIX = /^(?:\/[A-Za-z0-9._~-]+)*$/;

/**
 * Where the client of a request reaches the routes, without a slash at the end: `publicUrl`, else what the request
 * and the proxies that are believed say.
 * @param prefix The path under which the routes are registered.
 * @throws HeadendError `INVALID_REQUEST` when the request names a host that cannot be one.
 */
export function baseUrl(
  request: FastifyRequest,
  prefix: string,
  { publicUrl }: Pick<HttpOptions, 'publicUrl'>,
): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  if (!HOST.test(request.host) || !URL.canParse(`http://${request.host}`)) {
    throw new HeadendError('INVALID_REQUEST', 'http', 'the Host of the request is not one');
  }
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  const path = forwardedPrefix(request) + mountPath(request) + prefix.replace(/\/+$/, '');
  return `${scheme}://${request.host}${path}`;
}

/** The absolute URL of a channel's logo, for documents that name it to other programs. */
export function logoUrl(logo: string | null, base: string): string | undefined {
  return logo === null ? undefined : new URL(logo, base).href;
}

// Fastify tells more addresses than the peer's when it believes the peer; the prefix it does not know.
function forwardedPrefix(request: FastifyRequest): string {
  const header = request.headers['x-forwarded-prefix'];
  if (typeof header !== 'string' || (request.ips?.length ?? 0) < 2) return '';
  const prefix = header.replace(/\/+$/, '');
  return PATH_PREFIX.test(prefix) ? prefix : '';
}

// Express and connect strip the path under which a handler is mounted, and keep the whole in `originalUrl`.
function mountPath({ originalUrl, url }: FastifyRequest): string {
  if (originalUrl === url || !originalUrl.endsWith(url)) return '';
  const path = originalUrl.slice(0, originalUrl.length - url.length);
  return PATH_PREFIX.test(path) ? path : '';
}
