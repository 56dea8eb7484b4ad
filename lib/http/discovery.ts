// Announces the tuner in the network while the server listens.

import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { HeadendError } from '../errors.js';
import { tunerId, tunerUuid } from '../iptv/hdhomerun.js';
import { type LocalAddress, SsdpAnnouncer } from '../iptv/ssdp.js';
import type { RouteContext } from './context.js';
import { HTTP_DEFAULTS } from './options.js';
import type { App } from './validation.js';

/** Announces `/device.xml` under every address at which `app` listens, until it is closed. */
export function announceTuner(app: App, { headend, options, clock }: RouteContext): void {
  const { tunerName = HTTP_DEFAULTS.tunerName, publicUrl } = options;
  let announcer: SsdpAnnouncer | null = null;
  // A server may be closed while it begins to listen, and hear of that afterwards.
  let isClosed = false;
  app.addHook('onListen', async () => {
    const bound = app.server.address();
    if (isClosed || bound === null || typeof bound === 'string') return;
    const base = (address: string) =>
      publicUrl?.replace(/\/+$/, '') ?? `http://${address}:${bound.port}${app.prefix}`;
    announcer = new SsdpAnnouncer({
      uuid: tunerUuid(tunerId(tunerName)),
      clock,
      addresses: () => addressesBehind(bound.address),
      locationAt: (address) => `${base(address)}/device.xml`,
      onError: (cause) =>
        headend.reportFault(
          new HeadendError('ANNOUNCEMENT_FAILED', 'http', `SSDP: ${cause.message}`, { cause }),
        ),
    });
  });
  app.addHook('preClose', async () => {
    isClosed = true;
    await announcer?.close();
  });
}

// A socket that listens on all addresses is reached under those of the networks.
function addressesBehind(bound: string): LocalAddress[] {
  const isWildcard = bound === '0.0.0.0' || bound === '::';
  return Object.values(networkInterfaces()).flatMap((items = []) =>
    items.flatMap(({ address, cidr, internal }) => {
      const isReached = isWildcard ? !internal : address === bound;
      if (!isIPv4(address) || !isReached || cidr === null) return [];
      return [{ address, prefixLength: Number(cidr.split('/')[1]) }];
    }),
  );
}
