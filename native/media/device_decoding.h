// What a decoder needs to decode to a device, and what becomes of its pictures: they stay there when every rung can
// make its own of them by scaling alone, else they are downloaded, once for all rungs. Used by the decoder's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/device.h"

namespace headend {

struct PictureSize {
  int width = 0;
  int height = 0;
};

class DeviceDecoding {
 public:
  /** `rungs`: the sizes that are made of the pictures. */
  DeviceDecoding(std::shared_ptr<const Device> device, std::vector<PictureSize> rungs)
      : device_(std::move(device)), rungs_(std::move(rungs)) {}

  /** The decoder to open; null when the device decodes no such stream. */
  const AVCodec* decoder(AVCodecID codec) const { return device_->decoder(codec); }

  /** Prepares a decoder's context that is not open yet and does not outlive this object. */
  Status prepare(AVCodecContext& decoder);

  /** Code::kDeviceFailed when the decoder's answer `averror`, or what it asked before, ends decoding on the device. */
  Status check(int averror) const;

  /** The picture on the device or in memory; from the first one in memory on all of them are. */
  Result<FramePtr> settle(FramePtr decoded);

 private:
  static AVPixelFormat choose_format(AVCodecContext* decoder, const AVPixelFormat* offered);
  bool stays(const AVFrame& picture) const;

  const std::shared_ptr<const Device> device_;
  const std::vector<PictureSize> rungs_;
  bool chosen_ = false;   // the decoder was told to use the device
  std::string refused_;   // why it cannot
  bool leaves_ = false;
};

}  // namespace headend
