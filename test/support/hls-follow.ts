// Follows a live HLS channel as a careful player would: multivariant playlist, every rendition's media
// playlist again and again, each segment once. Notes everything that a playlist says and then unsays.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Segment as ListedSegment,
  type Manifest,
  Parser,
  type PlaylistItem,
} from 'm3u8-parser';

/** A downloaded media segment and what the playlist said about it. */
export interface FollowedSegment {
  readonly sequence: number;
  readonly uri: string;
  /** EXTINF in seconds. */
  readonly extinf: number;
  /** Milliseconds since 1970; null without the tag anywhere before it. */
  readonly programDateTime: number | null;
  readonly discontinuity: boolean;
  readonly initUri: string;
  readonly data: Uint8Array;
}

export interface FollowedRendition {
  /** `video 1280x720` or `audio`, for messages. */
  readonly name: string;
  readonly kind: 'video' | 'audio';
  readonly uri: string;
  /** Attributes of EXT-X-STREAM-INF; those of the first variant that uses it for audio. */
  readonly attributes: VariantAttributes;
  readonly targetDuration: number;
  readonly version: number;
  /** By their URI, all that were referred to. */
  readonly inits: ReadonlyMap<string, Uint8Array>;
  /** In order, without holes. */
  readonly segments: readonly FollowedSegment[];
  /** Most segments that one playlist held. */
  readonly longest: number;
}

export interface VariantAttributes {
  readonly codecs: readonly string[];
  readonly bandwidth: number;
  readonly averageBandwidth: number | null;
  readonly frameRate: number;
  readonly width: number;
  readonly height: number;
}

export interface FollowedChannel {
  readonly renditions: readonly FollowedRendition[];
  /** What was wrong, in words; empty for a channel that follows the rules. */
  readonly problems: readonly string[];
}

export interface FollowOptions {
  /** How many segments of each rendition to fetch, from the first that is listed. */
  readonly segments: number;
  /** Which variants: every one, or only the one with the least bandwidth. Default all. */
  readonly variants?: 'all' | 'least';
  /** Default 100 s. */
  readonly timeoutMs?: number;
}

const POLL_MS = 500;
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/** Follows the channel at a multivariant playlist's URL. */
export async function followChannel(url: string, options: FollowOptions): Promise<FollowedChannel> {
  const problems: string[] = [];
  const signal = AbortSignal.timeout(options.timeoutMs ?? 100_000);
  const { manifest } = await fetchPlaylist(url, signal, problems);
  const places = renditionsOf(manifest, url, problems, options.variants ?? 'all');
  const renditions = await Promise.all(
    places.map((place) => new RenditionFollower(place, problems, signal).follow(options.segments)),
  );
  const targets = new Set(renditions.map((rendition) => rendition.targetDuration));
  const changes = new Set(
    renditions.map(({ segments }) =>
      segments.flatMap(({ sequence, discontinuity }) => (discontinuity ? [sequence] : [])).join(),
    ),
  );
  if (changes.size > 1)
    problems.push(`discontinuities differ between renditions: ${[...changes].join(' | ')}`);
  if (targets.size > 1)
    problems.push(`target durations differ between renditions: ${[...targets].join(', ')}`);
  return { renditions, problems };
}

type Place = Pick<FollowedRendition, 'name' | 'kind' | 'uri' | 'attributes'>;

/** The renditions of a multivariant playlist, every media playlist once. */
function renditionsOf(
  manifest: Manifest,
  base: string,
  problems: string[],
  which: 'all' | 'least',
): Place[] {
  const places: Place[] = [];
  const bandwidth = (variant: PlaylistItem) => attributesOf(variant.attributes).bandwidth;
  const listed = manifest.playlists ?? [];
  const least = listed.toSorted((a, b) => bandwidth(a) - bandwidth(b)).slice(0, 1);
  const variants = which === 'all' ? listed : least;
  if (variants.length === 0) problems.push('the multivariant playlist has no variant');
  for (const variant of variants) {
    const attributes = attributesOf(variant.attributes);
    const name = `video ${attributes.width}x${attributes.height}`;
    places.push({ name, kind: 'video', uri: new URL(variant.uri, base).href, attributes });
    const group = variant.attributes.AUDIO;
    const audio = Object.values(manifest.mediaGroups?.AUDIO?.[String(group)] ?? {}) as {
      uri?: string;
    }[];
    if (audio.length === 0) problems.push(`${name} names no audio group that exists`);
    for (const { uri } of audio) {
      if (uri === undefined) continue;
      const place: Place = {
        name: 'audio',
        kind: 'audio',
        uri: new URL(uri, base).href,
        attributes,
      };
      if (!places.some((known) => known.uri === place.uri)) places.push(place);
    }
  }
  return places;
}

function attributesOf(raw: Record<string, unknown>): VariantAttributes {
  const size = raw.RESOLUTION as { width: number; height: number } | undefined;
  return {
    codecs: String(raw.CODECS ?? '').split(','),
    bandwidth: Number(raw.BANDWIDTH ?? 0),
    averageBandwidth:
      raw['AVERAGE-BANDWIDTH'] === undefined ? null : Number(raw['AVERAGE-BANDWIDTH']),
    frameRate: Number(raw['FRAME-RATE'] ?? 0),
    width: size?.width ?? 0,
    height: size?.height ?? 0,
  };
}

class RenditionFollower {
  readonly #segments: FollowedSegment[] = [];
  readonly #inits = new Map<string, Uint8Array>();
  #listed = new Map<number, string>();
  #targetDuration = 0;
  #version = 0;
  #longest = 0;
  /** Discontinuities before and at each segment since the channel began, by sequence number. */
  readonly #timelines = new Map<number, number>();

  constructor(
    readonly place: Place,
    readonly problems: string[],
    readonly signal: AbortSignal,
  ) {}

  async follow(count: number): Promise<FollowedRendition> {
    try {
      while (this.#segments.length < count) {
        await this.#poll(count);
        if (this.#segments.length < count) await sleep(POLL_MS, undefined, { signal: this.signal });
      }
    } catch (error) {
      this.#problem(
        `stopped after ${this.#segments.length} of ${count} segments: ${String(error)}`,
      );
    }
    return {
      ...this.place,
      targetDuration: this.#targetDuration,
      version: this.#version,
      inits: this.#inits,
      segments: this.#segments,
      longest: this.#longest,
    };
  }

  async #poll(count: number): Promise<void> {
    const { manifest } = await fetchPlaylist(this.place.uri, this.signal, this.problems);
    this.#checkHeader(manifest);
    this.#checkHistory(manifest);
    this.#checkDiscontinuities(manifest);
    for (const [index, listed] of manifest.segments.entries()) {
      if (this.#segments.length === count) return;
      const sequence = (manifest.mediaSequence ?? 0) + index;
      const next = this.#segments.at(-1);
      if (next !== undefined && sequence <= next.sequence) continue;
      if (next !== undefined && sequence !== next.sequence + 1)
        this.#problem(`segment ${next.sequence + 1} was never listed`);
      this.#segments.push(await this.#fetchSegment(sequence, listed));
    }
  }

  /** DISCONTINUITY-SEQUENCE plus the tags up to a segment is that segment's for ever (RFC 8216 6.2.2). */
  #checkDiscontinuities(manifest: Manifest): void {
    let timeline = manifest.discontinuitySequence ?? 0;
    for (const [index, { discontinuity }] of manifest.segments.entries()) {
      const sequence = (manifest.mediaSequence ?? 0) + index;
      if (discontinuity === true) timeline++;
      const before = this.#timelines.get(sequence) ?? timeline;
      if (before !== timeline)
        this.#problem(`segment ${sequence} was in discontinuity ${before} and is in ${timeline}`);
      this.#timelines.set(sequence, timeline);
    }
  }

  #checkHeader(manifest: Manifest): void {
    const target = manifest.targetDuration ?? 0;
    if (this.#targetDuration !== 0 && target !== this.#targetDuration) {
      this.#problem(`TARGETDURATION changed from ${this.#targetDuration} to ${target}`);
    }
    this.#targetDuration = target;
    this.#version = manifest.version ?? 1;
    this.#longest = Math.max(this.#longest, manifest.segments.length);
    const total = manifest.segments.reduce((sum, segment) => sum + segment.duration, 0);
    if (manifest.endList === true) this.#problem('a live channel has ENDLIST');
    if (manifest.segments.some((segment) => Math.round(segment.duration) > target)) {
      this.#problem(`a segment is longer than the target duration of ${target} s`);
    }
    if (this.#listed.size > 0 && total < 3 * target - 0.1) {
      this.#problem(`the playlist holds ${total} s, less than three target durations`);
    }
  }

  /** A sequence number must mean the same for ever, and leave the list only at its front. */
  #checkHistory(manifest: Manifest): void {
    const listed = new Map<number, string>();
    for (const [index, segment] of manifest.segments.entries()) {
      const meaning = [
        segment.uri,
        segment.duration,
        segment.programDateTime,
        segment.discontinuity,
        segment.map?.uri,
      ];
      listed.set((manifest.mediaSequence ?? 0) + index, JSON.stringify(meaning));
    }
    const first = manifest.mediaSequence ?? 0;
    for (const [sequence, meaning] of this.#listed) {
      const now = listed.get(sequence);
      if (now !== undefined && now !== meaning)
        this.#problem(`segment ${sequence} changed from ${meaning} to ${now}`);
      if (now === undefined && sequence >= first)
        this.#problem(`segment ${sequence} vanished from the list's end`);
    }
    const before = [...this.#listed.keys()][0];
    if (before !== undefined && first < before)
      this.#problem(`media sequence went back from ${before} to ${first}`);
    this.#listed = listed;
  }

  async #fetchSegment(sequence: number, listed: ListedSegment): Promise<FollowedSegment> {
    const mediaType = `${this.place.kind}/mp4`;
    if (listed.map === undefined) throw new Error('no EXT-X-MAP');
    const initUri = new URL(listed.map.uri, this.place.uri).href;
    if (!this.#inits.has(initUri)) {
      this.#inits.set(initUri, await fetchBytes(initUri, mediaType, this.signal, this.problems));
    }
    const uri = new URL(listed.uri, this.place.uri).href;
    return {
      sequence,
      uri,
      extinf: listed.duration,
      programDateTime: listed.programDateTime ?? null,
      discontinuity: listed.discontinuity === true,
      initUri,
      data: await fetchBytes(uri, mediaType, this.signal, this.problems),
    };
  }

  #problem(message: string): void {
    this.problems.push(`${this.place.name}: ${message}`);
  }
}

async function fetchPlaylist(
  url: string,
  signal: AbortSignal,
  problems: string[],
): Promise<{ manifest: Manifest }> {
  const parser = new Parser();
  parser.push(new TextDecoder().decode(await fetchBytes(url, PLAYLIST_TYPE, signal, problems)));
  parser.end();
  return { manifest: parser.manifest };
}

async function fetchBytes(
  url: string,
  type: string,
  signal: AbortSignal,
  problems: string[],
): Promise<Uint8Array> {
  const response = await fetch(url, {
    signal,
    redirect: 'error',
    headers: { origin: 'http://example.test' },
  });
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.status !== 200)
    throw new Error(
      `${response.status} for ${url}: ${new TextDecoder().decode(body).slice(0, 300)}`,
    );
  const sent = response.headers.get('content-type') ?? '';
  if (sent.split(';')[0]?.trim().toLowerCase() !== type)
    problems.push(`${url} is served as '${sent}', not ${type}`);
  if (response.headers.get('access-control-allow-origin') === null)
    problems.push(`${url} is served without CORS`);
  return body;
}
