// Pictures in a device's memory that come from the machine's, for encoders that take them there. Used by one thread.
#pragma once

#include <memory>

#include "base/av_ptr.h"
#include "base/status.h"

extern "C" {
#include <libavutil/hwcontext.h>
}

namespace headend {

class DeviceFrames {
 public:
  /**
   * Room on the machine's default device of that type, or on the one that is open already, for pictures that come from
   * memory as `format` and are `device_format` there.
   */
  static Result<std::unique_ptr<DeviceFrames>> open(AVHWDeviceType type, AVBufferRef* device,
                                                    AVPixelFormat device_format, AVPixelFormat format, int width,
                                                    int height);

  /** A copy of the picture on the device. */
  Result<FramePtr> upload(const AVFrame& picture);

  /** What an encoder's context refers to; borrowed. */
  AVBufferRef* frames() const { return frames_.get(); }

 private:
  DeviceFrames() = default;

  BufferPtr device_;
  BufferPtr frames_;
};

}  // namespace headend
