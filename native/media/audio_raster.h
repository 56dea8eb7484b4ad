// Where a stream's samples lie exactly, when its container rounds timestamps: codec frames are of equal length, so
// they lie on a raster from the stream's start. Pure arithmetic; used by one thread.
#pragma once

#include <cstdint>
#include <optional>

extern "C" {
#include <libavcodec/codec_par.h>
#include <libavutil/frame.h>
#include <libavutil/rational.h>
}

namespace headend {

class AudioRaster {
 public:
  AudioRaster() = default;
  /** `start`: timestamp of the stream's first sample on the clock of the decoded frames. */
  AudioRaster(const AVCodecParameters& codec, AVRational time_base, int64_t start)
      : time_base_(time_base), start_(start), rate_(codec.sample_rate), frame_size_(codec.frame_size) {}

  /**
   * The frame's first sample, counted in the frame's sample rate from the stream's start; nothing when the timestamp is
   * further than one tick from where such a frame can lie.
   */
  std::optional<int64_t> sample_of(const AVFrame& frame) const;

  int64_t start() const { return start_; }

 private:
  AVRational time_base_{1, 1};
  int64_t start_ = 0;
  int rate_ = 0;        // that the frame size is counted in
  int frame_size_ = 0;  // 0 when frames differ or nobody knows
};

}  // namespace headend
