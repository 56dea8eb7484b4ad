// How many bits MPEG-TS makes of the bits of a video and an audio track. Pure; an upper bound, for BANDWIDTH.

import type { Rational } from '../engine/engine.js';
import { AUDIO_SAMPLE_RATE, SAMPLES_PER_ACCESS_UNIT } from '../timeline/grid.js';

const PACKET_BYTES = 188;
const PAYLOAD_BYTES = 184;
/** Of a video frame: PES header, clock, access unit delimiter, longer start codes and parameter sets. */
const FRAME_BYTES = 100;
/** Of a PES packet of sound: its header. It holds several access units, each with an ADTS header. */
const SOUND_PES_BYTES = 30;
const ADTS_BYTES = 7;
/** Access units in a PES packet of sound are gathered up to this many bytes. */
const SOUND_PES_PAYLOAD = 2930;
/** Both tables, sixteen times in every eight seconds that begin. */
const TABLE_PACKETS = 32;
const TABLE_SECONDS = 8;
/** Packets that make the number of packets of both tracks a multiple of sixteen. */
const FILL_PACKETS = 30;

/** What a muxed segment is made from. */
export interface Muxed {
  /** Of the coded video and audio, in bit/s. */
  readonly videoBitrate: number;
  readonly audioBitrate: number;
  readonly frameRate: Rational;
  /** In seconds. */
  readonly segmentDuration: Rational;
}

/** The highest bit rate in bit/s that a segment of such tracks can have in MPEG-TS. */
export function tsBitrate(muxed: Muxed): number {
  const { videoBitrate, audioBitrate, frameRate, segmentDuration } = muxed;
  const frames = frameRate.num / frameRate.den;
  const accessUnits = AUDIO_SAMPLE_RATE / SAMPLES_PER_ACCESS_UNIT;
  const soundBytes = audioBitrate / 8 + accessUnits * ADTS_BYTES;
  // A PES packet is closed when the next access unit does not fit any more.
  const soundUnits = soundBytes / (SOUND_PES_PAYLOAD - soundBytes / accessUnits);
  const payload =
    videoBitrate / 8 + frames * FRAME_BYTES + soundBytes + soundUnits * SOUND_PES_BYTES;
  // The last packet of every unit may be as good as empty.
  const packets = payload / PAYLOAD_BYTES + frames + soundUnits + 1;
  const seconds = segmentDuration.num / segmentDuration.den;
  const tables = TABLE_PACKETS * (Math.floor(seconds / TABLE_SECONDS) + 1);
  return (packets + (tables + FILL_PACKETS) / seconds) * PACKET_BYTES * 8;
}
