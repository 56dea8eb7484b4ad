// Reads MPEG-TS packet by packet (ISO/IEC 13818-1 2.4), independently of whoever wrote it, and complains about
// what a strict receiver would: sync bytes, continuity counters, tables and their checksums, the clock's
// interval, and timestamps in relation to the clock.

const PACKET = 188;
const STAMP_WRAP = 2 ** 33;
const STAMP_RATE = 90_000;
/** 2.7.2: the longest interval between clock references; 2.7.4 is laxer about tables than broadcasters are. */
const MAX_CLOCK_INTERVAL = 0.1;
const MAX_TABLE_INTERVAL = 0.65;
/** 2.4.2.6: no byte stays in a receiver's buffer for longer than a second. */
const MAX_DELAY = 1;

/** One PES packet. Times in 90 kHz, modulo 2^33; decoded at `pts` where there is no DTS. */
export interface Unit {
  readonly pid: number;
  readonly pts: number;
  readonly dts: number;
  /** The elementary stream's bytes. */
  readonly data: Buffer;
  readonly randomAccess: boolean;
}

/** What a receiver makes of a transport stream. */
export interface TsFacts {
  readonly problems: readonly string[];
  readonly packets: number;
  readonly clockPid: number;
  /** Stream types by PID, from the PMT. */
  readonly streams: ReadonlyMap<number, number>;
  readonly units: readonly Unit[];
  /** Clock references in 90 kHz, unwrapped from the first on. */
  readonly clocks: readonly number[];
  /** The continuity counters that come next, by PID. */
  readonly nextCounters: ReadonlyMap<number, number>;
}

/** The difference of two timestamps modulo 2^33, between plus and minus half of it. */
export function stampDifference(later: number, earlier: number): number {
  const difference = (((later - earlier) % STAMP_WRAP) + STAMP_WRAP) % STAMP_WRAP;
  return difference < STAMP_WRAP / 2 ? difference : difference - STAMP_WRAP;
}

/** Reads a transport stream from its first packet to its last. */
export function readTs(stream: Uint8Array): TsFacts {
  const reader = new TsReader();
  reader.read(Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength));
  return reader.facts();
}

interface OpenUnit {
  readonly chunks: Buffer[];
  readonly randomAccess: boolean;
}

class TsReader {
  readonly #problems: string[] = [];
  readonly #counters = new Map<number, number>();
  readonly #streams = new Map<number, number>();
  readonly #open = new Map<number, OpenUnit>();
  readonly #units: Unit[] = [];
  readonly #clocks: number[] = [];
  readonly #tablesAt = new Map<number, number>();
  #packets = 0;
  #pmtPid = -1;
  #clockPid = -1;

  read(stream: Buffer): void {
    if (stream.length % PACKET !== 0) this.#complain(`${stream.length % PACKET} bytes too many`);
    for (let at = 0; at + PACKET <= stream.length; at += PACKET) {
      this.#packet(stream.subarray(at, at + PACKET));
      this.#packets++;
    }
    for (const pid of this.#open.keys()) this.#closeUnit(pid);
  }

  facts(): TsFacts {
    return {
      problems: this.#problems,
      packets: this.#packets,
      clockPid: this.#clockPid,
      streams: this.#streams,
      units: this.#units,
      clocks: this.#clocks,
      nextCounters: this.#counters,
    };
  }

  #complain(message: string): void {
    if (this.#problems.length < 20) this.#problems.push(`packet ${this.#packets}: ${message}`);
  }

  #packet(packet: Buffer): void {
    if (packet[0] !== 0x47) {
      this.#complain('no sync byte');
      return;
    }
    const flags = packet.readUInt16BE(1);
    const pid = flags & 0x1fff;
    const starts = (flags & 0x4000) !== 0;
    const control = packet.readUInt8(3);
    const hasPayload = (control & 0x10) !== 0;
    if ((flags & 0x8000) !== 0 || (control & 0xc0) !== 0) this.#complain('damaged or scrambled');
    this.#count(pid, control & 0x0f, hasPayload);
    let payloadAt = 4;
    let randomAccess = false;
    if ((control & 0x20) !== 0) {
      const length = packet.readUInt8(4);
      payloadAt = 5 + length;
      if (length > (hasPayload ? 182 : 183)) {
        this.#complain(`adaptation field of ${length}`);
        return;
      }
      if (length > 0) {
        const adaptation = packet.readUInt8(5);
        randomAccess = (adaptation & 0x40) !== 0;
        if ((adaptation & 0x80) !== 0) this.#complain('a discontinuity is signalled');
        if ((adaptation & 0x10) !== 0) this.#clock(pid, packet.subarray(6, 12));
      }
    }
    if (!hasPayload) return;
    const payload = packet.subarray(payloadAt);
    if (pid === 0) this.#pat(payload, starts);
    else if (pid === this.#pmtPid) this.#pmt(payload, starts);
    else if (this.#streams.has(pid)) this.#media(pid, payload, starts, randomAccess);
    else this.#complain(`PID ${pid} is in no table`);
  }

  #count(pid: number, counter: number, hasPayload: boolean): void {
    const next = this.#counters.get(pid) ?? counter;
    const expected = hasPayload ? next : (next + 15) % 16;
    // Before the first payload there is nothing that a packet without one could repeat.
    if (counter !== expected && this.#counters.has(pid)) {
      this.#complain(`PID ${pid} counts ${counter}, expected ${expected}`);
    }
    this.#counters.set(pid, (counter + 1) % 16);
  }

  #clock(pid: number, field: Buffer): void {
    if (pid !== this.#clockPid) {
      this.#complain(`a clock in PID ${pid}`);
      return;
    }
    const base = field.readUInt32BE(0) * 2 + (field.readUInt8(4) >> 7);
    const extension = field.readUInt16BE(4) & 0x1ff;
    if (extension >= 300) this.#complain(`clock extension ${extension}`);
    const value = base + extension / 300;
    const last = this.#clocks.at(-1);
    if (last === undefined) {
      this.#clocks.push(value);
      return;
    }
    const step = stampDifference(value, last);
    if (step <= 0) this.#complain(`the clock goes back by ${-step}`);
    if (step > MAX_CLOCK_INTERVAL * STAMP_RATE) {
      this.#complain(`${step / STAMP_RATE} s between clock references`);
    }
    this.#clocks.push(last + step);
  }

  #pat(payload: Buffer, starts: boolean): void {
    const section = this.#section(payload, starts, 0x00);
    if (!section) return;
    this.#table(0);
    const programs = section.length - 12;
    if (programs !== 4) {
      this.#complain('not exactly one program');
      return;
    }
    this.#pmtPid = section.readUInt16BE(10) & 0x1fff;
  }

  #pmt(payload: Buffer, starts: boolean): void {
    const section = this.#section(payload, starts, 0x02);
    if (!section) return;
    this.#table(this.#pmtPid);
    this.#clockPid = section.readUInt16BE(8) & 0x1fff;
    let at = 12 + (section.readUInt16BE(10) & 0x0fff);
    while (at < section.length - 4) {
      this.#streams.set(section.readUInt16BE(at + 1) & 0x1fff, section.readUInt8(at));
      at += 5 + (section.readUInt16BE(at + 3) & 0x0fff);
    }
    if (!this.#streams.has(this.#clockPid)) this.#complain('the clock is in no stream');
  }

  // A table section that fits one packet, checked against its CRC.
  #section(payload: Buffer, starts: boolean, tableId: number): Buffer | null {
    if (!starts) {
      this.#complain('a table in more than one packet');
      return null;
    }
    const at = 1 + payload.readUInt8(0);
    const length = payload.readUInt16BE(at + 1) & 0x0fff;
    const section = payload.subarray(at, at + 3 + length);
    if (section[0] !== tableId || crc32(section) !== 0) {
      this.#complain(`table ${section[0]} is broken`);
      return null;
    }
    return section;
  }

  #table(pid: number): void {
    const now = this.#clocks.at(-1);
    const last = this.#tablesAt.get(pid);
    if (now === undefined) return;
    if (last !== undefined && now - last > MAX_TABLE_INTERVAL * STAMP_RATE) {
      this.#complain(`${(now - last) / STAMP_RATE} s between tables of PID ${pid}`);
    }
    this.#tablesAt.set(pid, now);
  }

  #media(pid: number, payload: Buffer, starts: boolean, randomAccess: boolean): void {
    if (starts) {
      this.#closeUnit(pid);
      this.#open.set(pid, { chunks: [payload], randomAccess });
      return;
    }
    const unit = this.#open.get(pid);
    if (unit) unit.chunks.push(payload);
    else this.#complain(`PID ${pid} begins in the middle`);
  }

  #closeUnit(pid: number): void {
    const open = this.#open.get(pid);
    this.#open.delete(pid);
    if (!open) return;
    const bytes = Buffer.concat(open.chunks);
    if (bytes.readUIntBE(0, 3) !== 1) {
      this.#complain(`PID ${pid}: no PES packet`);
      return;
    }
    const length = bytes.readUInt16BE(4);
    if (length !== 0 && length !== bytes.length - 6) {
      this.#complain(`PID ${pid}: PES packet of ${bytes.length - 6} bytes says ${length}`);
    }
    const stamps = bytes.readUInt8(7) >> 6;
    if (stamps < 2) {
      this.#complain(`PID ${pid}: no timestamp`);
      return;
    }
    const pts = stamp(bytes, 9);
    const dts = stamps === 3 ? stamp(bytes, 14) : pts;
    const data = bytes.subarray(9 + bytes.readUInt8(8));
    this.#units.push({ pid, pts, dts, data, randomAccess: open.randomAccess });
    // The clock at the end of the unit: it is decoded after it has arrived, within the buffer's time.
    const clock = this.#clocks.at(-1) ?? 0;
    const delay = stampDifference(dts, clock % STAMP_WRAP) / STAMP_RATE;
    if (delay < 0 || delay > MAX_DELAY)
      this.#complain(`PID ${pid}: decoded ${delay} s after it came`);
    if (stampDifference(pts, dts) < 0) this.#complain(`PID ${pid}: shown before it is decoded`);
  }
}

function stamp(bytes: Buffer, at: number): number {
  const high = (bytes.readUInt8(at) >> 1) & 0x07;
  return (
    high * 2 ** 30 + (bytes.readUInt16BE(at + 1) >> 1) * 2 ** 15 + (bytes.readUInt16BE(at + 3) >> 1)
  );
}

/** CRC-32/MPEG-2; 0 over data with its checksum behind it. */
function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x80000000 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}

/** Types of the NAL units of a picture in H.264's byte stream format. */
export function nalTypes(picture: Buffer): number[] {
  const types: number[] = [];
  for (let at = picture.indexOf('000001', 0, 'hex'); at >= 0; ) {
    types.push((picture[at + 3] ?? 0) & 0x1f);
    at = picture.indexOf('000001', at + 3, 'hex');
  }
  return types;
}

/** Access units of AAC in ADTS: how many there are, and whether nothing lies between them. */
export function adtsUnits(data: Buffer): { readonly count: number; readonly clean: boolean } {
  let at = 0;
  let count = 0;
  while (at + 7 <= data.length && data.readUInt16BE(at) >> 4 === 0xfff) {
    at += (data.readUIntBE(at + 3, 3) >> 5) & 0x1fff;
    count++;
  }
  return { count, clean: at === data.length };
}
