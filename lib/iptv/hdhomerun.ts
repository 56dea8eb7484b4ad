// What an HDHomeRun network tuner says about itself over HTTP (https://info.hdhomerun.com/info/http_api), so
// that Plex, Jellyfin, Emby and Channels take Headend for one. Pure.

import { createHash } from 'node:crypto';
import type { LineupChannel } from './lineup.js';
import { writeXml, xmlLine } from './xml.js';

/** A tuner as it presents itself. */
export interface Tuner {
  /** Eight hexadecimal digits; see {@link tunerId}. */
  readonly id: string;
  /** Name in the lists of those who look for tuners. */
  readonly name: string;
  /** URL under which its documents lie, without a slash at its end. */
  readonly baseUrl: string;
  /** How many channels can be watched at the same time. */
  readonly tuners: number;
}

/** The document `discover.json`. */
export interface Discovery {
  readonly FriendlyName: string;
  readonly Manufacturer: string;
  readonly ModelNumber: string;
  readonly FirmwareName: string;
  readonly FirmwareVersion: string;
  readonly DeviceID: string;
  readonly DeviceAuth: string;
  readonly TunerCount: number;
  readonly BaseURL: string;
  readonly LineupURL: string;
}

/** An item of the document `lineup.json`. */
export interface TunerChannel {
  readonly GuideNumber: string;
  readonly GuideName: string;
  readonly VideoCodec: 'H264';
  readonly AudioCodec: 'AAC';
  /** An endless MPEG transport stream. */
  readonly URL: string;
}

/** The document `lineup_status.json`. */
export interface LineupStatus {
  readonly ScanInProgress: 0 | 1;
  readonly ScanPossible: 0 | 1;
  readonly Source: string;
  readonly SourceList: readonly string[];
}

// The tuner that transcodes: clients expect H.264 from it.
const MODEL = 'HDTC-2US';
const FIRMWARE = 'hdhomeruntc_atsc';
const MANUFACTURER = 'Headend';

/** The document `discover.json`. */
export function discovery({ id, name, baseUrl, tuners }: Tuner): Discovery {
  return {
    FriendlyName: name,
    Manufacturer: MANUFACTURER,
    ModelNumber: MODEL,
    FirmwareName: FIRMWARE,
    FirmwareVersion: '20200101',
    DeviceID: id,
    DeviceAuth: 'headend',
    TunerCount: tuners,
    BaseURL: baseUrl,
    LineupURL: `${baseUrl}/lineup.json`,
  };
}

/** The document `lineup.json`; the channels' URLs must lead to MPEG transport streams. */
export function tunerLineup(channels: readonly LineupChannel[]): TunerChannel[] {
  return channels.map(({ number, name, url }) => ({
    GuideNumber: number,
    GuideName: name,
    VideoCodec: 'H264',
    AudioCodec: 'AAC',
    URL: url,
  }));
}

/** The document `lineup_status.json`: the channels are what they are; a search finds the same at once. */
export function lineupStatus(): LineupStatus {
  return { ScanInProgress: 0, ScanPossible: 1, Source: 'Cable', SourceList: ['Cable'] };
}

/** The document `device.xml`, the UPnP description of the tuner. */
export function deviceDescription({ id, name, baseUrl }: Tuner): string {
  return writeXml({
    root: {
      '@xmlns': 'urn:schemas-upnp-org:device-1-0',
      specVersion: { major: '1', minor: '0' },
      URLBase: xmlLine(baseUrl),
      device: {
        deviceType: 'urn:schemas-upnp-org:device:MediaServer:1',
        friendlyName: xmlLine(name),
        manufacturer: MANUFACTURER,
        modelName: MODEL,
        modelNumber: MODEL,
        serialNumber: id,
        UDN: `uuid:${uuidOf(id)}`,
      },
    },
  });
}

/** The device id of a name: always the same, unlike others', and with the check digit that clients verify. */
export function tunerId(name: string): string {
  const [a = 0, b = 0, c = 0] = createHash('sha256').update(name).digest();
  const hex = Buffer.from([0x10, a, b, c]).toString('hex').slice(0, 7);
  // The last digit is the one that makes the sum come out at 0.
  return `${hex}${checksum(`${hex}0`).toString(16)}`.toUpperCase();
}

/** Whether a device id has eight hexadecimal digits and the right check digit. */
export function isTunerId(id: string): boolean {
  return /^[0-9A-Fa-f]{8}$/.test(id) && checksum(id) === 0;
}

// Every other digit goes through this substitution before all are added without carry.
const SUBSTITUTES = [10, 5, 15, 6, 7, 12, 1, 11, 9, 2, 8, 13, 4, 3, 14, 0];

function checksum(id: string): number {
  let sum = 0;
  for (const [place, character] of [...id].entries()) {
    const digit = Number.parseInt(character, 16);
    sum ^= place % 2 === 0 ? (SUBSTITUTES[digit] ?? 0) : digit;
  }
  return sum;
}

function uuidOf(id: string): string {
  const hex = createHash('sha256').update(`headend tuner ${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
