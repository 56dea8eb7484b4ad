// The segments of all channels, in memory and bounded in bytes, with those in progress and the init segments beside
// them. One object per segment of a rendition: of two productions behind the same init segment the first
// stays, so that a URL never means two different things.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { AbandonedSegment, Fragment, InitSegment, Segment } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { SegmentRange } from '../timeline/window.js';
import { SegmentInProgress } from './segment-in-progress.js';
import { WaitList } from './wait-list.js';

/** Default of the store's byte budget: 512 MiB. */
export const DEFAULT_STORE_BYTES = 512 * 1024 * 1024;

/** Names one segment. */
export interface SegmentKey {
  readonly channelId: string;
  readonly rendition: string;
  readonly sequence: number;
}

/** A segment as it is kept and served. */
export interface StoredSegment {
  readonly rendition: string;
  readonly sequence: number;
  /** Hash of the init segment that it is played behind. */
  readonly init: string;
  readonly data: Uint8Array;
  /** Strong HTTP entity tag, with its quotes. */
  readonly etag: string;
}

/** An init segment as it is kept and served. */
export interface StoredInit {
  readonly rendition: string;
  /** RFC 6381 codecs string. */
  readonly codecs: string;
  readonly data: Uint8Array;
  /** First 16 hexadecimal digits of the SHA-256 of `data`; part of its URL. */
  readonly hash: string;
}

/** Where the encoding of a channel's pictures changed. */
export interface EncodingChanges {
  /** How many changes there were before those of `at`. */
  readonly past: number;
  /** The segments that begin with another encoding than the one before them, in order. */
  readonly at: readonly number[];
}

/** Which segments of a channel still matter. */
export interface Retention {
  /** Segments before this one are dropped at once. */
  readonly keepFrom: number;
  /** Segments from this one on are listed in a playlist and evicted only when there is nothing else to evict. */
  readonly listedFrom: number;
}

// Each change of parameter sets brings a new init segment; older ones go once this many are kept.
const INITS_PER_RENDITION = 4;

interface Growing {
  readonly segment: SegmentInProgress;
  /** The production that the fragments are from. */
  readonly maker: object | undefined;
}
const NO_CHANGES: EncodingChanges = { past: 0, at: [] };

interface ChannelShelf {
  readonly segments: Map<string, { readonly key: SegmentKey; readonly segment: StoredSegment }>;
  // Segments of which the first fragments are out: one per rendition and producer at most.
  readonly growing: Map<string, Growing>;
  readonly waiting: WaitList<StoredSegment>;
  readonly waitingForStart: WaitList<StoredSegment | SegmentInProgress>;
  readonly inits: Map<string, StoredInit[]>;
  readonly waitingForInit: WaitList<StoredInit>;
  changes: EncodingChanges;
  retention: Retention;
}

/** How long, and for whom, {@link SegmentStore.waitFor} waits. */
export interface StoreWait {
  readonly signal?: AbortSignal | undefined;
  readonly deadlineMs: number;
}

/** In-memory segments of every channel of one Headend instance. */
export class SegmentStore {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #channels = new Map<string, ChannelShelf>();
  // All segments in the order they came, whatever their channel: the oldest go first.
  readonly #byAge = new Set<SegmentKey>();
  // Entity tags must not repeat for other bytes, not even after a restart.
  readonly #tag = randomBytes(6).toString('base64url');
  #bytes = 0;
  #puts = 0;

  constructor(options: { readonly clock: Clock; readonly maxBytes: number }) {
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes;
  }

  /** Bytes of all segments held. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a segment and wakes those who wait for it. A second production of the same segment is dropped, also
   * while the first is only in progress: somebody may have read the beginning of that. One behind another init
   * segment takes the place of one that is finished.
   * @param maker What the fragments of the segment came with, if there were any.
   */
  put(channelId: string, { rendition, sequence, init, data }: Segment, maker?: object): void {
    const shelf = this.#shelf(channelId);
    const name = nameOf(rendition, sequence);
    const held = shelf.segments.get(name);
    if (sequence < shelf.retention.keepFrom || held?.segment.init === init) return;
    const growing = shelf.growing.get(name);
    if (growing && growing.maker !== maker) return;
    if (held) this.#drop(held.key);
    const isGrown = growing?.segment.init === init && growing.segment.bytes === data.byteLength;
    const etag = growing && isGrown ? growing.segment.etag : this.#newTag();
    const segment: StoredSegment = { rendition, sequence, init, data, etag };
    const key: SegmentKey = { channelId, rendition, sequence };
    shelf.segments.set(name, { key, segment });
    this.#byAge.add(key);
    this.#bytes += data.byteLength;
    this.#evict(key);
    shelf.growing.delete(name);
    growing?.segment.end(isGrown ? 'finished' : 'abandoned');
    shelf.waiting.wake(name, segment);
    shelf.waitingForStart.wake(name, segment);
  }

  /**
   * Keeps a piece of a segment in progress, until {@link put} brings the whole.
   * @param maker Stands for the production: of two that make the same segment the first to begin counts.
   */
  putFragment(channelId: string, fragment: Fragment, maker: object): void {
    const { rendition, sequence, index, init, data } = fragment;
    const shelf = this.#shelf(channelId);
    const name = nameOf(rendition, sequence);
    const held = shelf.segments.get(name);
    if (sequence < shelf.retention.keepFrom || held?.segment.init === init) return;
    // A production that begins a segment anew (with another encoder) has nothing to do with what it gave before.
    if (index === 0) this.abandon(channelId, fragment, maker);
    let growing = shelf.growing.get(name);
    if (!growing) {
      if (index > 0) return;
      const etag = this.#newTag();
      const key: SegmentKey = { channelId, rendition, sequence };
      const segment = new SegmentInProgress(this.#clock, { ...key, init, etag });
      growing = { segment, maker };
      shelf.growing.set(name, growing);
      if (held) this.#drop(held.key);
    }
    if (growing.maker !== maker || growing.segment.length !== index) return;
    growing.segment.add(data);
    shelf.waitingForStart.wake(name, growing.segment);
  }

  /** Drops a segment that its production has begun and will not finish; whoever reads it learns that. */
  abandon(channelId: string, { rendition, sequence }: AbandonedSegment, maker: object): void {
    const shelf = this.#channels.get(channelId);
    const name = nameOf(rendition, sequence);
    const growing = shelf?.growing.get(name);
    if (growing?.maker !== maker) return;
    shelf?.growing.delete(name);
    growing.segment.end('abandoned');
  }

  /** The segment, when it is held. */
  get(key: SegmentKey): StoredSegment | undefined {
    const shelf = this.#channels.get(key.channelId);
    return shelf?.segments.get(nameOf(key.rendition, key.sequence))?.segment;
  }

  /**
   * The segment, as soon as it is held.
   * @throws HeadendError `SEGMENT_TIMEOUT` at the deadline, `CLOSED` when the channel goes; the signal's reason.
   */
  async waitFor(key: SegmentKey, { signal, deadlineMs }: StoreWait): Promise<StoredSegment> {
    const held = this.get(key);
    if (held) return held;
    const { channelId, rendition, sequence } = key;
    return this.#shelf(channelId).waiting.wait(nameOf(rendition, sequence), {
      signal,
      deadlineMs,
      onDeadline: () => timeout(channelId, `segment ${sequence} of ${rendition}`, deadlineMs),
    });
  }

  /**
   * The segment, as soon as it is held or its first fragment is out.
   * @throws as {@link waitFor}
   */
  async waitForStart(
    key: SegmentKey,
    { signal, deadlineMs }: StoreWait,
  ): Promise<StoredSegment | SegmentInProgress> {
    const { channelId, rendition, sequence } = key;
    const shelf = this.#shelf(channelId);
    const name = nameOf(rendition, sequence);
    const started = this.get(key) ?? shelf.growing.get(name)?.segment;
    if (started) return started;
    return shelf.waitingForStart.wait(name, {
      signal,
      deadlineMs,
      onDeadline: () => timeout(channelId, `segment ${sequence} of ${rendition}`, deadlineMs),
    });
  }

  /** The finished segments of a rendition that are held, as ranges in order. */
  ranges(channelId: string, rendition: string): SegmentRange[] {
    const held: number[] = [];
    for (const { key } of this.#channels.get(channelId)?.segments.values() ?? []) {
      if (key.rendition === rendition) held.push(key.sequence);
    }
    const ranges: { from: number; to: number }[] = [];
    for (const sequence of held.sort((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last?.to === sequence - 1) last.to = sequence;
      else ranges.push({ from: sequence, to: sequence });
    }
    return ranges;
  }

  /** Whether somebody waits for the segment. */
  isAwaited({ channelId, rendition, sequence }: SegmentKey): boolean {
    const shelf = this.#channels.get(channelId);
    const name = nameOf(rendition, sequence);
    return (shelf?.waiting.has(name) || shelf?.waitingForStart.has(name)) ?? false;
  }

  /** Says which segments of a channel matter now, and drops those that no longer do. */
  retain(channelId: string, retention: Retention): void {
    const shelf = this.#shelf(channelId);
    shelf.retention = retention;
    const { past, at } = shelf.changes;
    const kept = at.filter((sequence) => sequence >= retention.keepFrom);
    shelf.changes = { past: past + at.length - kept.length, at: kept };
    for (const { key } of shelf.segments.values()) {
      if (key.sequence < retention.keepFrom) this.#drop(key);
    }
    for (const [name, { segment }] of shelf.growing) {
      if (segment.sequence >= retention.keepFrom) continue;
      shelf.growing.delete(name);
      segment.end('abandoned');
    }
  }

  /** Drops the segments of a channel; its init segments stay. Whoever waits for something fails with `error`. */
  dropSegments(channelId: string, error: HeadendError): void {
    const shelf = this.#channels.get(channelId);
    for (const { key } of shelf?.segments.values() ?? []) this.#drop(key);
    for (const { segment } of shelf?.growing.values() ?? []) segment.end('abandoned');
    shelf?.growing.clear();
    shelf?.waiting.failAll(error);
    shelf?.waitingForStart.failAll(error);
    shelf?.waitingForInit.failAll(error);
  }

  /** Forgets a channel; whoever waits for something of it fails with `error`. */
  removeChannel(channelId: string, error: HeadendError): void {
    this.dropSegments(channelId, error);
    this.#channels.delete(channelId);
  }

  /**
   * Keeps an init segment; equal bytes are kept once.
   * @param leads Whether segments that are still to be made will belong to it: then it is the latest, and when
   * it differs from the one before, the channel's encoding changes where it begins.
   */
  putInit(
    channelId: string,
    { rendition, codecs, data, hash, from }: InitSegment,
    leads = true,
  ): void {
    const shelf = this.#shelf(channelId);
    const init: StoredInit = { rendition, codecs, data, hash };
    const known = shelf.inits.get(rendition) ?? [];
    const latest = known.at(-1);
    const others = known.filter((other) => other.hash !== hash).slice(1 - INITS_PER_RENDITION);
    if (latest === undefined || leads) {
      shelf.inits.set(rendition, [...others, init]);
      shelf.waitingForInit.wake(rendition, init);
      if (latest !== undefined && latest.hash !== hash) noteChange(shelf, from);
    } else if (latest.hash !== hash) {
      shelf.inits.set(rendition, [...others.slice(0, -1), init, latest]);
    }
  }

  /** Where the encoding of a channel's pictures changed; the same for all of its renditions. */
  encodingChanges(channelId: string): EncodingChanges {
    return this.#channels.get(channelId)?.changes ?? NO_CHANGES;
  }

  /**
   * The init segment that a segment is played behind: its own, or the latest for one that is still to be made.
   * Undefined when none is known.
   */
  initOf(key: SegmentKey): StoredInit | undefined {
    const { channelId, rendition, sequence } = key;
    const growing = this.#channels.get(channelId)?.growing.get(nameOf(rendition, sequence));
    const made = this.get(key) ?? growing?.segment;
    const own = made && this.getInit(channelId, rendition, made.init);
    return own ?? this.inits(channelId, rendition).at(-1);
  }

  /** The init segments of a rendition that are held, the latest last. */
  inits(channelId: string, rendition: string): readonly StoredInit[] {
    return this.#channels.get(channelId)?.inits.get(rendition) ?? [];
  }

  /** The init segment of a rendition with that hash, when it is held. */
  getInit(channelId: string, rendition: string, hash: string): StoredInit | undefined {
    const inits = this.#channels.get(channelId)?.inits.get(rendition);
    return inits?.find((init) => init.hash === hash);
  }

  /**
   * The latest init segment of a rendition, as soon as there is one.
   * @throws as {@link waitFor}
   */
  async waitForInit(
    channelId: string,
    rendition: string,
    { signal, deadlineMs }: StoreWait,
  ): Promise<StoredInit> {
    const shelf = this.#shelf(channelId);
    const held = shelf.inits.get(rendition)?.at(-1);
    if (held) return held;
    return shelf.waitingForInit.wait(rendition, {
      signal,
      deadlineMs,
      onDeadline: () => timeout(channelId, `the init segment of ${rendition}`, deadlineMs),
    });
  }

  #shelf(channelId: string): ChannelShelf {
    const known = this.#channels.get(channelId);
    if (known) return known;
    const shelf: ChannelShelf = {
      segments: new Map(),
      growing: new Map(),
      waiting: new WaitList(this.#clock),
      waitingForStart: new WaitList(this.#clock),
      inits: new Map(),
      waitingForInit: new WaitList(this.#clock),
      changes: NO_CHANGES,
      retention: { keepFrom: 0, listedFrom: 0 },
    };
    this.#channels.set(channelId, shelf);
    return shelf;
  }

  #newTag(): string {
    return `"${this.#tag}-${(this.#puts++).toString(36)}"`;
  }

  // The oldest that no playlist lists go first, of whatever channel; then the oldest of the listed ones;
  // never the one that has just come.
  #evict(newest: SegmentKey): void {
    for (const mayEvictListed of [false, true]) {
      for (const key of this.#byAge) {
        if (this.#bytes <= this.#maxBytes) return;
        if (key !== newest && (mayEvictListed || !this.#isListed(key))) this.#drop(key);
      }
    }
  }

  #isListed({ channelId, sequence }: SegmentKey): boolean {
    return sequence >= this.#shelf(channelId).retention.listedFrom;
  }

  #drop(key: SegmentKey): void {
    const segments = this.#shelf(key.channelId).segments;
    const name = nameOf(key.rendition, key.sequence);
    this.#bytes -= segments.get(name)?.segment.data.byteLength ?? 0;
    segments.delete(name);
    this.#byAge.delete(key);
  }
}

// Every rung tells of the same change; a channel's segments are made in order.
function noteChange(shelf: ChannelShelf, sequence: number): void {
  const { past, at } = shelf.changes;
  if (sequence > (at.at(-1) ?? -1)) shelf.changes = { past, at: [...at, sequence] };
}

function nameOf(rendition: string, sequence: number): string {
  return `${rendition}/${sequence}`;
}

function timeout(channelId: string, what: string, deadlineMs: number): HeadendError {
  return new HeadendError(
    'SEGMENT_TIMEOUT',
    'store',
    `${what} was not ready within ${Math.round(deadlineMs)} ms`,
    { channelId, retryable: true },
  );
}
