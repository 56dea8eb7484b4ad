// Who may do what: viewers by token or signature where one is asked for; changes by the admin's token or,
// where there is none, from programs on this machine.

import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { HeadendError } from '../errors.js';
import type { HttpOptions } from './options.js';
import { equalInConstantTime } from './secrets.js';
import { allowsViewing } from './signature.js';

/** What a route asks of its client: nothing; that it may watch (the default); that it may make changes. */
export type RouteAccess = 'open' | 'viewer' | 'admin';

declare module 'fastify' {
  interface FastifyContextConfig {
    headendAccess?: RouteAccess;
  }
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

// A request with one of these has come through a proxy: its peer says nothing about its client.
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const;

const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Decides about requests. */
export class Access {
  readonly #options: HttpOptions;
  readonly #now: () => number;

  /** @param now Milliseconds since the Unix epoch. */
  constructor(options: HttpOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Whether watching takes a token or a signature, so that no shared cache may keep what is served. */
  get limitsViewing(): boolean {
    return this.#options.viewerToken !== undefined || this.#options.signingSecret !== undefined;
  }

  /** Whether a request may make changes and read details of the machine. */
  isAdmin(request: FastifyRequest): boolean {
    const { adminToken } = this.#options;
    if (adminToken === undefined) return isLocal(request);
    return holds(request.headers, adminToken);
  }

  /**
   * Lets a request pass that may use its route.
   * @throws HeadendError `UNAUTHORIZED`, `FORBIDDEN`
   */
  check(request: FastifyRequest): void {
    const access = request.routeOptions.config.headendAccess ?? 'viewer';
    if (access === 'open') return;
    if (access === 'viewer' && this.#mayView(request)) return;
    if (this.isAdmin(request)) return;
    if (access === 'admin' && this.#options.adminToken === undefined) {
      throw new HeadendError(
        'FORBIDDEN',
        'http',
        'without an adminToken only programs on this machine may do this',
      );
    }
    throw new HeadendError('UNAUTHORIZED', 'http', `this takes ${credentials(access)}`);
  }

  #mayView(request: FastifyRequest): boolean {
    if (!this.limitsViewing) return true;
    const { viewerToken, signingSecret } = this.#options;
    if (viewerToken !== undefined && holds(request.headers, viewerToken)) return true;
    const expires = text(request.query, 'expires');
    const signature = text(request.query, 'signature');
    if (signingSecret === undefined || !/^\d{1,12}$/.test(expires)) return false;
    const channelId = text(request.params, 'id') || undefined;
    return allowsViewing(signingSecret, channelId, { expires, signature }, this.#now());
  }
}

function credentials(access: RouteAccess): string {
  return access === 'admin'
    ? 'the bearer token of the admin'
    : 'a bearer token or a signature that has not expired';
}

function holds({ authorization }: IncomingHttpHeaders, token: string): boolean {
  const [, given] = /^bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  return given !== undefined && equalInConstantTime(given, token);
}

// A program on this machine, and no web page: those come with their own origin, or with a foreign host name that
// was made to lead here (DNS rebinding).
function isLocal({ raw, headers }: FastifyRequest): boolean {
  const address = raw.socket.remoteAddress ?? '';
  if (!LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return false;
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) return false;
  if (!LOCAL_HOST.test(headers.host ?? '')) return false;
  return headers.origin === undefined || headers.origin === `http://${headers.host}`;
}

function text(values: unknown, name: string): string {
  if (typeof values !== 'object' || values === null) return '';
  const value: unknown = Reflect.get(values, name);
  return typeof value === 'string' ? value : '';
}
