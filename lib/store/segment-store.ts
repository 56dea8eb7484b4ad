// The segments of all channels, in memory and bounded in bytes, with those in progress and the init segments beside
// them. One object per segment of a rendition: the first production of a segment stays, so that a URL
// never means two different things.

import { createHash, randomBytes } from 'node:crypto';
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

interface ChannelShelf {
  readonly segments: Map<string, { readonly key: SegmentKey; readonly segment: StoredSegment }>;
  // Segments of which the first fragments are out: one per rendition and producer at most.
  readonly growing: Map<string, Growing>;
  readonly waiting: WaitList<StoredSegment>;
  readonly waitingForStart: WaitList<StoredSegment | SegmentInProgress>;
  readonly inits: Map<string, StoredInit[]>;
  readonly waitingForInit: WaitList<StoredInit>;
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
   * while the first is only in progress: somebody may have read the beginning of that.
   * @param maker What the fragments of the segment came with, if there were any.
   */
  put(channelId: string, { rendition, sequence, data }: Segment, maker?: object): void {
    const shelf = this.#shelf(channelId);
    const name = nameOf(rendition, sequence);
    if (sequence < shelf.retention.keepFrom || shelf.segments.has(name)) return;
    const growing = shelf.growing.get(name);
    if (growing && growing.maker !== maker) return;
    const isGrown = growing?.segment.bytes === data.byteLength;
    const etag = growing && isGrown ? growing.segment.etag : this.#newTag();
    const segment: StoredSegment = { rendition, sequence, data, etag };
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
    const { rendition, sequence, index, data } = fragment;
    const shelf = this.#shelf(channelId);
    const name = nameOf(rendition, sequence);
    if (sequence < shelf.retention.keepFrom || shelf.segments.has(name)) return;
    // A production that begins a segment anew (with another encoder) has nothing to do with what it gave before.
    if (index === 0) this.abandon(channelId, fragment, maker);
    let growing = shelf.growing.get(name);
    if (!growing) {
      if (index > 0) return;
      const etag = this.#newTag();
      const segment = new SegmentInProgress(this.#clock, { channelId, rendition, sequence, etag });
      growing = { segment, maker };
      shelf.growing.set(name, growing);
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

  /** Keeps an init segment; equal bytes are kept once. */
  putInit(channelId: string, { rendition, codecs, data }: InitSegment): void {
    const shelf = this.#shelf(channelId);
    const hash = createHash('sha256').update(data).digest('hex').slice(0, 16);
    const others = (shelf.inits.get(rendition) ?? []).filter((init) => init.hash !== hash);
    const init: StoredInit = { rendition, codecs, data, hash };
    shelf.inits.set(rendition, [...others.slice(1 - INITS_PER_RENDITION), init]);
    shelf.waitingForInit.wake(rendition, init);
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
