// Holds an encoder to the channel's grid: its packets must be the frames of one segment after the other, each
// once, an IDR first; gives them their decode times. Used by one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/av_ptr.h"
#include "base/grid.h"
#include "base/status.h"

namespace headend {

/**
 * Frames by which decoding runs ahead of showing, whatever the encoder: its reordering at most. The same for all,
 * so that decode times go on without a jump where the encoder changes (players shift pictures by a jump).
 */
inline constexpr int kReordering = 2;

class SegmentPackets {
 public:
  SegmentPackets(const Grid& grid, int64_t segment)
      : grid_(grid), segment_(segment), seen_(static_cast<size_t>(grid.frames_per_segment)) {}

  /** Takes the next packet and sets its decode time. */
  Status take(AVPacket& packet);

  int64_t segment() const { return segment_; }
  /** Packets of the segment so far. */
  int64_t count() const { return count_; }
  bool complete() const { return count_ == grid_.frames_per_segment; }
  /** Goes on to the next segment. */
  void next();

 private:
  const Grid grid_;
  int64_t segment_;
  int64_t count_ = 0;
  std::vector<bool> seen_;  // the segment's frames
};

}  // namespace headend
