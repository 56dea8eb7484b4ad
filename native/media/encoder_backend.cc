#include "media/encoder_backend.h"

#include "media/libav_encoder.h"

#ifdef HEADEND_BREAKABLE
#include "testing/failing_encoder.h"
#include "testing/memory_device.h"
#endif

namespace headend {
namespace {

using Settings = EncoderBackend::Settings;

// What hardware encoders hold back is a handful of surfaces; x264 holds back its look-ahead and its threads.
constexpr int64_t kHardwareHoldsBack = 64;
constexpr int64_t kSoftwareHoldsBack = 300;

// The look-ahead is as long without a thread of its own, but four pictures fewer are held back.
Settings software(const VideoEncoderOptions& options) {
  Settings settings{{"preset", options.preset}, {"profile", options.profile},         {"forced-idr", "1"},
                    {"sc_threshold", "0"},      {"x264-params", "sync-lookahead=0"}};
  if (!options.tune.empty()) settings.emplace_back("tune", options.tune);
  return settings;
}

// No look-ahead: it would make new key frames at cuts, and hold back what viewers wait for.
Settings nvenc(const VideoEncoderOptions& options) {
  return {{"preset", "p4"},       {"tune", "hq"},        {"profile", options.profile}, {"rc", "vbr"},
          {"rc-lookahead", "0"},  {"forced-idr", "1"},   {"no-scenecut", "1"},         {"strict_gop", "1"},
          {"b_ref_mode", "disabled"}};
}

Settings qsv(const VideoEncoderOptions& options) {
  return {{"preset", "medium"}, {"profile", options.profile}, {"forced_idr", "1"},     {"idr_interval", "0"},
          {"look_ahead", "0"},  {"async_depth", "4"},         {"adaptive_i", "0"},     {"scenario", "livestreaming"}};
}

Settings vaapi(const VideoEncoderOptions& options) {
  const std::string profile = options.profile == "baseline" ? "constrained_baseline" : options.profile;
  return {{"profile", profile}, {"rc_mode", "VBR"}, {"idr_interval", "0"}, {"async_depth", "2"}};
}

Settings videotoolbox(const VideoEncoderOptions& options) {
  return {{"profile", options.profile}, {"allow_sw", "0"}, {"realtime", "0"}};
}

Settings amf(const VideoEncoderOptions& options) {
  const std::string profile = options.profile == "baseline" ? "constrained_baseline" : options.profile;
  return {{"profile", profile}, {"usage", "transcoding"}, {"rc", "vbr_peak"}, {"forced_idr", "1"}};
}

Settings none(const VideoEncoderOptions&) { return {}; }

constexpr AVHWDeviceType kNoDevice = AV_HWDEVICE_TYPE_NONE;
constexpr AVPixelFormat kMemory = AV_PIX_FMT_NONE;

constexpr EncoderBackend kBackends[] = {
    {"nvenc", "h264_nvenc", AV_PIX_FMT_YUV420P, AV_HWDEVICE_TYPE_CUDA, AV_PIX_FMT_CUDA, false, 2, kHardwareHoldsBack, nvenc},
    {"qsv", "h264_qsv", AV_PIX_FMT_NV12, kNoDevice, kMemory, false, 0, kHardwareHoldsBack, qsv},
    {"videotoolbox", "h264_videotoolbox", AV_PIX_FMT_NV12, kNoDevice, kMemory, false, 0, kHardwareHoldsBack, videotoolbox},
    {"vaapi", "h264_vaapi", AV_PIX_FMT_NV12, AV_HWDEVICE_TYPE_VAAPI, AV_PIX_FMT_VAAPI, true, 0, kHardwareHoldsBack, vaapi},
    {"amf", "h264_amf", AV_PIX_FMT_NV12, kNoDevice, kMemory, false, 0, kHardwareHoldsBack, amf},
    {"v4l2m2m", "h264_v4l2m2m", AV_PIX_FMT_YUV420P, kNoDevice, kMemory, false, 0, kHardwareHoldsBack, none},
    // x264 reorders two frames at most, however many B-frames its preset has.
    {kSoftwareEncoder, "libx264", AV_PIX_FMT_YUV420P, kNoDevice, kMemory, false, -1, kSoftwareHoldsBack, software},
};

}  // namespace

std::span<const EncoderBackend> encoder_backends() { return kBackends; }

std::vector<std::string> encoder_names() {
  std::vector<std::string> names;
#ifdef HEADEND_BREAKABLE
  names.emplace_back(kFailingEncoder);
#endif
  for (const EncoderBackend& backend : kBackends) names.emplace_back(backend.name);
  return names;
}

Result<std::unique_ptr<VideoEncoder>> open_video_encoder(const std::string& backend, const VideoEncoderOptions& options,
                                                         const Grid& grid, const Device* device) {
#ifdef HEADEND_BREAKABLE
  if (is_failing_encoder(backend)) return open_failing_encoder(backend, options, grid);
  if (is_memory_device(backend)) return open_failing_encoder(kUnfailingEncoder, options, grid);
#endif
  for (const EncoderBackend& known : kBackends)
    if (backend == known.name) return LibavEncoder::open(known, options, grid, device);
  return Status(Code::kInvalidOptions, Stage::kEncode, "there is no encoder '" + backend + "'");
}

}  // namespace headend
