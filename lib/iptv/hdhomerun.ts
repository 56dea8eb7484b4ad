// What an HDHomeRun network tuner says about itself over HTTP (https://info.hdhomerun.com/info/http_api), so
// that Plex, Jellyfin, Emby and Channels take Headend for one. Pure.

import { createHash } from 'node:crypto';
import type { Rung } from '../engine/engine.js';
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
  /** Name in the lists of those who look for tuners. */
  readonly FriendlyName: string;
  /** Always `Headend`. */
  readonly Manufacturer: string;
  /** The model for which it may be taken: one that gives H.264. */
  readonly ModelNumber: string;
  /** The firmware of that model. */
  readonly FirmwareName: string;
  /** A date, as `20200101`. */
  readonly FirmwareVersion: string;
  /** Eight hexadecimal digits, the last one a check digit. */
  readonly DeviceID: string;
  /** What clients hand on to the maker's guide service; means nothing here. */
  readonly DeviceAuth: string;
  /** How many channels can be watched at the same time. */
  readonly TunerCount: number;
  /** URL under which the tuner's documents lie. */
  readonly BaseURL: string;
  /** URL of `lineup.json`. */
  readonly LineupURL: string;
}

/** An item of the document `lineup.json`. */
export interface TunerChannel {
  /** The number on the remote control, such as `7` or `7.1`. */
  readonly GuideNumber: string;
  /** Name for viewers. */
  readonly GuideName: string;
  /** What the pictures are coded in. */
  readonly VideoCodec: 'H264';
  /** What the sound is coded in. */
  readonly AudioCodec: 'AAC';
  /** Missing for others. */
  readonly HD?: 1;
  /** An endless MPEG transport stream. */
  readonly URL: string;
}

/** The document `lineup_status.json`. */
export interface LineupStatus {
  /** 1 while the tuner looks for channels: never. */
  readonly ScanInProgress: 0 | 1;
  /** 1 when a search can be asked for. */
  readonly ScanPossible: 0 | 1;
  /** Where the channels come from, as clients know it. */
  readonly Source: string;
  /** The sources that could be chosen. */
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
  return channels.map(({ number, name, url, isHd }) => ({
    GuideNumber: number,
    GuideName: name,
    VideoCodec: 'H264',
    AudioCodec: 'AAC',
    ...(isHd && { HD: 1 }),
    URL: url,
  }));
}

// Lines of picture that the transcoding profiles of such tuners stand for.
const PROFILE_HEIGHTS = new Map([
  ['heavy', 1080],
  ['mobile', 720],
  ['internet720', 720],
  ['internet540', 540],
  ['internet480', 480],
  ['internet360', 360],
  ['internet240', 240],
]);

/**
 * The rung that a transcoding profile asks for (`?transcode=`): the largest one within its lines of picture, else the
 * smallest. Undefined for `none` and for profiles that are none.
 * @param rungs Largest first.
 */
export function rungOfProfile(
  profile: string,
  rungs: readonly Pick<Rung, 'id' | 'height'>[],
): string | undefined {
  const most = PROFILE_HEIGHTS.get(profile);
  if (most === undefined) return undefined;
  return (rungs.find(({ height }) => height <= most) ?? rungs.at(-1))?.id;
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
        UDN: `uuid:${tunerUuid(id)}`,
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

/** The UUID of a tuner in the network, always the same for a device id. */
export function tunerUuid(id: string): string {
  const hex = createHash('sha256').update(`headend tuner ${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
