// Damage on purpose: other timestamps in a transport stream or scrambled packets, another box in an MP4 file, packets
// that are none.
import { readFile } from 'node:fs/promises';
import { output } from './process.js';

const PACKET = 188;
/** What a PES packet's stream id begins with. */
const STREAM_IDS = { video: 0xe0, audio: 0xc0 } as const;

/**
 * A copy of a transport stream in which PES packet number `nth` of its video or audio carries timestamps that are
 * `seconds` later; of `count` from there on. `only: 'pts'`: of those with two timestamps, and the PTS alone.
 */
export function movedTimestamps(
  stream: Uint8Array,
  kind: keyof typeof STREAM_IDS,
  nth: number,
  seconds: number,
  { count = 1, only }: { count?: number; only?: 'pts' } = {},
): Buffer {
  const moved = Buffer.from(stream);
  let seen = 0;
  for (let at = 0; at + PACKET <= moved.length; at += PACKET) {
    const pes = pesIn(moved, at);
    if (pes < 0 || ((moved[pes + 3] ?? 0) & 0xe0) !== STREAM_IDS[kind]) continue;
    const both = (moved[pes + 7] ?? 0) >> 6 === 3;
    if (only && !both) continue;
    if (seen >= nth && seen < nth + count) {
      moveStamp(moved, pes + 9, seconds);
      if (both && !only) moveStamp(moved, pes + 14, seconds);
    }
    seen += 1;
  }
  if (seen <= nth) throw new Error(`${seen} PES packets of ${kind} only`);
  return moved;
}

/** Where the PES packet that begins in this transport packet lies, -1 if none does. */
function pesIn(stream: Buffer, at: number): number {
  const starts = ((stream[at + 1] ?? 0) & 0x40) !== 0;
  const adaptation = ((stream[at + 3] ?? 0) & 0x20) !== 0 ? 1 + (stream[at + 4] ?? 0) : 0;
  const pes = at + 4 + adaptation;
  const found = starts && pes + 19 <= at + PACKET && stream.readUIntBE(pes, 3) === 1;
  return found ? pes : -1;
}

// 33 bits in five bytes, with marker bits between them (ISO/IEC 13818-1, 2.4.3.6).
function moveStamp(stream: Buffer, at: number, seconds: number): void {
  const byte = (index: number) => stream[at + index] ?? 0;
  const high = (byte(0) >> 1) & 7;
  const middle = (byte(1) << 7) | (byte(2) >> 1);
  const low = (byte(3) << 7) | (byte(4) >> 1);
  const before = high * 2 ** 30 + middle * 2 ** 15 + low;
  const stamp = (before + seconds * 90_000 + 2 ** 33) % 2 ** 33;
  stream[at] = (byte(0) & 0xf1) | ((Math.floor(stamp / 2 ** 30) & 7) << 1);
  stream.writeUInt16BE((((Math.floor(stamp / 2 ** 15) & 0x7fff) << 1) | 1) & 0xffff, at + 1);
  stream.writeUInt16BE((((stamp & 0x7fff) << 1) | 1) & 0xffff, at + 3);
}

/** A copy of an MP4 file with B-frames in which the pictures of entry `nth` of its first `ctts` are shown that much later. */
export function movedComposition(file: Uint8Array, nth: number, ticks: number): Buffer {
  const moved = Buffer.from(file);
  const box = moved.indexOf('ctts');
  if (box < 0 || nth >= moved.readUInt32BE(box + 8)) throw new Error('no such entry of a ctts');
  // Version, flags and the number of entries; in each how many samples, and their offset (ISO/IEC 14496-12, 8.6.1.3).
  const at = box + 12 + nth * 8 + 4;
  moved.writeInt32BE(moved.readInt32BE(at) + ticks, at);
  return moved;
}

const BOX_HEADER = 8;
/** What stands before the boxes in those that hold boxes (ISO/IEC 14496-12). */
const CONTAINERS: Readonly<Record<string, number>> = {
  ...{ moov: 0, trak: 0, mdia: 0, minf: 0, stbl: 0, stsd: 8, hvc1: 78, hev1: 78 },
};

/** A copy of an MP4 file whose `moov` is behind its media, with a box behind the first one of the type `after`. */
export function withBox(file: Buffer, after: string, box: Buffer): Buffer {
  const sizes: number[] = [];
  let end = -1;
  const find = (from: number, to: number): boolean => {
    for (let at = from; at + BOX_HEADER <= to; at += file.readUInt32BE(at)) {
      const type = file.toString('latin1', at + 4, at + BOX_HEADER);
      const boxEnd = at + file.readUInt32BE(at);
      if (type === after) end = boxEnd;
      const before = CONTAINERS[type];
      if (end < 0 && before !== undefined && find(at + BOX_HEADER + before, boxEnd)) sizes.push(at);
      if (end >= 0) return true;
    }
    return false;
  };
  if (!find(0, file.length)) throw new Error(`no ${after}`);
  const changed = Buffer.from(file);
  for (const at of sizes) changed.writeUInt32BE(file.readUInt32BE(at) + box.length, at);
  return Buffer.concat([changed.subarray(0, end), box, changed.subarray(end)]);
}

/** A copy of a file in which the packets of its video or audio that begin in `[from, to)` seconds are filled with ones. */
export async function deadPackets(
  path: string,
  kind: keyof typeof STREAM_IDS,
  ...spans: readonly (readonly [from: number, to: number])[]
): Promise<Buffer> {
  const copy = await readFile(path);
  const show = ['-show_entries', 'packet=pts_time,pos,size', '-of', 'json'];
  const select = ['-v', 'error', '-select_streams', kind === 'video' ? 'v' : 'a'];
  const { packets } = JSON.parse((await output('ffprobe', [...select, ...show, path])).toString());
  for (const packet of packets as { pts_time: string; pos: string; size: string }[]) {
    const time = Number(packet.pts_time);
    const position = Number(packet.pos);
    if (spans.some(([from, to]) => time >= from && time < to))
      copy.fill(0xff, position, position + Number(packet.size));
  }
  return copy;
}

/** A copy of a transport stream whose packets of media in `[from, to)` parts of it are scrambled; PES headers stay, if so. */
export function scrambled(
  stream: Uint8Array,
  { from = 0, to = 1, clearHeaders = false } = {},
): Buffer {
  const copy = Buffer.from(stream);
  const start = Math.floor((from * copy.length) / PACKET) * PACKET;
  let noise = 1;
  for (let at = start; at + PACKET <= to * copy.length; at += PACKET) {
    const pid = copy.readUInt16BE(at + 1) & 0x1fff;
    const control = copy[at + 3] ?? 0;
    // Those that ffmpeg gives its first two streams.
    if ((pid !== 0x100 && pid !== 0x101) || (control & 0x10) === 0) continue;
    copy[at + 3] = control | 0x80;
    const pes = pesIn(copy, at);
    const adaptation = (control & 0x20) !== 0 ? 1 + (copy[at + 4] ?? 0) : 0;
    const clear = pes >= 0 && clearHeaders ? pes - at + 9 + (copy[pes + 8] ?? 0) : 4 + adaptation;
    for (let byte = at + clear; byte < at + PACKET; byte += 1) {
      noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0;
      copy[byte] = noise >>> 24;
    }
  }
  return copy;
}
