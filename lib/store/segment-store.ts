// The segments of all channels, in memory and bounded in bytes, with those in progress and the init segments beside
// them; what memory has no room for goes to files where there is a disk tier. One object per segment of a rendition: of
// two productions behind the same init segment the first stays, so that a URL never means two different things.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { AbandonedSegment, Fragment, InitSegment, Segment } from '../engine/engine.js';
import { HeadendError } from '../errors.js';
import type { SegmentRange } from '../timeline/window.js';
import type { DiskStatus, SegmentFiles } from './segment-files.js';
import { SegmentInProgress } from './segment-in-progress.js';
import { WaitList, type WaitOptions } from './wait-list.js';

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
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** The media sequence number. */
  readonly sequence: number;
  /** Hash of the init segment that it is played behind. */
  readonly init: string;
  /** The whole CMAF segment. */
  readonly data: Uint8Array;
  /** Strong HTTP entity tag, with its quotes. */
  readonly etag: string;
}

/** An init segment as it is kept and served. */
export interface StoredInit {
  /** Id of a rung, or `audio`. */
  readonly rendition: string;
  /** RFC 6381 codecs string. */
  readonly codecs: string;
  /** The whole init segment. */
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

/** A finished segment, in memory, in a file or both. */
interface Held {
  readonly key: SegmentKey;
  readonly about: Omit<StoredSegment, 'data'>;
  readonly bytes: number;
  /** Null while only the file has it. */
  segment: StoredSegment | null;
  file: string | null;
  /** False when the file had it no more. */
  loading: Promise<boolean> | null;
}

interface ChannelShelf {
  readonly segments: Map<string, Held>;
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
  /** The segment was in a file that is gone or damaged: it is waited for, and must be made again. */
  readonly onLost?: () => void;
}

// The part of the memory beyond which the oldest segments are copied to files, so that they can go at once when there is
// need for room.
const COPY_BEYOND = 0.75;

/** Finished segments of every channel of one Headend instance. */
export class SegmentStore {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #channels = new Map<string, ChannelShelf>();
  readonly #files: SegmentFiles | null;
  // The segments in memory in the order they came, whatever their channel: the oldest go first.
  readonly #byAge = new Set<Held>();
  // Entity tags must not repeat for other bytes, not even after a restart.
  readonly #tag = randomBytes(6).toString('base64url');
  #bytes = 0;
  // Of them, those that a file has as well.
  #copiedBytes = 0;
  // The one that is being written to a file; it stays in memory for so long.
  #copying: Held | null = null;
  #puts = 0;

  /** @param options.files The disk tier, if there is one. */
  constructor(options: {
    readonly clock: Clock;
    readonly maxBytes: number;
    readonly files?: SegmentFiles | null;
  }) {
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes;
    this.#files = options.files ?? null;
  }

  /** Bytes of all segments in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How the disk tier is doing; null without one. */
  get disk(): DiskStatus | null {
    return this.#files?.status ?? null;
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
    if (sequence < shelf.retention.keepFrom || held?.about.init === init) return;
    const growing = shelf.growing.get(name);
    if (growing && growing.maker !== maker) return;
    if (held) this.#drop(held);
    const isGrown = growing?.segment.init === init && growing.segment.bytes === data.byteLength;
    const etag = growing && isGrown ? growing.segment.etag : this.#newTag();
    const about = { rendition, sequence, init, etag };
    const segment: StoredSegment = { ...about, data };
    const key: SegmentKey = { channelId, rendition, sequence };
    const bytes = data.byteLength;
    const come: Held = { key, about, bytes, segment: null, file: null, loading: null };
    shelf.segments.set(name, come);
    this.#load(come, segment);
    void this.#copy();
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
    if (sequence < shelf.retention.keepFrom || held?.about.init === init) return;
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
      if (held) this.#drop(held);
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

  /** The segment, when it is in memory. */
  get(key: SegmentKey): StoredSegment | undefined {
    return this.#held(key)?.segment ?? undefined;
  }

  /** Whether the finished segment is held, in memory or in a file. */
  has(key: SegmentKey): boolean {
    return this.#held(key) !== undefined;
  }

  /**
   * The segment, as soon as it is held.
   * @throws HeadendError `SEGMENT_TIMEOUT` at the deadline, `CLOSED` when the channel goes; the signal's reason.
   */
  async waitFor(key: SegmentKey, wait: StoreWait): Promise<StoredSegment> {
    const held = this.#held(key);
    if (held?.segment) return held.segment;
    const waiting = this.#shelf(key.channelId).waiting.wait(...waitOf(key, wait));
    if (held) this.#read(held, wait);
    return waiting;
  }

  /**
   * The segment, as soon as it is held or its first fragment is out.
   * @throws as {@link waitFor}
   */
  async waitForStart(key: SegmentKey, wait: StoreWait): Promise<StoredSegment | SegmentInProgress> {
    const shelf = this.#shelf(key.channelId);
    const held = this.#held(key);
    const growing = shelf.growing.get(nameOf(key.rendition, key.sequence));
    const started = held?.segment ?? growing?.segment;
    if (started) return started;
    const waiting = shelf.waitingForStart.wait(...waitOf(key, wait));
    if (held) this.#read(held, wait);
    return waiting;
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
    for (const held of shelf.segments.values()) {
      // One that is being read from its file goes the next time.
      if (held.key.sequence < retention.keepFrom && !held.loading) this.#drop(held);
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
    for (const held of shelf?.segments.values() ?? []) this.#drop(held);
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
    const made = this.#held(key)?.about ?? growing?.segment;
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

  #held({ channelId, rendition, sequence }: SegmentKey): Held | undefined {
    return this.#channels.get(channelId)?.segments.get(nameOf(rendition, sequence));
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

  // What a file has as well goes first. Then the oldest that no playlist lists, of whatever channel; then the oldest of
  // the listed ones; never the one that has just come, nor the one that is being copied.
  #makeRoom(newest: Held): void {
    for (const held of this.#byAge) {
      if (this.#bytes <= this.#maxBytes) return;
      if (held.file !== null) this.#unload(held);
    }
    for (const held of this.#oldestFirst()) {
      if (this.#bytes <= this.#maxBytes) return;
      if (held !== newest && held !== this.#copying) this.#drop(held);
    }
  }

  *#oldestFirst(): Generator<Held> {
    for (const isListed of [false, true]) {
      for (const held of this.#byAge) if (this.#isListed(held.key) === isListed) yield held;
    }
  }

  // One at a time, while more than a part of the memory is of segments that no file has. What cannot be written is
  // tried again with the next segment that comes.
  async #copy(): Promise<void> {
    if (!this.#files || this.#copying) return;
    for (let held = this.#nextToCopy(); held?.segment; held = this.#nextToCopy()) {
      this.#copying = held;
      const file = await this.#files.write(held.key, held.segment.data);
      this.#copying = null;
      if (file === null) return;
      if (this.#held(held.key) !== held) this.#files.remove(file);
      else {
        held.file = file;
        this.#copiedBytes += held.bytes;
        this.#makeRoom(held);
      }
    }
  }

  #nextToCopy(): Held | undefined {
    if (this.#bytes - this.#copiedBytes <= this.#maxBytes * COPY_BEYOND) return undefined;
    for (const held of this.#oldestFirst()) if (held.file === null) return held;
    return undefined;
  }

  // Wakes those who wait for a segment that only a file has.
  #read(held: Held, { onLost }: StoreWait): void {
    held.loading ??= this.#readFile(held);
    void held.loading.then((isThere) => isThere || onLost?.());
  }

  async #readFile(held: Held): Promise<boolean> {
    const { key, about, file } = held;
    const shelf = this.#shelf(key.channelId);
    // What is wrong with a file it has told of itself.
    const data = await this.#files?.read(file ?? '').catch(() => null);
    held.loading = null;
    if (this.#held(key) !== held) return true;
    if (!data) {
      this.#drop(held);
      return false;
    }
    const segment: StoredSegment = { ...about, data };
    this.#load(held, segment);
    const name = nameOf(key.rendition, key.sequence);
    shelf.waiting.wake(name, segment);
    shelf.waitingForStart.wake(name, segment);
    return true;
  }

  #isListed({ channelId, sequence }: SegmentKey): boolean {
    return sequence >= this.#shelf(channelId).retention.listedFrom;
  }

  #load(held: Held, segment: StoredSegment): void {
    held.segment = segment;
    this.#byAge.add(held);
    this.#bytes += held.bytes;
    if (held.file !== null) this.#copiedBytes += held.bytes;
    this.#makeRoom(held);
  }

  #unload(held: Held): void {
    if (!this.#byAge.delete(held)) return;
    held.segment = null;
    this.#bytes -= held.bytes;
    if (held.file !== null) this.#copiedBytes -= held.bytes;
  }

  #drop(held: Held): void {
    this.#unload(held);
    if (held.file !== null) this.#files?.remove(held.file);
    const { channelId, rendition, sequence } = held.key;
    this.#channels.get(channelId)?.segments.delete(nameOf(rendition, sequence));
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

function waitOf(
  { channelId, rendition, sequence }: SegmentKey,
  { signal, deadlineMs }: StoreWait,
): [string, WaitOptions] {
  const onDeadline = () => timeout(channelId, `segment ${sequence} of ${rendition}`, deadlineMs);
  return [nameOf(rendition, sequence), { signal, deadlineMs, onDeadline }];
}

function timeout(channelId: string, what: string, deadlineMs: number): HeadendError {
  return new HeadendError(
    'SEGMENT_TIMEOUT',
    'store',
    `${what} was not ready within ${Math.round(deadlineMs)} ms`,
    { channelId, retryable: true },
  );
}
