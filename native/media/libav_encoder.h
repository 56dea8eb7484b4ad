// An encoder of libavcodec as a VideoEncoder: converts and uploads pictures where its backend needs that.
// Used by one thread.
#pragma once

#include <memory>

#include "base/grid.h"
#include "media/device.h"
#include "media/device_frames.h"
#include "media/encoder_backend.h"
#include "media/filter_graph.h"
#include "media/video_encoder.h"

namespace headend {

class LibavEncoder : public VideoEncoder {
 public:
  static Result<std::unique_ptr<VideoEncoder>> open(const EncoderBackend& backend, const VideoEncoderOptions& options,
                                                    const Grid& grid, const Device* device);

  Status send(const AVFrame& picture, int64_t frame) override;
  Result<PacketPtr> receive() override;
  Status finish() override;
  const AVCodecContext& codec() const override { return *codec_; }
  int64_t most_held_back() const override { return most_held_back_; }

 private:
  LibavEncoder(const EncoderBackend& backend, const Grid& grid, AVPixelFormat format)
      : grid_(grid), format_(format), most_held_back_(backend.most_held_back) {}

  /** The picture as the encoder takes it; the caller owns the frame, its planes may be shared. */
  Result<FramePtr> input_for(const AVFrame& picture);

  const Grid grid_;
  const AVPixelFormat format_;
  const int64_t most_held_back_;
  std::unique_ptr<FilterGraph> converter_;  // null while pictures come in the encoder's format
  std::unique_ptr<DeviceFrames> device_;    // null for encoders that take pictures from memory
  CodecPtr codec_;
};

}  // namespace headend
