// What OpenAPI says about who may use a route: the same as access.ts checks.

import type { RouteAccess } from './access.js';
import type { HttpOptions } from './options.js';

const BEARER = { type: 'http', scheme: 'bearer' } as const;

/** The security schemes (OpenAPI 3.1 4.8.27) that these options ask for. */
export function securitySchemes({ adminToken, viewerToken, signingSecret }: HttpOptions) {
  return {
    ...(adminToken !== undefined && {
      admin: { ...BEARER, description: 'The token of the admin; it may watch, too.' },
    }),
    ...(viewerToken !== undefined && { viewer: { ...BEARER, description: 'May watch.' } }),
    ...(signingSecret !== undefined && {
      signature: { type: 'apiKey', in: 'query', name: 'signature' } as const,
      expires: { type: 'apiKey', in: 'query', name: 'expires' } as const,
    }),
  };
}

/** Which of them a route takes, one of these; none where everybody may, or programs on this machine. */
export function security(
  { adminToken, viewerToken, signingSecret }: HttpOptions,
  access: RouteAccess,
): Readonly<Record<string, string[]>>[] {
  const isLimited = viewerToken !== undefined || signingSecret !== undefined;
  if (access === 'open' || (access === 'viewer' && !isLimited)) return [];
  const ofViewers =
    access === 'admin'
      ? []
      : [
          ...(viewerToken === undefined ? [] : [{ viewer: [] }]),
          ...(signingSecret === undefined ? [] : [{ signature: [], expires: [] }]),
        ];
  return [...ofViewers, ...(adminToken === undefined ? [] : [{ admin: [] }])];
}
