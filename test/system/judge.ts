// Watches everything that viewers are given: what a playlist says and then unsays, over the lives of the server, and
// bytes that change. In the end every segment is decoded by ffmpeg and compared with the schedule.
import { createHash } from 'node:crypto';
import { type Manifest, Parser } from 'm3u8-parser';
import { describeCodes } from '../fixtures/barcode.js';
import { readFrames, readSound } from '../fixtures/read.js';
import { probeTrack } from '../support/media-facts.js';
import { codesOnAir, type Programme } from '../support/programmes.js';
import { AHEAD, FRAME_RATE, FRAMES_PER_SEGMENT, SEGMENT_MS } from './format.js';

/** One media playlist of a channel. */
export interface Place {
  readonly channel: string;
  readonly rendition: string;
  readonly container: 'fmp4' | 'ts';
}

/** A segment as a playlist names it. */
export interface Listed {
  readonly sequence: number;
  readonly uri: string;
  readonly mapUri: string | null;
}

/** A playlist that was asked for: what must be true of the answer follows from what was said before the question. */
export interface Asked {
  readonly place: Place;
  readonly atMs: number;
  readonly leastSequence: number;
}

interface Stretch {
  readonly place: Place;
  readonly init: Uint8Array;
  readonly segments: { readonly sequence: number; readonly data: Uint8Array }[];
}

interface Fetched {
  readonly place: Place;
  readonly sequence: number;
  readonly life: number;
  readonly hash: string;
  readonly init: Uint8Array;
  readonly data: Uint8Array;
}

/** What a viewer may not be given. */
export class Judge {
  readonly problems: string[] = [];
  readonly #epochMs: number;
  // By playlist: the highest media sequence number it began with, and what each number meant, in all lives.
  readonly #began = new Map<string, number>();
  readonly #meanings = new Map<string, string>();
  // By name and life of the server.
  readonly #fetched = new Map<string, Fetched>();

  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  /** Different segments that were fetched. */
  get segments(): number {
    return this.#fetched.size;
  }

  problem(message: string): void {
    this.problems.push(message);
  }

  airsAt(sequence: number): number {
    return this.#epochMs + sequence * SEGMENT_MS;
  }

  onAir(atMs: number): number {
    return Math.floor((atMs - this.#epochMs) / SEGMENT_MS);
  }

  /** Before a playlist is asked for. */
  asks(place: Place): Asked {
    return { place, atMs: Date.now(), leastSequence: this.#began.get(nameOf(place)) ?? 0 };
  }

  /** Judges a playlist. */
  takePlaylist({ place, atMs, leastSequence }: Asked, text: string): Listed[] {
    const manifest = parse(text);
    const from = manifest.mediaSequence ?? 0;
    const to = from + manifest.segments.length - 1;
    const complain = (message: string) => this.problem(`${nameOf(place)}: ${message}`);
    if (from < leastSequence) complain(`media sequence went back from ${leastSequence} to ${from}`);
    this.#began.set(nameOf(place), Math.max(from, this.#began.get(nameOf(place)) ?? 0));
    const [before, after] = [this.onAir(atMs), this.onAir(Date.now())];
    if (from > after) complain(`begins with ${from} while ${after} is on air`);
    if (to < before + AHEAD - 1 || to > after + AHEAD - 1)
      complain(`ends with ${to} while ${before} to ${after} is on air`);
    if (manifest.targetDuration !== SEGMENT_MS / 1000)
      complain(`target duration ${manifest.targetDuration}`);
    if (manifest.endList === true) complain('has ENDLIST');
    return manifest.segments.map(
      ({ uri, duration, programDateTime, map, discontinuity }, index) => {
        const sequence = from + index;
        if (programDateTime !== this.airsAt(sequence))
          complain(`${sequence} is dated ${programDateTime}, not ${this.airsAt(sequence)}`);
        const [name, mapUri] = [withoutQuery(uri), map ? withoutQuery(map.uri) : null];
        const meaning = JSON.stringify([name, duration, mapUri, discontinuity === true]);
        const key = `${nameOf(place)} ${sequence}`;
        const known = this.#meanings.get(key) ?? meaning;
        if (known !== meaning) complain(`${sequence} changed from ${known} to ${meaning}`);
        this.#meanings.set(key, meaning);
        return { sequence, uri, mapUri: map?.uri ?? null };
      },
    );
  }

  /** Judges a segment's bytes, fetched in a life of the server. */
  takeSegment(
    place: Place,
    { sequence, uri }: Listed,
    life: number,
    media: { readonly init: Uint8Array; readonly data: Uint8Array },
  ): void {
    const hash = createHash('sha256').update(media.data).digest('hex');
    const key = `${nameOf(place)}/${withoutQuery(uri)} in life ${life}`;
    const known = this.#fetched.get(key);
    if (known && known.hash !== hash) this.problem(`${key} changed its bytes`);
    this.#fetched.set(key, known ?? { place, sequence, life, hash, ...media });
  }

  /** Decodes everything that was fetched; how many stretches of consecutive segments that was. */
  async watchEverything(schedules: ReadonlyMap<string, readonly Programme[]>): Promise<number> {
    const stretches = this.#stretches();
    const left = [...stretches];
    const work = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        const programmes = schedules.get(next.place.channel) ?? [];
        await this.#watch(next, programmes);
      }
    };
    await Promise.all([work(), work()]);
    return stretches.length;
  }

  #stretches(): Stretch[] {
    const all = [...this.#fetched.values()].sort(
      (a, b) =>
        nameOf(a.place).localeCompare(nameOf(b.place)) ||
        a.life - b.life ||
        a.sequence - b.sequence,
    );
    const stretches: Stretch[] = [];
    let before: Fetched | undefined;
    for (const fetched of all) {
      const { place, sequence, life, init, data } = fetched;
      const follows =
        before && nameOf(before.place) === nameOf(place) && before.sequence + 1 === sequence;
      const last = stretches.at(-1);
      if (last && follows && before?.life === life) last.segments.push({ sequence, data });
      else stretches.push({ place, init, segments: [{ sequence, data }] });
      before = fetched;
    }
    return stretches;
  }

  async #watch(stretch: Stretch, programmes: readonly Programme[]): Promise<void> {
    const { place, init, segments } = stretch;
    const first = segments[0]?.sequence ?? 0;
    const complain = (message: string) =>
      this.problem(`${nameOf(place)} ${first} to ${first + segments.length - 1}: ${message}`);
    const whole = Buffer.concat([init, ...segments.map(({ data }) => data)]);
    try {
      if (place.container === 'fmp4') await checkTimes(whole, first, segments.length, complain);
      if (place.rendition === 'audio') {
        const { complaints } = await readSound(whole);
        if (complaints !== '') complain(complaints);
        return;
      }
      const from = first * FRAMES_PER_SEGMENT;
      const due = codesOnAir(
        programmes,
        from,
        from + segments.length * FRAMES_PER_SEGMENT,
        FRAME_RATE,
      );
      const { codes, complaints } = await readFrames(whole);
      if (complaints !== '') complain(complaints);
      const [shown, wanted] = [describeCodes(codes), describeCodes(due)];
      if (shown !== wanted) complain(`shows ${shown}, not ${wanted}`);
    } catch (error) {
      complain(`cannot be read: ${String(error)}`);
    }
  }
}

async function checkTimes(
  whole: Uint8Array,
  first: number,
  count: number,
  complain: (message: string) => void,
): Promise<void> {
  const { kind, timescale, packets } = await probeTrack(whole);
  const unitAt = (sequence: number) => Math.ceil((sequence * SEGMENT_MS * 48) / 1024);
  const frames = kind === 'video';
  const from = frames ? first * FRAMES_PER_SEGMENT : unitAt(first);
  const until = frames ? (first + count) * FRAMES_PER_SEGMENT : unitAt(first + count);
  const step = frames ? (timescale * FRAME_RATE.den) / FRAME_RATE.num : 1024;
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b);
  if (shown.length !== until - from) complain(`${shown.length} packets, not ${until - from}`);
  const wrong = shown.findIndex((pts, index) => pts !== (from + index) * step);
  if (wrong >= 0)
    complain(`packet ${wrong} is shown at ${shown[wrong]}, not ${(from + wrong) * step}`);
}

/** What m3u8-parser reads. */
export function parse(text: string): Manifest {
  const parser = new Parser();
  parser.push(text);
  parser.end();
  return parser.manifest;
}

function nameOf({ channel, rendition, container }: Place): string {
  return `${channel}/${rendition}/${container}`;
}

function withoutQuery(uri: string): string {
  return uri.split('?')[0] ?? '';
}
