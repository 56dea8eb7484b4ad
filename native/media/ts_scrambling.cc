#include "media/ts_scrambling.h"

#include <algorithm>

#include "media/ts_layout.h"

namespace headend::ts {
namespace {

constexpr size_t kStrides[] = {kPacketBytes, 192, 204};
// As many in a row are packets and no accident.
constexpr size_t kPackets = 5;

bool begins(std::span<const uint8_t> bytes, size_t at, size_t stride) {
  if (at + kPackets * stride > bytes.size()) return false;
  for (size_t i = 0; i < kPackets; ++i)
    if (bytes[at + i * stride] != kSyncByte) return false;
  return true;
}

}  // namespace

void ScramblingCount::add(std::span<const uint8_t> bytes) {
  size_t at = 0;
  const size_t* stride = std::end(kStrides);
  for (; at < kStrides[2]; ++at) {
    stride = std::ranges::find_if(kStrides, [&](size_t size) { return begins(bytes, at, size); });
    if (stride != std::end(kStrides)) break;
  }
  if (stride == std::end(kStrides)) return;
  for (; at + kPacketBytes <= bytes.size(); at += *stride) {
    const bool payload = bytes[at + 3] & 0x10;
    if (bytes[at] != kSyncByte || !payload) continue;
    const int pid = (bytes[at + 1] & 0x1f) << 8 | bytes[at + 2];
    surplus_[pid] += bytes[at + 3] & 0xc0 ? 1 : -1;
  }
}

bool ScramblingCount::scrambled(int pid) const {
  const auto found = surplus_.find(pid);
  return found != surplus_.end() && found->second > 0;
}

bool ScramblingCount::any() const {
  return std::ranges::any_of(surplus_, [](const auto& entry) { return entry.second > 0; });
}

}  // namespace headend::ts
