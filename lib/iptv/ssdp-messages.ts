// The datagrams of SSDP, by which devices are found in a network (UPnP Device Architecture 1.0, 1.1 and 1.2). Pure.

/** Where everybody listens. */
export const SSDP_GROUP = '239.255.255.250';
export const SSDP_PORT = 1900;

/** Seconds for which an announcement is good. */
export const MAX_AGE_SECONDS = 1800;

// As the real tuners say.
const SERVER = 'HDHomeRun/1.0 UPnP/1.0';

const DEVICE_TYPE = 'urn:schemas-upnp-org:device:MediaServer:1';

/** A device that announces itself. */
export interface SsdpDevice {
  readonly uuid: string;
  /** URL of its description. */
  readonly location: string;
}

/** A search for devices. */
export interface SsdpSearch {
  /** What is looked for. */
  readonly target: string;
  /** The answer may take so long, so that not all devices answer at once. */
  readonly maxWaitSeconds: number;
}

/** Reads a datagram; null for everything that is no search. */
export function readSearch(datagram: Uint8Array): SsdpSearch | null {
  const [request, ...lines] = Buffer.from(datagram).toString('latin1').split('\r\n');
  if (request !== 'M-SEARCH * HTTP/1.1') return null;
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const target = headers.get('st');
  if (headers.get('man') !== '"ssdp:discover"' || target === undefined) return null;
  const [wait = '0'] = /^\d{1,3}$/.exec(headers.get('mx') ?? '') ?? [];
  return { target, maxWaitSeconds: Math.min(Number(wait), 5) };
}

/** What of a device a search finds: a root device, this very one, and its type. */
export function matches({ target }: SsdpSearch, { uuid }: Pick<SsdpDevice, 'uuid'>): string[] {
  return targetsOf(uuid).filter((own) => target === 'ssdp:all' || target === own);
}

/** The answer to a search. */
export function answer(target: string, { uuid, location }: SsdpDevice, now: Date): string {
  return datagram('HTTP/1.1 200 OK', {
    'CACHE-CONTROL': `max-age=${MAX_AGE_SECONDS}`,
    DATE: now.toUTCString(),
    EXT: '',
    LOCATION: location,
    SERVER,
    ST: target,
    USN: nameOf(target, uuid),
  });
}

/** What a device says when it comes, and from time to time. */
export function aliveNotices({ uuid, location }: SsdpDevice): string[] {
  return notices(uuid, 'ssdp:alive', {
    'CACHE-CONTROL': `max-age=${MAX_AGE_SECONDS}`,
    LOCATION: location,
    SERVER,
  });
}

/** What a device says when it leaves. */
export function leaveNotices({ uuid }: Pick<SsdpDevice, 'uuid'>): string[] {
  return notices(uuid, 'ssdp:byebye', {});
}

function notices(uuid: string, kind: string, more: Readonly<Record<string, string>>): string[] {
  return targetsOf(uuid).map((target) =>
    datagram('NOTIFY * HTTP/1.1', {
      HOST: `${SSDP_GROUP}:${SSDP_PORT}`,
      NT: target,
      NTS: kind,
      USN: nameOf(target, uuid),
      ...more,
    }),
  );
}

function targetsOf(uuid: string): string[] {
  return ['upnp:rootdevice', `uuid:${uuid}`, DEVICE_TYPE];
}

function nameOf(target: string, uuid: string): string {
  return target === `uuid:${uuid}` ? target : `uuid:${uuid}::${target}`;
}

function datagram(first: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `${[first, ...lines].join('\r\n')}\r\n\r\n`;
}
