// Where pictures stay from decoding to encoding: the device that an encoder works on, or one that decodes and scales
// for an encoder in memory. Shared by all runs of the process and their threads: nothing of it changes but that it may be
// given up, and libav's device contexts, their pools and the references to their pictures may be used from any of them.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "base/av_ptr.h"
#include "base/status.h"

extern "C" {
#include <libavutil/hwcontext.h>
}

namespace headend {

/** What encoders take on a device, and what memory is called that is uploaded to one. */
inline constexpr AVPixelFormat kDevicePixels = AV_PIX_FMT_NV12;

class Device {
 public:
  virtual ~Device() = default;

  /** In reports and faults. */
  virtual std::string name() const = 0;

  /** The decoder that can decode such a stream to the device; null when there is none. */
  virtual const AVCodec* decoder(AVCodecID codec) const = 0;
  /** Gives the device to a decoder that is about to be opened. */
  virtual Status attach(AVCodecContext& decoder) const = 0;
  /** What the decoder's get_format must choose. */
  virtual AVPixelFormat decoded_format() const = 0;
  /** The decoder's picture as one on the device. */
  virtual Result<FramePtr> accept(FramePtr decoded) const = 0;

  /** The filters that scale a picture on the device and leave it where the encoder takes it from. */
  virtual std::string scaling(int width, int height) const = 0;

  /** For the frames of the encoder; borrowed. Null when the encoder takes pictures from memory. */
  virtual AVBufferRef* for_encoder() const = 0;

  /** It has failed: it is not lent to another run. */
  void give_up() const { given_up_ = true; }
  bool given_up() const { return given_up_; }

 private:
  mutable std::atomic<bool> given_up_ = false;
};

/** A type of device on which libav decodes and scales. */
struct DeviceKind {
  AVHWDeviceType type;
  AVPixelFormat format;
  /** The filter, to be completed with the size. What reaches it is BT.709 and stays so. */
  const char* scaler;
};

/** All of them. */
std::span<const DeviceKind> device_kinds();

/** The type of the device that pictures can stay on with this encoder, in libav's words; empty when there is none. */
std::string device_of(const std::string& encoder);

/**
 * The machine's default device of that type: the one that others use for this encoder now, or one that is opened. A CUDA
 * context of its own for every run would cost each a tenth of a second and hundreds of MiB of the device's memory.
 * Code::kDeviceFailed, too, when somebody else has been waiting for that driver for long.
 */
Result<std::shared_ptr<const Device>> open_device(const std::string& encoder);

inline bool is_on_device(const AVFrame& picture) { return picture.hw_frames_ctx != nullptr; }

/** What the pixels are, wherever the picture is. */
AVPixelFormat pixels_of(const AVFrame& picture);

/** A copy in memory. */
Result<FramePtr> download(const AVFrame& picture);

}  // namespace headend
