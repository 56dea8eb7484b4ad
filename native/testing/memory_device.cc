#include "testing/memory_device.h"

#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "testing/plan.h"

extern "C" {
#include <libavutil/hwcontext_drm.h>
#include <libavutil/imgutils.h>
}

namespace headend {
namespace {

constexpr AVPixelFormat kPixels = AV_PIX_FMT_YUV420P;
constexpr int64_t kRoomy = 1000;

/** What a pool makes its pictures from; owned by the pool. */
struct Room {
  int width = 0;
  int height = 0;
  int64_t left = 0;
};

void free_picture(void*, uint8_t* data) {
  auto* picture = reinterpret_cast<AVDRMFrameDescriptor*>(data);
  close(picture->objects[0].fd);
  delete picture;
}

AVBufferRef* make_picture(void* opaque, size_t) {
  auto& room = *static_cast<Room*>(opaque);
  if (room.left-- <= 0) return nullptr;
  int strides[4] = {};
  size_t sizes[4] = {};
  av_image_fill_linesizes(strides, kPixels, room.width);
  const ptrdiff_t pitches[4] = {strides[0], strides[1], strides[2], strides[3]};
  av_image_fill_plane_sizes(sizes, kPixels, room.height, pitches);

  auto* picture = new AVDRMFrameDescriptor{};
  picture->nb_objects = 1;
  picture->objects[0].size = sizes[0] + sizes[1] + sizes[2];
  picture->objects[0].fd = memfd_create("headend-test", MFD_CLOEXEC);
  picture->nb_layers = 1;
  picture->layers[0].nb_planes = 3;
  ptrdiff_t offset = 0;
  for (int plane = 0; plane < 3; ++plane) {
    picture->layers[0].planes[plane] = {0, offset, strides[plane]};
    offset += static_cast<ptrdiff_t>(sizes[plane]);
  }
  auto* data = reinterpret_cast<uint8_t*>(picture);
  if (ftruncate(picture->objects[0].fd, offset) != 0) {
    free_picture(nullptr, data);
    return nullptr;
  }
  return av_buffer_create(data, sizeof *picture, free_picture, nullptr, 0);
}

class MemoryDevice : public Device {
 public:
  MemoryDevice(BufferPtr device, Plan plan) : plan_(std::move(plan)), device_(std::move(device)) {}

  std::string name() const override { return kMemoryDevice; }
  const AVCodec* decoder(AVCodecID codec) const override { return avcodec_find_decoder(codec); }
  Status attach(AVCodecContext&) const override { return {}; }
  AVPixelFormat decoded_format() const override { return kPixels; }

  Result<FramePtr> accept(FramePtr decoded) const override {
    std::lock_guard lock(mutex_);
    if (decoded_++ == plan("decode", -1)) return failed("the test device fails on purpose");
    Result<AVBufferRef*> pool = pool_for(decoded->width, decoded->height);
    if (!pool.ok()) return pool.status();
    FramePtr picture = make_frame();
    int error = av_hwframe_get_buffer(pool.value(), picture.get(), 0);
    if (error < 0) return failed("the test device has no room left");
    error = av_hwframe_transfer_data(picture.get(), decoded.get(), 0);
    if (error >= 0) error = av_frame_copy_props(picture.get(), decoded.get());
    if (error < 0) return failed("the test device takes no picture");
    return picture;
  }

  std::string scaling(int width, int height) const override {
    std::string filters = std::string("hwdownload,format=") + av_get_pix_fmt_name(kPixels) +
                          ",scale=flags=bicubic:w=" + std::to_string(width) + ":h=" + std::to_string(height);
    if (plan_.contains("shade")) filters += ",lutyuv=y=val/2";
    if (const int64_t last = plan("scale", -1); last >= 0) filters += ",trim=end_frame=" + std::to_string(last);
    return filters;
  }

  AVBufferRef* for_encoder() const override { return nullptr; }

 private:
  static Status failed(const std::string& why) { return {Code::kDeviceFailed, Stage::kDecode, why}; }

  int64_t plan(std::string_view key, int64_t otherwise) const {
    const auto found = plan_.find(key);
    return found == plan_.end() ? otherwise : found->second;
  }

  Result<AVBufferRef*> pool_for(int width, int height) const {
    BufferPtr& pool = pools_[{width, height}];
    if (pool) return pool.get();
    pool.reset(av_hwframe_ctx_alloc(device_.get()));
    if (!pool) return failed("out of memory");
    auto& frames = *reinterpret_cast<AVHWFramesContext*>(pool->data);
    frames.format = AV_PIX_FMT_DRM_PRIME;
    frames.sw_format = kPixels;
    frames.width = width;
    frames.height = height;
    frames.pool = av_buffer_pool_init2(sizeof(AVDRMFrameDescriptor), new Room{width, height, plan("pool", kRoomy)},
                                       make_picture, [](void* room) { delete static_cast<Room*>(room); });
    frames.free = [](AVHWFramesContext* context) { av_buffer_pool_uninit(&context->pool); };
    if (av_hwframe_ctx_init(pool.get()) < 0) return failed("the test device has no pool");
    return pool.get();
  }

  const Plan plan_;
  const BufferPtr device_;
  mutable std::mutex mutex_;
  mutable int64_t decoded_ = 0;                             // guarded by mutex_
  mutable std::map<std::pair<int, int>, BufferPtr> pools_;  // guarded by mutex_
};

}  // namespace

bool is_memory_device(const std::string& encoder) { return encoder.starts_with(kMemoryDevice); }

Result<std::shared_ptr<const Device>> open_memory_device(const std::string& encoder) {
  Plan plan = read_plan(encoder);
  BufferPtr device(av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_DRM));
  if (plan.contains("open") || !device || av_hwdevice_ctx_init(device.get()) < 0)
    return Status(Code::kDeviceFailed, Stage::kOpen, "the test device does not open");
  return std::shared_ptr<const Device>(std::make_shared<MemoryDevice>(std::move(device), std::move(plan)));
}

}  // namespace headend
