#include "media/device_decoding.h"

#include <algorithm>

#include "base/log.h"
#include "media/picture_fitter.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace headend {

Status DeviceDecoding::prepare(AVCodecContext& decoder) {
  decoder.opaque = this;
  decoder.get_format = choose_format;
  // The device works in parallel; threads would only hold back pictures, and call choose_format from anywhere.
  decoder.thread_count = 1;
  return device_->attach(decoder);
}

// libav asks again, without the device's format, when the device could not be set up for the stream.
AVPixelFormat DeviceDecoding::choose_format(AVCodecContext* decoder, const AVPixelFormat* offered) {
  auto& self = *static_cast<DeviceDecoding*>(decoder->opaque);
  const AVPixelFormat* end = offered;
  while (*end != AV_PIX_FMT_NONE) ++end;
  const AVPixelFormat wanted = self.device_->decoded_format();
  if (std::find(offered, end, wanted) != end) {
    (void)take_last_log_line();
    self.chosen_ = true;
    return wanted;
  }
  const AVPixelFormat* software = std::find_if(offered, end, [](AVPixelFormat format) {
    return !(av_pix_fmt_desc_get(format)->flags & AV_PIX_FMT_FLAG_HWACCEL);
  });
  self.refused_ = std::string(avcodec_get_name(decoder->codec_id)) + " " + std::to_string(decoder->width) + "x" +
                  std::to_string(decoder->height);
  if (software != end) self.refused_ += std::string(" ") + av_get_pix_fmt_name(*software);
  const std::string line = self.chosen_ ? take_last_log_line() : "";
  if (!line.empty()) self.refused_ += " (" + line + ")";
  return *software;
}

Status DeviceDecoding::check(int averror) const {
  if (!refused_.empty())
    return {Code::kDeviceFailed, Stage::kDecode, "the device " + device_->name() + " does not decode " + refused_};
  if (averror >= 0 || averror == AVERROR(EAGAIN) || averror == AVERROR_EOF) return {};
  device_->give_up();
  return Status::from_av(Code::kDeviceFailed, Stage::kDecode, averror,
                         "the device " + device_->name() + " cannot decode a picture");
}

bool DeviceDecoding::stays(const AVFrame& picture) const {
  return std::all_of(rungs_.begin(), rungs_.end(), [&](const PictureSize& rung) {
    return PictureFitter::only_scales(picture, pixels_of(picture), rung.width, rung.height);
  });
}

Result<FramePtr> DeviceDecoding::settle(FramePtr decoded) {
  Result<FramePtr> picture = device_->accept(std::move(decoded));
  if (!picture.ok()) return picture;
  leaves_ = leaves_ || !stays(*picture.value());
  if (leaves_) return download(*picture.value());
  return picture;
}

}  // namespace headend
