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
  const { HEADEND_ADMIN_TOKEN, HEADEND_VIEWER_TOKEN, HEADEND_SIGNING_SECRET } = environment;
  return {
    ...(HEADEND_ADMIN_TOKEN && { adminToken: HEADEND_ADMIN_TOKEN }),
    ...(HEADEND_VIEWER_TOKEN && { viewerToken: HEADEND_VIEWER_TOKEN }),
    ...(HEADEND_SIGNING_SECRET && { signingSecret: HEADEND_SIGNING_SECRET }),
  };
}
