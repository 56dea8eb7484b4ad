#include "media/device_scaler.h"

namespace headend {
namespace {

Status device_error(const Device& device, const std::string& why) {
  device.give_up();
  return {Code::kDeviceFailed, Stage::kNormalise, "the device " + device.name() + " cannot scale a picture: " + why};
}

}  // namespace

Result<SharedFrame> DeviceScaler::scale(const SharedFrame& picture) {
  if (picture == last_input_) return last_output_;
  FramePtr tagged(av_frame_clone(picture.get()));
  if (!tagged) return Status(Code::kEngineFailed, Stage::kNormalise, "out of memory");
  // Said aloud, so that no driver guesses by the size.
  tagged->colorspace = AVCOL_SPC_BT709;
  tagged->color_primaries = AVCOL_PRI_BT709;
  tagged->color_trc = AVCOL_TRC_BT709;
  tagged->color_range = AVCOL_RANGE_MPEG;
  const void* pool = picture->hw_frames_ctx->data;
  if (!graph_ || pool != pool_ || picture->width != input_width_ || picture->height != input_height_) {
    auto graph = FilterGraph::for_pictures(*tagged, {1, 1}, device_->scaling(width_, height_));
    if (!graph.ok()) return device_error(*device_, graph.status().message());
    graph_ = graph.take();
    pool_ = pool;
    input_width_ = picture->width;
    input_height_ = picture->height;
  }
  if (Status status = graph_->push(*tagged); !status.ok()) return device_error(*device_, status.message());
  Result<FramePtr> scaled = graph_->pull();
  if (!scaled.ok()) return device_error(*device_, scaled.status().message());
  if (!scaled.value()) return device_error(*device_, "it gives none back");
  last_input_ = picture;
  last_output_ = share(scaled.take());
  return last_output_;
}

}  // namespace headend
