// One rung's H.264 encoder on the channel's grid, whatever does the work: an IDR at every key frame interval,
// closed GOPs, parameter sets in the sample description. Used by one thread; see encoder_backend.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/av_ptr.h"
#include "base/status.h"

namespace headend {

struct VideoEncoderOptions {
  int width = 0;
  int height = 0;
  int64_t bitrate = 0;  // bit/s
  int64_t maxrate = 0;  // bit/s
  int64_t bufsize = 0;  // bits
  std::string preset = "veryfast";  // of x264
  int threads = 0;                  // 0: the encoder's choice
  std::string profile = "high";     // high, main or baseline
  std::string tune = {};            // of x264; empty for none
};

class VideoEncoder {
 public:
  virtual ~VideoEncoder() = default;

  /** `picture` has the rung's size and is YUV 4:2:0; `frame` counts since the epoch and grows by one. */
  virtual Status send(const AVFrame& picture, int64_t frame) = 0;

  /** The next packet, timestamps in frames since the epoch, or null while the encoder wants more frames. */
  virtual Result<PacketPtr> receive() = 0;

  /** No more pictures: receive() gives what is left inside, then null. */
  virtual Status finish() = 0;

  virtual const AVCodecContext& codec() const = 0;

  /** Frames that it may hold back; an encoder that holds more has lost some. */
  virtual int64_t most_held_back() const = 0;
};

}  // namespace headend
