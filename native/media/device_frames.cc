#include "media/device_frames.h"

#include <string>

namespace headend {
namespace {

Status device_error(int averror, const std::string& what) {
  return Status::from_av(Code::kEncodeFailed, Stage::kEncode, averror, what);
}

}  // namespace

Result<std::unique_ptr<DeviceFrames>> DeviceFrames::open(AVHWDeviceType type, AVBufferRef* device,
                                                         AVPixelFormat device_format, AVPixelFormat format, int width,
                                                         int height) {
  std::unique_ptr<DeviceFrames> self(new DeviceFrames);
  int error = 0;
  if (device) {
    self->device_.reset(av_buffer_ref(device));
  } else {
    error = av_hwdevice_ctx_create(&device, type, nullptr, nullptr, 0);
    self->device_.reset(device);
  }
  if (error < 0) return device_error(error, std::string("cannot open a device of type ") + av_hwdevice_get_type_name(type));
  self->frames_.reset(av_hwframe_ctx_alloc(self->device_.get()));
  if (!self->frames_) return Status(Code::kEngineFailed, Stage::kEncode, "out of memory");
  auto& frames = *reinterpret_cast<AVHWFramesContext*>(self->frames_->data);
  frames.format = device_format;
  frames.sw_format = format;
  frames.width = width;
  frames.height = height;
  error = av_hwframe_ctx_init(self->frames_.get());
  if (error < 0) return device_error(error, "cannot hold pictures on the device");
  return self;
}

Result<FramePtr> DeviceFrames::upload(const AVFrame& picture) {
  FramePtr frame = make_frame();
  int error = av_hwframe_get_buffer(frames_.get(), frame.get(), 0);
  if (error >= 0) error = av_hwframe_transfer_data(frame.get(), &picture, 0);
  if (error >= 0) error = av_frame_copy_props(frame.get(), &picture);
  if (error < 0) return device_error(error, "cannot upload a picture");
  return frame;
}

}  // namespace headend
