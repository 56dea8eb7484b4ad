// What independent readers say about the bytes of one rendition: ffprobe's packets, ffmpeg's access units,
// mediabunny's tracks, and the decode times written in its movie fragments.
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input, type InputTrack } from 'mediabunny';
import { output, run, words } from './process.js';

/** One coded frame or access unit, times in ticks of the track's timescale. */
export interface Packet {
  readonly pts: number;
  readonly dts: number;
  readonly duration: number;
  readonly key: boolean;
}

/** One track of a rendition. */
export interface TrackFacts {
  readonly kind: 'video' | 'audio';
  readonly codec: string;
  readonly profile: string;
  readonly timescale: number;
  /** 0 for audio. */
  readonly width: number;
  readonly height: number;
  readonly sampleRate: number;
  readonly channels: number;
  /** In decode order. */
  readonly packets: readonly Packet[];
}

interface ProbeOutput {
  readonly packets?: readonly {
    readonly stream_index: number;
    readonly pts?: number;
    readonly dts?: number;
    readonly duration?: number;
    readonly flags: string;
  }[];
  readonly streams: readonly {
    readonly index: number;
    readonly codec_type: string;
    readonly codec_name: string;
    readonly profile?: string;
    readonly time_base: string;
    readonly width?: number;
    readonly height?: number;
    readonly sample_rate?: string;
    readonly channels?: number;
  }[];
}

/** ffprobe's view of init + segment(s). @throws when it is not exactly one track */
export async function probeTrack(data: Uint8Array): Promise<TrackFacts> {
  const { tracks } = await probeTracks(data);
  const [track, ...others] = tracks;
  if (track === undefined || others.length > 0)
    throw new Error(`a rendition with ${tracks.length} tracks`);
  return track;
}

/** Of ffprobe's log; it is only for debugging that it tells what it found by the counters of MPEG-TS. */
const COMPLAINT = /\[(warning|error|fatal|panic)\]|Continuity check failed/;

/** ffprobe's view of every track, and everything that it complained about. @throws when it cannot read */
export async function probeTracks(
  data: Uint8Array,
): Promise<{ readonly tracks: readonly TrackFacts[]; readonly complaints: string }> {
  const args = words('-v level+debug -show_packets -show_streams -of json pipe:0');
  const { code, stdout, stderr } = await run('ffprobe', args, { input: data });
  const complaints = stderr
    .split('\n')
    .filter((line) => COMPLAINT.test(line))
    .join('\n');
  if (code !== 0) throw new Error(`ffprobe ended with ${code}: ${complaints.slice(-2000)}`);
  const { streams, packets = [] } = JSON.parse(stdout.toString()) as ProbeOutput;
  const tracks = streams.map((stream): TrackFacts => {
    const own = packets.filter(({ stream_index }) => stream_index === stream.index);
    return {
      kind: stream.codec_type === 'video' ? 'video' : 'audio',
      codec: stream.codec_name,
      profile: stream.profile ?? '',
      timescale: Number(stream.time_base.split('/')[1]),
      width: stream.width ?? 0,
      height: stream.height ?? 0,
      sampleRate: Number(stream.sample_rate ?? 0),
      channels: stream.channels ?? 0,
      packets: own.map(({ pts = Number.NaN, dts = Number.NaN, duration, flags }, index) => ({
        pts,
        dts,
        // ffprobe 5.1 does not tell the duration of a file's very first access unit.
        duration: duration ?? (own[index + 1]?.dts ?? Number.NaN) - dts,
        key: flags.startsWith('K'),
      })),
    };
  });
  return { tracks, complaints };
}

/** For every picture of an H.264 segment in decode order, whether it is an IDR picture (NAL unit type 5). */
export async function idrPictures(data: Uint8Array): Promise<boolean[]> {
  const args = words('-v error -i pipe:0 -c copy -bsf:v h264_mp4toannexb -f h264 pipe:1');
  const stream = await output('ffmpeg', args, { input: data });
  const pictures: boolean[] = [];
  const next = (from: number) => stream.indexOf('000001', from, 'hex');
  for (let at = next(0); at >= 0; at = next(at + 3)) {
    const type = (stream[at + 3] ?? 0) & 0x1f;
    const firstSlice = ((stream[at + 4] ?? 0) & 0x80) !== 0; // first_mb_in_slice is 0
    if ((type === 1 || type === 5) && firstSlice) pictures.push(type === 5);
  }
  return pictures;
}

/** A box of an ISO base media file; offsets into the bytes it was found in. */
interface Box {
  readonly type: string;
  readonly from: number;
  readonly to: number;
}

/** One movie fragment. */
export interface Fragment {
  readonly sequenceNumber: number;
  /** tfdt: decode time of its first sample in ticks. */
  readonly decodeTime: number;
}

/** The movie fragments of a segment, in order. */
export function fragmentsOf(segment: Uint8Array): Fragment[] {
  const view = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength);
  return boxesIn(view, 0, view.length)
    .filter((box) => box.type === 'moof')
    .map((moof) => ({
      sequenceNumber: view.readUInt32BE(find(view, moof, 'mfhd').from + 4),
      decodeTime: decodeTime(view, find(view, find(view, moof, 'traf'), 'tfdt')),
    }));
}

/** Types of the top-level boxes of an init segment or a segment. */
export function topLevelBoxes(data: Uint8Array): string[] {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return boxesIn(view, 0, view.length).map((box) => box.type);
}

function decodeTime(view: Buffer, tfdt: Box): number {
  const wide = view.readUInt8(tfdt.from) === 1;
  return wide ? Number(view.readBigUInt64BE(tfdt.from + 4)) : view.readUInt32BE(tfdt.from + 4);
}

function find(view: Buffer, parent: Box, type: string): Box {
  const box = boxesIn(view, parent.from, parent.to).find((child) => child.type === type);
  if (box === undefined) throw new Error(`no ${type} in ${parent.type}`);
  return box;
}

function boxesIn(view: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  let at = from;
  while (at + 8 <= to) {
    const size = view.readUInt32BE(at);
    if (size < 8 || at + size > to) throw new Error(`a box of ${size} bytes at ${at}`);
    boxes.push({ type: view.toString('latin1', at + 4, at + 8), from: at + 8, to: at + size });
    at += size;
  }
  return boxes;
}

/** mediabunny's view of init + segments. */
export interface MediabunnyFacts {
  /** RFC 6381 codec string from the parameter sets. */
  readonly codecString: string | null;
  readonly width: number;
  readonly height: number;
  /** Seconds, in decode order. */
  readonly timestamps: readonly number[];
}

/** Reads a rendition with mediabunny. @throws when it cannot */
export async function readWithMediabunny(data: Uint8Array): Promise<MediabunnyFacts> {
  using input = new Input({ formats: ALL_FORMATS, source: new BufferSource(data) });
  const video = await input.getPrimaryVideoTrack();
  const track: InputTrack | null = video ?? (await input.getPrimaryAudioTrack());
  if (track === null) throw new Error('mediabunny finds no track');
  const timestamps: number[] = [];
  for await (const packet of new EncodedPacketSink(track).packets())
    timestamps.push(packet.timestamp);
  return {
    codecString: await track.getCodecParameterString(),
    width: (await video?.getDisplayWidth()) ?? 0,
    height: (await video?.getDisplayHeight()) ?? 0,
    timestamps,
  };
}
