// What a CMAF segment says of its times, by mediabunny, in this process: for tests that read thousands of segments.
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';

/** One rendition's packets, times in ticks of the timescale that was asked for. */
export interface SegmentTimes {
  /** Presentation times, in presentation order. */
  readonly shown: readonly number[];
  /** Presentation times of the IDR pictures; of audio: empty. */
  readonly idr: readonly number[];
}

const IDR = 5;

/** Whether an H.264 sample of length-prefixed NAL units holds a slice of an IDR picture (ISO/IEC 14496-15, 5.3). */
function isIdr(sample: Uint8Array): boolean {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength);
  for (let at = 0; at + 5 <= view.byteLength; at += 4 + view.getUint32(at)) {
    if ((view.getUint8(at + 4) & 0x1f) === IDR) return true;
  }
  return false;
}

function ticks(seconds: number, timescale: number): number {
  const exact = Math.round(seconds * timescale);
  if (Math.abs(seconds * timescale - exact) > 1e-3)
    throw new Error(`${seconds} s is no whole tick of 1/${timescale} s`);
  return exact;
}

/** Reads init section + segments. @throws when mediabunny cannot */
export async function timesOf(data: Uint8Array, timescale: number): Promise<SegmentTimes> {
  using input = new Input({ formats: ALL_FORMATS, source: new BufferSource(data) });
  const video = await input.getPrimaryVideoTrack();
  const track = video ?? (await input.getPrimaryAudioTrack());
  if (track === null) throw new Error('mediabunny finds no track');
  const shown: number[] = [];
  const idr: number[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) {
    const at = ticks(packet.timestamp, timescale);
    shown.push(at);
    if (video !== null && isIdr(packet.data)) idr.push(at);
  }
  return { shown: shown.sort((a, b) => a - b), idr: idr.sort((a, b) => a - b) };
}
