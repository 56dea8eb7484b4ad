// Writes one track as CMAF (ISO/IEC 23000-19): an init section and segments made of fragments.
// Presentation times are the channel's own, exactly, in every reader: no edit list, and no negative composition
// offsets (libavformat's demuxer would shift the pictures by them). Used by one thread.
#pragma once

#include <memory>
#include <string>

#include "base/av_ptr.h"
#include "base/status.h"
#include "media/byte_output.h"

namespace headend {

class CmafMuxer {
 public:
  /** `timescale` in ticks per second; `first_fragment` numbers the next fragment (mfhd sequence number). */
  static Result<std::unique_ptr<CmafMuxer>> open(const AVCodecContext& encoder, int timescale, int64_t first_fragment);

  const Bytes& init_section() const { return init_; }

  /** Takes the packet's content; its timestamps count `packet.time_base`. */
  Status write(AVPacket& packet);
  /** Closes the fragment of the packets written so far, and gives a copy of it. */
  Result<Bytes> end_fragment();
  /** The fragments closed since the last call. */
  Bytes take_segment();

 private:
  CmafMuxer() = default;

  std::unique_ptr<ByteOutput> bytes_;  // outlives the muxer that writes to it
  OutputPtr output_;
  Bytes init_;
  size_t fragment_start_ = 0;  // of the open fragment, in the segment's bytes
  int64_t least_dts_ = 0;      // of the next packet, in ticks
};

/** RFC 6381 codecs parameter from the encoder's parameter sets: `avc1.PPCCLL` or `mp4a.40.2`. */
std::string codecs_parameter(const AVCodecContext& encoder);

}  // namespace headend
