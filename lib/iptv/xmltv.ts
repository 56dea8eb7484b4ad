// The programme guide in XMLTV, the format that TV software reads (http://wiki.xmltv.org/, xmltv.dtd). Pure.

import type { GuideEntry } from '../timeline/guide.js';
import type { Episode } from '../timeline/programme.js';
import { writeElements, type XmlElement, xmlHead, xmlLine, xmlText } from './xml.js';

/** A channel and its guide. */
export interface XmltvChannel {
  /** By which software joins it to a channel list. */
  readonly id: string;
  /** Name for viewers. */
  readonly name: string;
  /** The number on the remote control: some software matches channels by it. */
  readonly number?: string;
  /** URL of a picture. */
  readonly logo?: string | undefined;
  /** BCP 47 tag of the language of the name and of all titles. Default: not told. */
  readonly language?: string | undefined;
  /** Of these the programmes are written; fillers and slate are not for viewers to plan with. */
  readonly entries: readonly GuideEntry[];
}

/** What a guide is written from. */
export interface Xmltv {
  /** In the order in which they are written. */
  readonly channels: readonly XmltvChannel[];
  /**
   * IANA time zone in which times are written, each with its offset from UTC: readers convert them, so the zone
   * changes nothing but what a person sees in the file. Default `UTC`.
   */
  readonly timeZone?: string;
}

/** Programmes that are written at a time, in about a millisecond. */
const PIECE = 100;

/**
 * The text of `guide.xml`.
 * @throws RangeError for an unknown time zone.
 */
export function writeXmltv(guide: Xmltv): string {
  return [...xmltvPieces(guide)].join('');
}

/**
 * The same in pieces, for guides that take too long to be written at once; the entries of a channel are read when its turn
 * comes.
 * @throws RangeError for an unknown time zone.
 */
export function* xmltvPieces({ channels, timeZone = 'UTC' }: Xmltv): Generator<string, void, void> {
  const time = xmltvTime(timeZone);
  yield `${xmlHead('<!DOCTYPE tv SYSTEM "xmltv.dtd">')}<tv generator-info-name="Headend">\n`;
  yield writeElements({ channel: channels.map(channelElement) });
  for (const channel of channels) {
    const listed = channel.entries.filter(isListed);
    for (let from = 0; from < listed.length; from += PIECE) {
      const entries = listed.slice(from, from + PIECE);
      yield writeElements({
        programme: entries.map((entry) => programmeElement(channel, entry, time)),
      });
    }
  }
  yield '</tv>\n';
}

/** Writes instants as XMLTV has them, `20250330030000 +0200`, in an IANA time zone. */
export function xmltvTime(timeZone: string): (instant: Date) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
    const digits = `${part('month')}${part('day')}${part('hour')}${part('minute')}${part('second')}`;
    // "GMT+02:00", or "GMT" for none.
    const offset = part('timeZoneName').slice(3).replace(':', '') || '+0000';
    return `${part('year').padStart(4, '0')}${digits} ${offset}`;
  };
}

// The format counts in seconds; what is shorter would start when it stops.
function isListed({ kind, startsAt, endsAt }: GuideEntry): boolean {
  return kind === 'programme' && seconds(startsAt) < seconds(endsAt);
}

function seconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}

// The order of the members is the DTD's.
function channelElement({ id, name, number, logo, language }: XmltvChannel): XmlElement {
  return {
    '@id': xmlLine(id),
    'display-name': [
      inLanguage(language, xmlLine(name)),
      ...(number === undefined ? [] : [xmlLine(number)]),
    ],
    icon: logo === undefined ? undefined : { '@src': xmlLine(logo) },
  };
}

// XMLTV knows languages as `en` or `en_GB`.
function inLanguage(language: string | undefined, text: string): XmlElement | string {
  if (language === undefined) return text;
  return { '@lang': language.replaceAll('-', '_'), '#text': text };
}

function programmeElement(
  { id, language }: XmltvChannel,
  { title, details, startsAt, endsAt }: GuideEntry,
  time: (instant: Date) => string,
): XmlElement {
  const { subtitle, description, categories = [], episode, icon, rating } = details;
  return {
    '@start': time(startsAt),
    '@stop': time(endsAt),
    '@channel': xmlLine(id),
    title: inLanguage(language, xmlLine(title) || 'Untitled'),
    'sub-title': subtitle && inLanguage(language, xmlLine(subtitle)),
    desc: description && inLanguage(language, xmlText(description).trim()),
    category: categories.map((category) => inLanguage(language, xmlLine(category))),
    icon: icon === undefined ? undefined : { '@src': xmlLine(icon) },
    'episode-num': episode && episodeElements(episode),
    rating: rating && {
      ...(rating.system === undefined ? {} : { '@system': xmlLine(rating.system) }),
      value: xmlLine(rating.value),
    },
  };
}

function episodeElements(episode: Episode): XmlElement[] {
  const { season, number, onScreen = onScreenNumber(episode) } = episode;
  const elements: XmlElement[] = [];
  if (onScreen) elements.push({ '@system': 'onscreen', '#text': xmlLine(onScreen) });
  if (season !== undefined || number !== undefined) {
    // Season, episode and part, counted from 0.
    const text = [season, number].map((count) => (count === undefined ? '' : count - 1)).join('.');
    elements.push({ '@system': 'xmltv_ns', '#text': `${text}.` });
  }
  return elements;
}

function onScreenNumber({ season, number }: Episode): string {
  const digits = (letter: string, count: number | undefined) =>
    count === undefined ? '' : `${letter}${String(count).padStart(2, '0')}`;
  return `${digits('S', season)}${digits('E', number)}`;
}
