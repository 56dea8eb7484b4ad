#include "media/segment_packets.h"

#include <string>

namespace headend {
namespace {

Status broken(const std::string& what) { return {Code::kEncodeFailed, Stage::kEncode, "the encoder " + what}; }

}  // namespace

// GOPs are closed, so packets leave the encoder GOP by GOP.
Status SegmentPackets::take(AVPacket& packet) {
  const int64_t interval = grid_.key_frame_interval;
  const int64_t first = grid_.first_frame(segment_);
  const int64_t at = packet.pts - first;
  if (count_ % interval == 0 && (at != count_ || !(packet.flags & AV_PKT_FLAG_KEY)))
    return broken("gave no key frame where one was asked for");
  if (at < 0 || at / interval != count_ / interval) return broken("let a frame leave its group of pictures");
  if (seen_[static_cast<size_t>(at)]) return broken("gave a frame twice");
  // One picture is decoded per frame time.
  packet.dts = first + count_ - kReordering;
  if (packet.dts > packet.pts) return broken("reorders too many frames");
  seen_[static_cast<size_t>(at)] = true;
  ++count_;
  return {};
}

void SegmentPackets::next() {
  ++segment_;
  count_ = 0;
  seen_.assign(seen_.size(), false);
}

}  // namespace headend
