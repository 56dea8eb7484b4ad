// Tokens and secrets, which come from the environment so that the configuration file can be shown to anybody.

import type { HttpOptions } from '../../lib/index.js';

/** The variables, and the options of the HTTP side that they are. */
export const SECRETS = {
  HEADEND_ADMIN_TOKEN: 'adminToken',
  HEADEND_VIEWER_TOKEN: 'viewerToken',
  HEADEND_SIGNING_SECRET: 'signingSecret',
} as const;

/** The secrets of the HTTP side that the environment holds. An empty variable is none. */
export function secrets(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Pick<HttpOptions, 'adminToken' | 'viewerToken' | 'signingSecret'> {
  const given = Object.entries(SECRETS).flatMap(([variable, option]) => {
    const secret = environment[variable];
    return secret ? [[option, secret] as const] : [];
  });
  return Object.fromEntries(given);
}
