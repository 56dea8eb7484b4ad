// Why a channel's stream refuses or ends a request.

import { HeadendError } from '../errors.js';

/** The channel is there no more. */
export function closed(channelId: string): HeadendError {
  return new HeadendError(
    'CLOSED',
    'engine',
    `channel ${channelId} was removed or Headend was closed`,
    { channelId },
  );
}

/** Production was ended on request. */
export function stopped(channelId: string): HeadendError {
  return new HeadendError('ENGINE_STOPPED', 'engine', `channel ${channelId} was stopped`, {
    channelId,
    retryable: true,
  });
}

/** The channel, or a rung of it, does not fit on the machine. */
export function capacityExceeded(channelId: string): HeadendError {
  return new HeadendError(
    'CAPACITY_EXCEEDED',
    'session',
    `the machine makes all it can; channel ${channelId} must wait for others to end`,
    { channelId, retryable: true },
  );
}
