// Judges the media of a followed channel against DESIGN's grid and HLS's rules, with readers that are not ours.
// Exact where the medium is exact: ticks, frames and access units, never "about".
import type { FrameCode } from '../fixtures/barcode.js';
import { type DecodedSound, readFrames, readSound } from '../fixtures/read.js';
import { findMarks, type Mark } from '../fixtures/sound.js';
import {
  type FollowedRendition,
  type FollowedSegment,
  type FollowOptions,
  followChannel,
} from './hls-follow.js';
import {
  fragmentsOf,
  idrPictures,
  type Packet,
  probeTrack,
  readWithMediabunny,
  type TrackFacts,
  topLevelBoxes,
} from './media-facts.js';

const ACCESS_UNIT = 1024;
const SAMPLE_RATE = 48_000;

/** One judged segment. */
export interface SegmentReport {
  readonly sequence: number;
  readonly extinf: number;
  readonly programDateTime: number | null;
  /** First presentation time in ticks. */
  readonly start: number;
  /** Ticks of media. */
  readonly duration: number;
  /** First decode time (tfdt), and the time at which the next segment's decoding must begin. */
  readonly decodeStart: number;
  readonly decodeEnd: number;
  /** Frames or access units. */
  readonly count: number;
  /** Video: what each frame shows. */
  readonly codes: readonly (FrameCode | null)[];
  readonly bytes: number;
}

/** One judged rendition. */
export interface RenditionReport {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
  readonly codec: string;
  readonly targetDuration: number;
  readonly segments: readonly SegmentReport[];
  /** Frames shown, over all segments. */
  readonly codes: readonly (FrameCode | null)[];
  /** Audio: the sound of all segments decoded in one go, and its marks. */
  readonly sound: DecodedSound | null;
  readonly marks: readonly Mark[];
  /** Highest bit rate of one segment. */
  readonly peakBitrate: number;
}

/** A judged channel. A test asserts that `problems` is empty and looks at what was shown. */
export interface ChannelReport {
  readonly problems: readonly string[];
  readonly video: readonly RenditionReport[];
  readonly audio: readonly RenditionReport[];
}

/** Media of one rendition as the checker takes it, over HTTP or straight from an engine. */
export interface RenditionMedia {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  readonly init: Uint8Array;
  readonly segments: readonly Pick<FollowedSegment, 'sequence' | 'data'>[];
}

/** The channel's grid, needed to know where a segment must begin. */
export interface Grid {
  readonly frameRate: { readonly num: number; readonly den: number };
  readonly framesPerSegment: number;
}

export interface CheckOptions extends FollowOptions {
  /** Default: what FRAME-RATE and the first EXTINF say. */
  readonly grid?: Grid;
  /** Aspect ratios of programmes that do not fill the frame. */
  readonly aspects?: readonly number[];
}

/** What judging one rendition takes. */
export interface Judging {
  readonly grid: Grid;
  readonly aspects?: readonly number[];
}

/** Follows the channel at a multivariant playlist's URL and judges everything that was fetched. */
export async function checkChannel(url: string, options: CheckOptions): Promise<ChannelReport> {
  const followed = await followChannel(url, options);
  const judging = { ...options, grid: options.grid ?? gridOf(followed.renditions) };
  const problems = [...followed.problems];
  const reports: RenditionReport[] = [];
  for (const rendition of followed.renditions) {
    reports.push(await judgeFollowed(rendition, judging, problems));
  }
  const video = reports.filter((report) => report.kind === 'video');
  const audio = reports.filter((report) => report.kind === 'audio');
  checkSameClock(reports, judging.grid, problems);
  for (const rendition of followed.renditions) checkBandwidth(rendition, reports, problems);
  return { problems, video, audio };
}

/** The grid that the channel declares: frame rates are whole or whole / 1.001. */
function gridOf(renditions: readonly FollowedRendition[]): Grid {
  const video = renditions.find((rendition) => rendition.kind === 'video');
  const { frameRate: rate = 0 } = video?.attributes ?? {};
  const whole = Math.abs(rate - Math.round(rate)) < 0.001;
  const frameRate = whole
    ? { num: Math.round(rate), den: 1 }
    : { num: Math.round(rate * 1.001) * 1000, den: 1001 };
  const { extinf = 0 } = video?.segments[0] ?? {};
  return { frameRate, framesPerSegment: Math.round((extinf * frameRate.num) / frameRate.den) };
}

async function judgeFollowed(
  rendition: FollowedRendition,
  options: Judging,
  problems: string[],
): Promise<RenditionReport> {
  const [init, ...moreInits] = [...rendition.inits.values()];
  if (moreInits.length > 0)
    problems.push(`${rendition.name}: ${moreInits.length + 1} init segments`);
  const media = { name: rendition.name, kind: rendition.kind, segments: rendition.segments };
  const judged = await judgeRendition(
    { ...media, init: init ?? new Uint8Array() },
    options,
    problems,
  );
  const segments = judged.segments.map((segment, index) => {
    const { extinf = 0, programDateTime = null } = rendition.segments[index] ?? {};
    return { ...segment, extinf, programDateTime };
  });
  for (const segment of segments) {
    const real = segment.duration / judged.timescale;
    if (!(Math.abs(segment.extinf - real) < 0.001)) {
      problems.push(
        `${rendition.name} ${segment.sequence}: EXTINF ${segment.extinf}, decoded ${real}`,
      );
    }
  }
  await checkDeclared(rendition, init ?? new Uint8Array(), problems);
  return { ...judged, segments, targetDuration: rendition.targetDuration };
}

/** Judges the bytes of one rendition. */
export async function judgeRendition(
  media: RenditionMedia,
  options: Judging,
  problems: string[],
): Promise<RenditionReport> {
  const { grid } = options;
  const segments: SegmentReport[] = [];
  let facts: TrackFacts | null = null;
  for (const { sequence, data } of media.segments) {
    const complain = (message: string) => problems.push(`${media.name} ${sequence}: ${message}`);
    try {
      const whole = Buffer.concat([media.init, data]);
      facts = await probeTrack(whole);
      if (facts.kind !== media.kind) complain(`is ${facts.kind}`);
      checkTimes(facts, grid, sequence, complain);
      checkFragments(data, facts, complain);
      const codes =
        media.kind === 'video' ? await judgePictures(whole, facts, options.aspects, complain) : [];
      if (media.kind === 'audio') judgeSound(await readSound(whole), facts, complain);
      const rest = { extinf: 0, programDateTime: null, bytes: data.byteLength };
      segments.push({ sequence, ...spanOf(facts.packets), codes, ...rest });
    } catch (error) {
      complain(`unreadable: ${String(error)}`);
    }
  }
  const timescale = facts?.timescale ?? 1;
  checkJoins(media.name, segments, problems);
  const joined = Buffer.concat([media.init, ...media.segments.map((segment) => segment.data)]);
  await checkMediabunny(media, joined, segments, problems);
  const sound = media.kind === 'audio' && segments.length > 0 ? await readSound(joined) : null;
  if (sound !== null && sound.complaints !== '')
    problems.push(`${media.name}: joined: ${sound.complaints}`);
  return {
    name: media.name,
    kind: media.kind,
    timescale,
    codec: facts?.codec ?? '',
    targetDuration: 0,
    segments,
    codes: segments.flatMap((segment) => segment.codes),
    sound,
    marks: sound === null ? [] : findMarks(sound.samples, sound.sampleRate),
    peakBitrate: Math.max(
      0,
      ...segments.map((segment) => (segment.bytes * 8 * timescale) / segment.duration),
    ),
  };
}

/** From the first frame's showing to the last one's end, and the same for decoding. */
function spanOf(packets: readonly Packet[]) {
  const start = Math.min(...packets.map((packet) => packet.pts));
  const end = Math.max(...packets.map((packet) => packet.pts + packet.duration));
  const decodeStart = packets[0]?.dts ?? Number.NaN;
  const last = packets.at(-1);
  const decodeEnd = last === undefined ? Number.NaN : last.dts + last.duration;
  return { start, duration: end - start, decodeStart, decodeEnd, count: packets.length };
}

/** Every timestamp of segment n, from the grid alone. */
function checkTimes(
  facts: TrackFacts,
  grid: Grid,
  sequence: number,
  complain: (message: string) => void,
): void {
  const { frameRate, framesPerSegment } = grid;
  const { timescale, packets } = facts;
  const video = facts.kind === 'video';
  const step = video
    ? (timescale * frameRate.den) / frameRate.num
    : (timescale * ACCESS_UNIT) / SAMPLE_RATE;
  if (!Number.isInteger(step)) complain(`timescale ${timescale} cannot express the grid`);
  const first = video ? sequence * framesPerSegment : firstAccessUnit(grid, sequence);
  const count = video ? framesPerSegment : firstAccessUnit(grid, sequence + 1) - first;
  if (packets.length !== count) complain(`${packets.length} packets, the grid has ${count}`);
  const shown = packets.map((packet) => packet.pts).sort((a, b) => a - b);
  const wrong = shown.findIndex((pts, index) => pts !== (first + index) * step);
  if (wrong >= 0)
    complain(
      `packet ${wrong} is shown at tick ${shown[wrong]}, the grid says ${(first + wrong) * step}`,
    );
  // In segment 0 decoding cannot begin before the epoch, so pictures that are reordered are decoded closer.
  const odd = packets.find((packet) => packet.duration !== step && sequence > 0);
  if (odd !== undefined) complain(`a packet lasts ${odd.duration} ticks, not ${step}`);
}

/** The first access unit that starts in segment n: the least k with 1024 k >= n S / fps of samples. */
function firstAccessUnit({ frameRate, framesPerSegment }: Grid, sequence: number): number {
  const samples =
    BigInt(sequence) * BigInt(framesPerSegment) * BigInt(frameRate.den) * BigInt(SAMPLE_RATE);
  const unit = BigInt(ACCESS_UNIT) * BigInt(frameRate.num);
  return Number((samples + unit - 1n) / unit);
}

/** Fragments begin where samples do; decoding never comes after showing. */
function checkFragments(
  data: Uint8Array,
  facts: TrackFacts,
  complain: (message: string) => void,
): void {
  const times = new Set(facts.packets.map((packet) => packet.dts));
  const fragments = fragmentsOf(data);
  if (fragments[0]?.decodeTime !== facts.packets[0]?.dts) {
    complain(`tfdt ${fragments[0]?.decodeTime}, ffprobe's first dts ${facts.packets[0]?.dts}`);
  }
  if (fragments.some((fragment) => !times.has(fragment.decodeTime))) {
    complain('a fragment begins between samples');
  }
  if (facts.packets.some((packet) => packet.dts > packet.pts)) complain('shown before decoded');
}

async function judgePictures(
  whole: Uint8Array,
  facts: TrackFacts,
  aspects: readonly number[] | undefined,
  complain: (message: string) => void,
): Promise<readonly (FrameCode | null)[]> {
  const idr = await idrPictures(whole);
  if (idr[0] !== true) complain('does not start with an IDR picture');
  if (idr.length !== facts.packets.length)
    complain(`${idr.length} pictures in ${facts.packets.length} packets`);
  const flags = facts.packets.map((packet) => packet.key);
  if (flags.join() !== idr.join()) complain('sync samples are not the IDR pictures');
  for (const [at, { key, pts }] of facts.packets.entries()) {
    if (!key) continue;
    const open = facts.packets.some(
      (packet, index) => index > at !== packet.pts > pts && index !== at,
    );
    if (open) complain(`frames cross the key frame ${at}`);
  }
  const { codes, complaints } = await readFrames(whole, aspects);
  if (complaints !== '') complain(`ffmpeg: ${complaints}`);
  if (codes.length !== facts.packets.length)
    complain(`${codes.length} frames decoded of ${facts.packets.length}`);
  return codes;
}

function judgeSound(
  sound: DecodedSound,
  facts: TrackFacts,
  complain: (message: string) => void,
): void {
  if (sound.complaints !== '') complain(`ffmpeg: ${sound.complaints}`);
  if (facts.sampleRate !== SAMPLE_RATE || facts.channels !== 2)
    complain(`${facts.channels} channels at ${facts.sampleRate} Hz`);
  if (sound.samples.length !== facts.packets.length * ACCESS_UNIT) {
    complain(`${sound.samples.length} samples decoded of ${facts.packets.length * ACCESS_UNIT}`);
  }
}

function checkJoins(name: string, segments: readonly SegmentReport[], problems: string[]): void {
  for (const [index, segment] of segments.entries()) {
    const before = segments[index - 1];
    if (before === undefined) continue;
    const end = before.start + before.duration;
    const at = `${name} ${segment.sequence}`;
    if (end !== segment.start) {
      problems.push(`${at}: starts at ${segment.start}, the one before ends at ${end}`);
    }
    if (before.decodeEnd !== segment.decodeStart) {
      problems.push(`${at}: tfdt ${segment.decodeStart}, expected ${before.decodeEnd}`);
    }
  }
}

async function checkMediabunny(
  media: RenditionMedia,
  joined: Uint8Array,
  segments: readonly SegmentReport[],
  problems: string[],
): Promise<void> {
  try {
    const { timestamps } = await readWithMediabunny(joined);
    const packets = segments.reduce((sum, segment) => sum + segment.count, 0);
    if (timestamps.length !== packets)
      problems.push(`${media.name}: mediabunny reads ${timestamps.length} of ${packets} packets`);
  } catch (error) {
    problems.push(`${media.name}: mediabunny: ${String(error)}`);
  }
}

/** CODECS and RESOLUTION against the parameter sets; an init segment without edit list or media. */
async function checkDeclared(
  rendition: FollowedRendition,
  init: Uint8Array,
  problems: string[],
): Promise<void> {
  const { name, kind, attributes, segments } = rendition;
  const boxes = topLevelBoxes(init);
  if (boxes.join() !== 'ftyp,moov') problems.push(`${name}: init segment holds ${boxes.join()}`);
  if (Buffer.from(init).includes('elst')) problems.push(`${name}: an edit list`);
  const facts = await readWithMediabunny(
    Buffer.concat([init, segments[0]?.data ?? new Uint8Array()]),
  );
  if (!attributes.codecs.includes(facts.codecString ?? '')) {
    problems.push(`${name}: CODECS ${attributes.codecs.join()}, really ${facts.codecString}`);
  }
  const { width, height } = attributes;
  if (kind === 'video' && (facts.width !== width || facts.height !== height)) {
    problems.push(`${name}: RESOLUTION ${width}x${height}, really ${facts.width}x${facts.height}`);
  }
}

/** PROGRAM-DATE-TIME is arithmetic from one epoch, the same in every rendition. */
function checkSameClock(reports: readonly RenditionReport[], grid: Grid, problems: string[]): void {
  const seconds = (grid.framesPerSegment * grid.frameRate.den) / grid.frameRate.num;
  let epoch: number | null = null;
  for (const report of reports) {
    for (const segment of report.segments) {
      if (segment.programDateTime === null) {
        problems.push(`${report.name} ${segment.sequence}: no PROGRAM-DATE-TIME`);
        continue;
      }
      // A segment of audio may begin up to one access unit after the grid: either time is right.
      const onGrid = segment.programDateTime - segment.sequence * seconds * 1000;
      const real = segment.programDateTime - (segment.start / report.timescale) * 1000;
      epoch ??= onGrid;
      if (Math.abs(onGrid - epoch) > 1 && Math.abs(real - epoch) > 1) {
        problems.push(
          `${report.name} ${segment.sequence}: PROGRAM-DATE-TIME is off by ${onGrid - epoch} ms`,
        );
      }
    }
  }
}

/** No segment may exceed the declared peak, audio included, by more than a quarter. */
function checkBandwidth(
  rendition: FollowedRendition,
  reports: readonly RenditionReport[],
  problems: string[],
): void {
  if (rendition.kind !== 'video') return;
  const video = reports.find((report) => report.name === rendition.name)?.peakBitrate ?? 0;
  const audio = Math.max(
    0,
    ...reports.filter((report) => report.kind === 'audio').map((report) => report.peakBitrate),
  );
  const declared = rendition.attributes.bandwidth;
  if (video + audio > declared) {
    problems.push(
      `${rendition.name}: peak ${Math.round(video + audio)} bit/s, BANDWIDTH ${declared}`,
    );
  }
}
