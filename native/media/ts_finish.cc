#include "media/ts_finish.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "media/ts_layout.h"

namespace headend {
namespace {

using namespace ts;

// A PCR at least this often: the standard allows 100 ms.
constexpr int64_t kClockInterval = kClockRate * 9 / 100;
// The tables go out sixteen times in a segment, or in every stretch of it that is so long.
constexpr int64_t kTableStretch = kClockRate * 8;

constexpr size_t kHeader = 4;

struct Packet {
  std::array<uint8_t, kPacketBytes> bytes;

  int pid() const { return (bytes[1] & 0x1f) << 8 | bytes[2]; }
  bool starts_unit() const { return bytes[1] & 0x40; }
  bool has_payload() const { return bytes[3] & 0x10; }
  bool has_adaptation() const { return bytes[3] & 0x20; }
  /** Bytes of the adaptation field, its length byte included. */
  size_t adaptation() const { return has_adaptation() ? size_t{1} + bytes[kHeader] : 0; }
  size_t payload() const { return has_payload() ? kPacketBytes - kHeader - adaptation() : 0; }
  void set_counter(int counter) { bytes[3] = static_cast<uint8_t>((bytes[3] & 0xf0) | (counter & 0x0f)); }

  /** The PCR in 27 MHz, modulo the wrap of its 33-bit base. */
  std::optional<int64_t> clock() const {
    if (adaptation() < 8 || !(bytes[kHeader + 1] & 0x10)) return std::nullopt;
    const uint8_t* p = &bytes[kHeader + 2];
    const int64_t base =
        int64_t{p[0]} << 25 | int64_t{p[1]} << 17 | int64_t{p[2]} << 9 | int64_t{p[3]} << 1 | p[4] >> 7;
    return base * 300 + ((p[4] & 1) << 8 | p[5]);
  }
};

/** A packet of the clock's PID without payload. Its counter repeats that of the packet before. */
Packet clock_packet(int64_t clock) {
  Packet packet;
  packet.bytes.fill(0xff);
  packet.bytes[0] = kSyncByte;
  packet.bytes[1] = kFirstPid >> 8;
  packet.bytes[2] = kFirstPid & 0xff;
  packet.bytes[3] = 0x20;
  packet.bytes[4] = kPacketBytes - kHeader - 1;
  packet.bytes[5] = 0x10;
  const int64_t base = clock / 300 % kStampWrap;
  const int64_t extension = clock % 300;
  uint8_t* p = &packet.bytes[6];
  p[0] = static_cast<uint8_t>(base >> 25);
  p[1] = static_cast<uint8_t>(base >> 17);
  p[2] = static_cast<uint8_t>(base >> 9);
  p[3] = static_cast<uint8_t>(base >> 1);
  p[4] = static_cast<uint8_t>(base << 7 | 0x7e | extension >> 8);
  p[5] = static_cast<uint8_t>(extension);
  return packet;
}

/** `packet` with only `size` bytes of its payload, from `offset` on; stuffing fills the rest. */
Packet part_of(const Packet& packet, size_t offset, size_t size) {
  const uint8_t* payload = packet.bytes.data() + kHeader + packet.adaptation() + offset;
  const bool first = offset == 0;
  const size_t adaptation = kPacketBytes - kHeader - size;
  Packet part;
  part.bytes.fill(0xff);
  std::copy_n(packet.bytes.begin(), kHeader, part.bytes.begin());
  if (!first) part.bytes[1] &= static_cast<uint8_t>(~0x40);
  part.bytes[3] |= 0x30;
  part.bytes[kHeader + 1] = 0;  // no flags
  if (first && packet.has_adaptation())
    std::copy_n(packet.bytes.begin() + kHeader, packet.adaptation(), part.bytes.begin() + kHeader);
  // A field of length 0 has no flags; one that grows gets them.
  if (first && packet.adaptation() == 1) part.bytes[kHeader + 1] = 0;
  part.bytes[kHeader] = static_cast<uint8_t>(adaptation - 1);
  std::copy_n(payload, size, part.bytes.begin() + static_cast<ptrdiff_t>(kPacketBytes - size));
  return part;
}

/** `packet` in `count` packets with the same payload. */
std::vector<Packet> split(const Packet& packet, size_t count) {
  const size_t size = packet.payload();
  std::vector<Packet> parts;
  for (size_t i = 0; i < count; ++i) {
    const size_t from = i * size / count;
    parts.push_back(part_of(packet, from, (i + 1) * size / count - from));
  }
  return parts;
}

int64_t clock_between(int64_t earlier, int64_t later) {
  constexpr int64_t wrap = kStampWrap * 300;
  return ((later - earlier) % wrap + wrap) % wrap;
}

class Finisher {
 public:
  explicit Finisher(const Bytes& muxed) {
    for (size_t at = 0; at + kPacketBytes <= muxed.size(); at += kPacketBytes) {
      Packet packet;
      std::copy_n(muxed.begin() + static_cast<ptrdiff_t>(at), kPacketBytes, packet.bytes.begin());
      sort_in(packet);
    }
  }

  Result<Bytes> finish(int64_t end_clock) {
    if (!pat_ || !pmt_ || clocks_.empty())
      return Status(Code::kEncodeFailed, Stage::kMux, "the transport stream has no tables or no clock");
    if (Status status = fill_counters(); !status.ok()) return status;
    const size_t stretches = static_cast<size_t>(clock_between(clocks_.front(), end_clock) / kTableStretch) + 1;
    const size_t tables = stretches * kCounters;
    size_t units = 0;
    output_.reserve((media_.size() + 2 * tables) * kPacketBytes);
    write_tables();
    size_t tables_out = 1;
    for (const Packet& packet : media_) {
      if (const auto clock = packet.clock()) {
        if (units > 0) fill_clock(clocks_[units - 1], *clock);
        // Evenly over the segment, each pair before a unit with a clock.
        for (; tables_out * clocks_.size() <= units * tables && tables_out < tables; ++tables_out) write_tables();
        ++units;
      }
      write(packet);
    }
    fill_clock(clocks_.back(), end_clock);
    for (; tables_out < tables; ++tables_out) write_tables();
    return std::move(output_);
  }

 private:
  // The multiplexer's own repetitions of tables, and tables that HLS has no use for, are left out.
  void sort_in(const Packet& packet) {
    const int pid = packet.pid();
    if (pid == kPatPid) {
      if (!pat_) pat_ = packet;
    } else if (pid == kPmtPid) {
      if (!pmt_) pmt_ = packet;
    } else if (pid == kFirstPid || pid == kFirstPid + 1) {
      media_.push_back(packet);
      if (const auto clock = packet.clock()) clocks_.push_back(*clock);
    }
  }

  // Splits a packet of each track so that the track has a multiple of sixteen: only packets with payload count.
  Status fill_counters() {
    std::map<int, size_t> payloads;
    std::map<int, size_t> roomiest;  // index of the packet with the most payload that starts nothing
    for (size_t i = 0; i < media_.size(); ++i) {
      const Packet& packet = media_[i];
      if (!packet.has_payload()) continue;
      const int pid = packet.pid();
      ++payloads[pid];
      const auto best = roomiest.find(pid);
      if (best == roomiest.end() || rank(packet) > rank(media_[best->second])) roomiest[pid] = i;
    }
    std::map<size_t, size_t> splits;
    for (const auto& [pid, count] : payloads) {
      const size_t missing = (kCounters - count % kCounters) % kCounters;
      if (media_[roomiest[pid]].payload() <= missing)
        return {Code::kEncodeFailed, Stage::kMux, "the transport stream has no packet to split"};
      if (missing > 0) splits[roomiest[pid]] = missing + 1;
    }
    std::vector<Packet> all;
    for (size_t i = 0; i < media_.size(); ++i) {
      const auto parts = splits.find(i);
      if (parts == splits.end()) {
        all.push_back(media_[i]);
      } else {
        const std::vector<Packet> pieces = split(media_[i], parts->second);
        all.insert(all.end(), pieces.begin(), pieces.end());
      }
    }
    media_.swap(all);
    return {};
  }

  // Some demultiplexers want the whole header of a unit in its first packet.
  static size_t rank(const Packet& packet) { return packet.payload() + (packet.starts_unit() ? 0 : kPacketBytes); }

  void fill_clock(int64_t from, int64_t to) {
    const int64_t gap = clock_between(from, to);
    const int64_t steps = (gap + kClockInterval - 1) / kClockInterval;
    for (int64_t i = 1; i < steps; ++i) write(clock_packet(from + gap * i / steps));
  }

  void write_tables() {
    write(*pat_);
    write(*pmt_);
  }

  void write(Packet packet) {
    int& next = counters_[packet.pid()];
    packet.set_counter(packet.has_payload() ? next++ : next - 1);
    output_.insert(output_.end(), packet.bytes.begin(), packet.bytes.end());
  }

  std::vector<Packet> media_;
  std::vector<int64_t> clocks_;  // of the packets that have one, in order
  std::optional<Packet> pat_;
  std::optional<Packet> pmt_;
  std::map<int, int> counters_;
  Bytes output_;
};

}  // namespace

Result<Bytes> finish_ts(const Bytes& muxed, int64_t end_clock) { return Finisher(muxed).finish(end_clock); }

}  // namespace headend
