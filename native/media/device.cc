#include "media/device.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string_view>

#include "media/encoder_backend.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#ifdef HEADEND_BREAKABLE
#include "testing/memory_device.h"
#endif

namespace headend {
namespace {

Status device_error(int averror, const std::string& what) {
  return Status::from_av(Code::kDeviceFailed, Stage::kDecode, averror, what);
}

// The pools of both grow as they are used.
constexpr std::array kKinds{
    // Without a passage for pictures of the right size: encoders shall hold no picture of a decoder's.
    DeviceKind{AV_HWDEVICE_TYPE_CUDA, AV_PIX_FMT_CUDA, "scale_cuda=interp_algo=bicubic:format=nv12:passthrough=0"},
    DeviceKind{AV_HWDEVICE_TYPE_VAAPI, AV_PIX_FMT_VAAPI, "scale_vaapi=mode=hq:format=nv12"},
};

const EncoderBackend* backend_of(const std::string& encoder) {
  const auto all = encoder_backends();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& known) { return encoder == known.name; });
  return found == all.end() ? nullptr : &*found;
}

/** The kind that goes with an encoder. Data centres have GPUs that decode and do not encode: these work for x264. */
const DeviceKind* kind_of(const std::string& encoder) {
  const EncoderBackend* backend = backend_of(encoder);
  if (!backend) return nullptr;
  const AVHWDeviceType type = encoder == kSoftwareEncoder ? AV_HWDEVICE_TYPE_CUDA : backend->device;
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return kind.type == type; });
  return found == kKinds.end() ? nullptr : &*found;
}

/** A device of libav. */
class LibavDevice : public Device {
 public:
  LibavDevice(const DeviceKind& kind, BufferPtr device, bool encodes)
      : kind_(kind), device_(std::move(device)), encodes_(encodes) {}

  std::string name() const override { return av_hwdevice_get_type_name(kind_.type); }

  const AVCodec* decoder(AVCodecID codec) const override {
    void* position = nullptr;
    while (const AVCodec* known = av_codec_iterate(&position))
      if (known->id == codec && av_codec_is_decoder(known) && decodes(*known)) return known;
    return nullptr;
  }

  Status attach(AVCodecContext& decoder) const override {
    decoder.hw_device_ctx = av_buffer_ref(device_.get());
    if (!decoder.hw_device_ctx) return {Code::kEngineFailed, Stage::kDecode, "out of memory"};
    return {};
  }

  AVPixelFormat decoded_format() const override { return kind_.format; }

  Result<FramePtr> accept(FramePtr decoded) const override {
    if (decoded->format == kind_.format && is_on_device(*decoded)) return decoded;
    return Status(Code::kDeviceFailed, Stage::kDecode, "the decoder left the device " + name());
  }

  std::string scaling(int width, int height) const override {
    std::string filters = std::string(kind_.scaler) + ":w=" + std::to_string(width) + ":h=" + std::to_string(height);
    if (!encodes_) filters += std::string(",hwdownload,format=") + av_get_pix_fmt_name(kDevicePixels);
    return filters + ",setsar=1";
  }

  AVBufferRef* for_encoder() const override { return encodes_ ? device_.get() : nullptr; }

 private:
  bool decodes(const AVCodec& codec) const {
    for (int i = 0; const AVCodecHWConfig* config = avcodec_get_hw_config(&codec, i); ++i)
      if ((config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX) && config->device_type == kind_.type &&
          config->pix_fmt == kind_.format)
        return true;
    return false;
  }

  const DeviceKind& kind_;
  const BufferPtr device_;
  const bool encodes_;
};

// How long a driver may take with what another one has asked of it.
constexpr std::chrono::seconds kDriverPatience{10};

Result<std::shared_ptr<const Device>> open_another(const std::string& encoder) {
#ifdef HEADEND_BREAKABLE
  if (is_memory_device(encoder)) return open_memory_device(encoder);
#endif
  const DeviceKind* kind = kind_of(encoder);
  if (!kind)
    return Status(Code::kDeviceFailed, Stage::kOpen, "no device decodes and scales for the encoder " + encoder);
  AVBufferRef* device = nullptr;
  const int error = av_hwdevice_ctx_create(&device, kind->type, nullptr, nullptr, 0);
  if (error < 0)
    return Status::from_av(Code::kDeviceFailed, Stage::kOpen, error,
                           std::string("cannot open a device of type ") + av_hwdevice_get_type_name(kind->type));
  return std::shared_ptr<const Device>(
      std::make_shared<LibavDevice>(*kind, BufferPtr(device), encoder != kSoftwareEncoder));
}

/** The device that is in use for an encoder. */
struct DeviceSlot {
  std::mutex mutex;
  std::condition_variable opened;
  bool opening = false;                // guarded by mutex, as the next
  std::weak_ptr<const Device> device;
};

// Never destroyed: a driver that hangs may hold the thread that has one.
DeviceSlot& slot_of(const std::string& encoder) {
  static std::mutex mutex;
  static auto& slots = *new std::map<std::string, DeviceSlot>();
  const std::lock_guard lock(mutex);
  return slots[encoder];
}

}  // namespace

std::span<const DeviceKind> device_kinds() { return kKinds; }

std::string device_of(const std::string& encoder) {
#ifdef HEADEND_BREAKABLE
  if (is_memory_device(encoder)) return kMemoryDevice;
#endif
  const DeviceKind* kind = kind_of(encoder);
  return kind ? av_hwdevice_get_type_name(kind->type) : "";
}

Result<std::shared_ptr<const Device>> open_device(const std::string& encoder) {
  DeviceSlot& slot = slot_of(encoder);
  std::unique_lock lock(slot.mutex);
  // One opens it for all: a second context is what shall not come of it.
  if (!slot.opened.wait_for(lock, kDriverPatience, [&] { return !slot.opening; }))
    return Status(Code::kDeviceFailed, Stage::kOpen, "its driver has given no answer since it was asked first");
  std::shared_ptr<const Device> device = slot.device.lock();
  if (device && !device->given_up()) return device;
  slot.opening = true;
  lock.unlock();
  auto opened = guarded(Stage::kOpen, [&] { return open_another(encoder); });
  lock.lock();
  slot.opening = false;
  if (opened.ok()) slot.device = opened.value();
  slot.opened.notify_all();
  return opened;
}

AVPixelFormat pixels_of(const AVFrame& picture) {
  if (!is_on_device(picture)) return static_cast<AVPixelFormat>(picture.format);
  return reinterpret_cast<const AVHWFramesContext*>(picture.hw_frames_ctx->data)->sw_format;
}

Result<FramePtr> download(const AVFrame& picture) {
  FramePtr memory = make_frame();
  int error = av_hwframe_transfer_data(memory.get(), &picture, 0);
  if (error >= 0) error = av_frame_copy_props(memory.get(), &picture);
  // Decoders cut pictures on a device at the right and at the bottom alone.
  if (error >= 0) error = av_frame_apply_cropping(memory.get(), 0);
  if (error < 0) return device_error(error, "cannot download a picture");
  return memory;
}

}  // namespace headend
