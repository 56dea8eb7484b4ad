// One rung's H.264 encoder on the channel's grid: an IDR at every key frame interval, closed GOPs,
// parameter sets in the sample description. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/av_ptr.h"
#include "base/grid.h"
#include "base/status.h"

namespace headend {

struct VideoEncoderOptions {
  int width = 0;
  int height = 0;
  int64_t bitrate = 0;  // bit/s
  int64_t maxrate = 0;  // bit/s
  int64_t bufsize = 0;  // bits
  std::string preset = "veryfast";
  int threads = 0;      // 0: the encoder's choice
};

class VideoEncoder {
 public:
  static Result<std::unique_ptr<VideoEncoder>> open(const VideoEncoderOptions& options, const Grid& grid);

  /** `picture` has the rung's size and format; `frame` counts since the epoch and grows by one. */
  Status send(const AVFrame& picture, int64_t frame);

  /** The next packet, timestamps in frames since the epoch, or null while the encoder wants more frames. */
  Result<PacketPtr> receive();

  const AVCodecContext& codec() const { return *codec_; }

 private:
  explicit VideoEncoder(const Grid& grid) : grid_(grid) {}

  const Grid grid_;
  CodecPtr codec_;
};

}  // namespace headend
