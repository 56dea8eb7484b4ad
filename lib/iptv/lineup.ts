// The channel list as an extended M3U playlist, with the attributes that Kodi, Jellyfin, Plex proxies and IPTV
// apps agree on. Pure.

/** A channel as tuners and IPTV apps list it. */
export interface LineupChannel {
  /** By which apps find the channel in the guide. */
  readonly id: string;
  /** Name for viewers. */
  readonly name: string;
  /** The number on the remote control, such as `7` or `7.1`. */
  readonly number: string;
  /** Where to watch it. */
  readonly url: string;
  /** URL of a picture. */
  readonly logo?: string | undefined;
  /** Heading under which apps list it. */
  readonly group?: string | undefined;
  /** Whether its pictures are 720 lines high or more. Default: not told. */
  readonly isHd?: boolean | undefined;
}

/** What the channel list is written from. */
export interface Lineup {
  /** In the order in which apps list them. */
  readonly channels: readonly LineupChannel[];
  /** URL of the XMLTV guide. */
  readonly guideUrl: string;
}

/** The text of `lineup.m3u`. */
export function writeLineup({ channels, guideUrl }: Lineup): string {
  // Apps look for the guide under either name.
  const lines = [`#EXTM3U ${attributes({ 'url-tvg': guideUrl, 'x-tvg-url': guideUrl })}`];
  for (const { id, name, number, url, logo, group } of channels) {
    const listed = attributes({
      'tvg-id': id,
      'tvg-name': name,
      'tvg-chno': number,
      'tvg-logo': logo,
      'group-title': group,
    });
    // The name is what follows the first comma behind the attributes; -1 is an endless stream.
    lines.push(`#EXTINF:-1 ${listed},${oneLine(name)}`, oneLine(url));
  }
  return `${lines.join('\n')}\n`;
}

// The format has no way to write a quotation mark in a value.
function attributes(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value = '']) => `${name}="${oneLine(value).replaceAll('"', "'")}"`)
    .join(' ');
}

// A line is a record.
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}
