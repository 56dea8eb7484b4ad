// The ways to encode H.264 that Headend knows, in the order of preference, and how each is set up.
// Pure look-ups; any thread may call.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/grid.h"
#include "base/status.h"
#include "media/video_encoder.h"

extern "C" {
#include <libavutil/hwcontext.h>
}

namespace headend {

class Device;

/** The one that needs no device and is always there. */
inline constexpr const char* kSoftwareEncoder = "software";

/** What makes an encoder of libav one of ours. */
struct EncoderBackend {
  using Settings = std::vector<std::pair<std::string, std::string>>;

  /** In options, reports and faults. */
  const char* name = "";
  /** libav's name of the encoder. */
  const char* codec = "";
  /** What the encoder or its upload takes. */
  AVPixelFormat format = AV_PIX_FMT_YUV420P;
  /** The device that it takes pictures from, and what they are there; NONE for encoders that take none from a device. */
  AVHWDeviceType device = AV_HWDEVICE_TYPE_NONE;
  AVPixelFormat device_format = AV_PIX_FMT_NONE;
  /** Whether pictures in memory must be uploaded to it first. */
  bool uploads = false;
  /** Frames shown between two reference frames at most; -1 leaves it to the preset. See kReordering. */
  int b_frames = 0;
  /** See VideoEncoder::most_held_back. */
  int64_t most_held_back = 0;
  /** The encoder's own options for a rung. */
  Settings (*settings)(const VideoEncoderOptions& options) = nullptr;
};

/** All of them, the best first, software last. Some may be missing from this build or not work on this machine. */
std::span<const EncoderBackend> encoder_backends();

/** The names of what open_video_encoder() knows, the best first. */
std::vector<std::string> encoder_names();

/** Opens the encoder of a rung with the named backend; with its `device` it takes pictures from there too. */
Result<std::unique_ptr<VideoEncoder>> open_video_encoder(const std::string& backend, const VideoEncoderOptions& options,
                                                         const Grid& grid, const Device* device = nullptr);

}  // namespace headend
