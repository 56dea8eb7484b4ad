// The options of the HTTP side: their types, their defaults and the schema that checks them.

import Type from 'typebox';

/** How often one client address may ask. */
export interface RateLimitOptions {
  /** Requests in a window. Default 6000. */
  readonly max?: number;
  /** Length of a window in milliseconds. Default 60000. */
  readonly windowMs?: number;
}

/** Options of the HTTP side, `createHeadend({ http })`. */
export interface HttpOptions {
  /**
   * Path under which the routes lie, as `/tv`, for `headend.listen` and `headend.handler`. Default: none. A
   * server that strips the path before it calls the handler, as Express does, needs none.
   */
  readonly basePath?: string;
  /**
   * Where clients reach the routes, as `https://tv.example.org/live`: goes into the absolute URLs of lineups.
   * Default: what the request says.
   */
  readonly publicUrl?: string;
  /**
   * Whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` are believed: everybody's (`true`), or the
   * addresses and networks (CIDR) of reverse proxies. Default: nobody's. For `headendPlugin` the option of
   * the Fastify server counts instead.
   */
  readonly trustProxy?: boolean | readonly string[];
  /**
   * Bearer token that may change channels and read details of the machine, at least 16 characters. Default:
   * none; then only programs on this machine may, see docs/http.md.
   */
  readonly adminToken?: string;
  /** Bearer token that may watch, at least 16 characters. Default: none; everybody may watch. */
  readonly viewerToken?: string;
  /**
   * Secret of signed URLs, at least 32 characters; see `signViewing`. Who has neither a signature nor a token
   * may not watch. Default: none.
   */
  readonly signingSecret?: string;
  /**
   * Folders (absolute paths) and URL prefixes, ending with `/`, of the sources that channels added over HTTP
   * may air. Default: none with an `adminToken`; without, programs on this machine may name any source.
   */
  readonly mediaRoots?: readonly string[];
  /** How often one client address may ask; `false` for as often as it likes. Loopback always may. */
  readonly rateLimit?: RateLimitOptions | false;
  /** Connections that `headend.listen` holds at the same time. Default 10000. */
  readonly maxConnections?: number;
  /** Clients that follow `GET /events` at the same time. Default 100. */
  readonly maxEventClients?: number;
  /** Milliseconds between two status events of `GET /events`. Default 1000. */
  readonly statusMs?: number;
  /**
   * Name under which TV software finds the server as a tuner; its device id is made from it, so give servers in one
   * network different ones. Default `Headend`.
   */
  readonly tunerName?: string;
  /**
   * How many channels TV software is told that it may watch at the same time; it refuses more itself. A channel that
   * several watch counts for each. Default 32.
   */
  readonly tuners?: number;
  /**
   * Whether to announce the tuner in the local networks (SSDP), so that TV software finds it by itself. Where it
   * listens on this machine alone, only programs here find it. Not for `headend.handler`. Default false.
   */
  readonly ssdp?: boolean;
  /** Why the program is not ready to serve, for `GET /health/ready`; empty when it is. Default: it always is. */
  readonly notReady?: () => readonly string[];
  /**
   * Whether channels are still being added one after the other, as when a program starts. Lists of all channels for TV
   * software, which forgets channels that a list lacks, answer `NOT_READY` then. Default: never.
   */
  readonly isPreparing?: () => boolean;
}

const Token = Type.String({ minLength: 16, maxLength: 1024, pattern: '^[\\x21-\\x7e]*$' });

/** Schema of {@link HttpOptions}. */
export const HttpOptionsSchema = Type.Object(
  {
    basePath: Type.With(Type.Optional(Type.String({ pattern: '^(?:/[A-Za-z0-9._~-]+)*$' })), {
      description:
        'Path under which the routes lie, as `/tv`, for `headend.listen` and `headend.handler`. Default: none. A server that strips the path before it calls the handler, as Express does, needs none.',
    }),
    publicUrl: Type.With(
      Type.Optional(
        Type.Refine(
          Type.String(),
          isPublicUrl,
          () => 'must be an http or https URL without a query',
        ),
      ),
      {
        description:
          'Where clients reach the routes, as `https://tv.example.org/live`: goes into the absolute URLs of lineups. Default: what the request says.',
      },
    ),
    trustProxy: Type.With(
      Type.Optional(Type.Union([Type.Boolean(), Type.Array(Type.String({ minLength: 1 }))])),
      {
        description:
          "Whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` are believed: everybody's (`true`), or the addresses and networks (CIDR) of reverse proxies. Default: nobody's. For `headendPlugin` the option of the Fastify server counts instead.",
      },
    ),
    adminToken: Type.With(Type.Optional(Token), {
      description:
        'Bearer token that may change channels and read details of the machine, at least 16 characters. Default: none; then only programs on this machine may, see docs/http.md.',
    }),
    viewerToken: Type.With(Type.Optional(Token), {
      description:
        'Bearer token that may watch, at least 16 characters. Default: none; everybody may watch.',
    }),
    signingSecret: Type.With(Type.Optional(Type.String({ minLength: 32, maxLength: 1024 })), {
      description:
        'Secret of signed URLs, at least 32 characters; see `signViewing`. Who has neither a signature nor a token may not watch. Default: none.',
    }),
    mediaRoots: Type.With(
      Type.Optional(
        Type.Array(
          Type.Refine(
            Type.String(),
            isMediaRoot,
            () => 'must be an absolute path, or an http or https URL that ends with "/"',
          ),
        ),
      ),
      {
        description:
          'Folders (absolute paths) and URL prefixes, ending with `/`, of the sources that channels added over HTTP may air. Default: none with an `adminToken`; without, programs on this machine may name any source.',
      },
    ),
    rateLimit: Type.With(
      Type.Optional(
        Type.Union([
          Type.Object(
            {
              max: Type.With(Type.Optional(Type.Integer({ minimum: 1 })), {
                description: 'Requests in a window. Default 6000.',
              }),
              windowMs: Type.With(
                Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
                { description: 'Length of a window in milliseconds. Default 60000.' },
              ),
            },
            { additionalProperties: false },
          ),
          Type.Literal(false),
        ]),
      ),
      {
        description:
          'How often one client address may ask; `false` for as often as it likes. Loopback always may.',
      },
    ),
    maxConnections: Type.With(Type.Optional(Type.Integer({ minimum: 1 })), {
      description: 'Connections that `headend.listen` holds at the same time. Default 10000.',
    }),
    maxEventClients: Type.With(Type.Optional(Type.Integer({ minimum: 0 })), {
      description: 'Clients that follow `GET /events` at the same time. Default 100.',
    }),
    statusMs: Type.With(Type.Optional(Type.Integer({ minimum: 500, maximum: 600_000 })), {
      description: 'Milliseconds between two status events of `GET /events`. Default 1000.',
    }),
    tunerName: Type.With(Type.Optional(Type.String({ minLength: 1, maxLength: 100 })), {
      description:
        'Name under which TV software finds the server as a tuner; its device id is made from it, so give servers in one network different ones. Default `Headend`.',
    }),
    tuners: Type.With(Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })), {
      description:
        'How many channels TV software is told that it may watch at the same time; it refuses more itself. A channel that several watch counts for each. Default 32.',
    }),
    ssdp: Type.With(Type.Optional(Type.Boolean()), {
      description:
        'Whether to announce the tuner in the local networks (SSDP), so that TV software finds it by itself. Where it listens on this machine alone, only programs here find it. Not for `headend.handler`. Default false.',
    }),
    notReady: Type.With(
      Type.Optional(
        Type.Refine(
          Type.Unsafe<() => readonly string[]>({}),
          (value) => typeof value === 'function',
          () => 'must be a function',
        ),
      ),
      {
        description:
          'Why the program is not ready to serve, for `GET /health/ready`; empty when it is. Default: it always is.',
      },
    ),
    isPreparing: Type.With(
      Type.Optional(
        Type.Refine(
          Type.Unsafe<() => boolean>({}),
          (value) => typeof value === 'function',
          () => 'must be a function',
        ),
      ),
      {
        description:
          'Whether channels are still being added one after the other, as when a program starts. Lists of all channels for TV software, which forgets channels that a list lacks, answer `NOT_READY` then. Default: never.',
      },
    ),
  },
  { additionalProperties: false },
);

/** Defaults of {@link HttpOptions}. */
export const HTTP_DEFAULTS = {
  rateLimit: { max: 6000, windowMs: 60_000 },
  maxConnections: 10_000,
  maxEventClients: 100,
  statusMs: 1000,
  tunerName: 'Headend',
  tuners: 32,
} as const;

function isPublicUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
}

function isMediaRoot(text: string): boolean {
  if (text.startsWith('/') || /^[A-Za-z]:[\\/]/.test(text)) return true;
  return isPublicUrl(text) && text.endsWith('/');
}
