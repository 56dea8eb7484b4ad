// A viewer who joins, watches at the wall clock, zaps, pauses, leaves, vanishes without a word and comes back, over
// HTTP, in CMAF or MPEG-TS, with or without a session. What it is given goes to the judge.
import { setTimeout as sleep } from 'node:timers/promises';
import { AHEAD, SEGMENT_MS } from './format.js';
import { type Judge, type Listed, type Place, parse } from './judge.js';
import type { Lives } from './life.js';

const POLL_MS = 700;

/** Where a viewer is. */
interface Watching {
  readonly channel: string;
  readonly sessionId: string | null;
  readonly since: number;
  readonly tracks: readonly Track[];
}

interface Track {
  readonly place: Place;
  readonly url: string;
  /** The segment it needs next; null before the first. */
  next: number | null;
  /** What was asked for since then does not count as late. */
  since: number;
}

/** How viewers differ. */
export interface Habits {
  readonly container: 'fmp4' | 'ts';
  /** Whether it takes the session that it is offered. */
  readonly named: boolean;
  readonly seed: number;
}

/** A session that the server must not forget. */
export interface Present {
  readonly channel: string;
  readonly sessionId: string;
}

/** What viewers did, all together. */
export interface Tally {
  joins: number;
  pauses: number;
  departures: number;
  disappearances: number;
  segments: number;
  /** Segments that had been on air while the server was down. */
  missed: number;
  /** The latest that a segment came after its air time, in milliseconds. */
  latestMs: number;
}

/** One viewer. */
export class Viewer {
  readonly #habits: Habits;
  readonly #channels: readonly string[];
  readonly #lives: Lives;
  readonly #judge: Judge;
  readonly #tally: Tally;
  readonly #inits = new Map<string, Uint8Array>();
  #random: number;
  #watching: Watching | null = null;
  #gotAt = 0;

  constructor(
    habits: Habits,
    world: {
      readonly channels: readonly string[];
      readonly lives: Lives;
      readonly judge: Judge;
      readonly tally: Tally;
    },
  ) {
    this.#habits = habits;
    this.#channels = world.channels;
    this.#lives = world.lives;
    this.#judge = world.judge;
    this.#tally = world.tally;
    this.#random = habits.seed;
  }

  /** The session that it is in for certain at an instant: it came a while ago, and has got something since. */
  presentAt(atMs: number): Present | null {
    const watching = this.#watching;
    if (!watching?.sessionId || watching.since > atMs - 2500) return null;
    if (this.#gotAt < Math.max(watching.since, atMs - 5000)) return null;
    return { channel: watching.channel, sessionId: watching.sessionId };
  }

  /** Watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await sleep(this.#between(0, 3000), undefined, { signal });
      for (;;) await this.#sit(signal);
    } catch (error) {
      if (!signal.aborted) this.#judge.problem(`a viewer gave up: ${String(error)}`);
    }
  }

  // From one switching on to the next.
  async #sit(signal: AbortSignal): Promise<void> {
    const watching = await this.#join(this.#pick(this.#channels), signal);
    this.#watching = watching;
    this.#tally.joins++;
    await this.#watch(watching, this.#between(3000, 12_000), signal);
    const end = this.#pick(['zap', 'zap', 'pause', 'leave', 'vanish']);
    if (end === 'pause') await this.#pause(watching, signal);
    if (end === 'leave') await this.#leave(watching, signal);
    if (end === 'vanish') await this.#vanish(watching, signal);
    this.#watching = null;
  }

  async #join(channel: string, signal: AbortSignal): Promise<Watching> {
    const { container, named } = this.#habits;
    const folder = `${this.#lives.url}/channels/${channel}`;
    const place = (rendition: string): Place => ({ channel, rendition, container });
    const track = (rendition: string, url: string): Track => ({
      ...{ place: place(rendition), url, next: null, since: Date.now() },
    });
    const renditionOf = (url: string) => new URL(url).pathname.split('/').at(-2) ?? '';
    if (!named) {
      const name = container === 'ts' ? 'ts.m3u8' : 'index.m3u8';
      const renditions = [this.#pick(['180p', '144p']), ...(container === 'ts' ? [] : ['audio'])];
      const tracks = renditions.map((id) => track(id, `${folder}/${id}/${name}`));
      return { channel, sessionId: null, since: Date.now(), tracks };
    }
    const url = `${folder}/index.m3u8?container=${container}`;
    const { text } = await this.#get(url, signal);
    const { playlists = [], mediaGroups } = parse(text());
    const variant = new URL(this.#pick(playlists).uri, url).href;
    const groups: { uri?: string }[] = Object.values(mediaGroups?.AUDIO ?? {}).flatMap((group) =>
      Object.values(group),
    );
    const sounds = groups.flatMap(({ uri }) => (uri === undefined ? [] : [new URL(uri, url).href]));
    const urls = [variant, ...new Set(container === 'ts' ? [] : sounds)];
    return {
      channel,
      sessionId: new URL(variant).searchParams.get('session'),
      since: Date.now(),
      tracks: urls.map((each) => track(renditionOf(each), each)),
    };
  }

  async #watch({ tracks }: Watching, forMs: number, signal: AbortSignal): Promise<void> {
    const end = Date.now() + forMs;
    while (Date.now() < end) {
      await Promise.all(tracks.map((track) => this.#poll(track, signal)));
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  async #poll(track: Track, signal: AbortSignal): Promise<void> {
    const asked = this.#judge.asks(track.place);
    const { text } = await this.#get(track.url, signal);
    const listed = this.#judge.takePlaylist(asked, text());
    const first = listed[0]?.sequence ?? 0;
    // A player begins three target durations before the end.
    track.next ??= (listed.at(-AHEAD) ?? listed[0])?.sequence ?? 0;
    if (track.next < first) this.#skip(track, first);
    for (const segment of listed) {
      if (segment.sequence === track.next) await this.#take(track, segment, signal);
    }
  }

  // What is not listed any more has been on air: a viewer at the wall clock has no use for it.
  #skip(track: Track, to: number): void {
    const { place, next } = track;
    if (to > this.#judge.onAir(Date.now()))
      this.#judge.problem(`${place.channel}/${place.rendition}: ${next} to ${to - 1} are missing`);
    this.#tally.missed += to - (next ?? to);
    track.next = to;
  }

  async #take(track: Track, listed: Listed, signal: AbortSignal): Promise<void> {
    const { place, url } = track;
    const init = await this.#init(listed.mapUri && new URL(listed.mapUri, url).href, signal);
    const { life, data, askedAt } = await this.#get(new URL(listed.uri, url).href, signal);
    this.#judge.takeSegment(place, listed, life, { init, data });
    track.next = listed.sequence + 1;
    this.#tally.segments++;
    if (place.rendition !== 'audio') this.#gotAt = askedAt;
    this.#checkInTime(track, listed.sequence);
  }

  // A segment is listed three target durations before its end. Who was there, as was the server, has it by its end.
  #checkInTime({ place, since }: Track, sequence: number): void {
    const { upSince } = this.#lives;
    const airsAt = this.#judge.airsAt(sequence);
    if (airsAt < Math.max(since, upSince) + AHEAD * SEGMENT_MS) return;
    const lateMs = Date.now() - airsAt;
    this.#tally.latestMs = Math.max(this.#tally.latestMs, lateMs);
    if (lateMs > SEGMENT_MS)
      this.#judge.problem(
        `${place.channel}/${place.rendition}: stalled at ${sequence}, ${lateMs} ms`,
      );
  }

  async #init(url: string | null, signal: AbortSignal): Promise<Uint8Array> {
    if (url === null) return new Uint8Array();
    const key = url.split('?')[0] ?? '';
    const known = this.#inits.get(key) ?? (await this.#get(url, signal)).data;
    this.#inits.set(key, known);
    return known;
  }

  async #pause(watching: Watching, signal: AbortSignal): Promise<void> {
    this.#tally.pauses++;
    await sleep(this.#between(2000, 9000), undefined, { signal });
    // It goes on with what is on air, in the same session.
    for (const track of watching.tracks) {
      track.next = null;
      track.since = Date.now();
    }
    await this.#watch(watching, this.#between(2000, 6000), signal);
  }

  async #leave({ channel, sessionId }: Watching, signal: AbortSignal): Promise<void> {
    this.#watching = null;
    this.#tally.departures++;
    if (!sessionId) return;
    const url = `${this.#lives.url}/channels/${channel}/sessions/${sessionId}`;
    await fetch(url, { method: 'DELETE', signal }).catch(() => signal.throwIfAborted());
    await sleep(this.#between(500, 3000), undefined, { signal });
  }

  // In the middle of an answer.
  async #vanish({ tracks }: Watching, signal: AbortSignal): Promise<void> {
    this.#watching = null;
    this.#tally.disappearances++;
    const gone = new AbortController();
    const asked = fetch(tracks[0]?.url ?? '', { signal: gone.signal }).then(
      (response) => response.body?.cancel(),
      () => {},
    );
    gone.abort();
    await asked;
    await sleep(this.#between(500, 4000), undefined, { signal });
  }

  // Asks again when the server was killed in the meantime; anything else than an answer is a problem.
  async #get(
    url: string,
    signal: AbortSignal,
  ): Promise<{ life: number; askedAt: number; data: Uint8Array; text: () => string }> {
    for (;;) {
      signal.throwIfAborted();
      await Promise.race([this.#lives.up(), aborted(signal)]);
      const life = this.#lives.number;
      const askedAt = Date.now();
      try {
        const response = await fetch(url, { signal });
        const data = new Uint8Array(await response.arrayBuffer());
        const text = () => Buffer.from(data).toString();
        if (response.status !== 200) throw new Refusal(`${response.status} for ${url}: ${text()}`);
        return { life, askedAt, data, text };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Refusal) throw error;
        const wasKilled = this.#lives.number !== life || this.#lives.upSince === Infinity;
        if (!wasKilled) throw new Error(`${url}: ${String(error)}`, { cause: error });
      }
    }
  }

  #between(least: number, most: number): number {
    // A linear congruential generator: the script is the same in every run.
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return least + (this.#random / 2 ** 32) * (most - least);
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#between(0, items.length))];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

class Refusal extends Error {}

async function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
