// The channel's AAC-LC encoder on the sample clock: access unit k has pts 1024k and, decoded after its
// predecessor, gives samples [1024k, 1024(k+1)). Used by one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "base/av_ptr.h"
#include "base/status.h"

namespace headend {

class AudioEncoder {
 public:
  /** `bitrate` in bit/s. */
  static Result<std::unique_ptr<AudioEncoder>> open(int64_t bitrate);

  /** `samples` are 1024 samples from channel sample `position`, a multiple of 1024. */
  Status send(AVFrame& samples, int64_t position);

  /** The next access unit, timestamps in samples since the epoch, or null while the encoder wants more. */
  Result<PacketPtr> receive();

  const AVCodecContext& codec() const { return *codec_; }

 private:
  AudioEncoder() = default;
  CodecPtr codec_;
};

}  // namespace headend
