#include "media/blank_picture.h"

#include <cstring>

namespace headend {

Result<FramePtr> make_blank_picture(int width, int height, int luma) {
  FramePtr frame = make_frame();
  frame->format = AV_PIX_FMT_YUV420P;
  frame->width = width;
  frame->height = height;
  frame->sample_aspect_ratio = {1, 1};
  frame->colorspace = AVCOL_SPC_BT709;
  frame->color_range = AVCOL_RANGE_MPEG;
  frame->color_primaries = AVCOL_PRI_BT709;
  frame->color_trc = AVCOL_TRC_BT709;
  const int error = av_frame_get_buffer(frame.get(), 0);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot hold a picture");
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 ? height : (height + 1) / 2;
    for (int row = 0; row < rows; ++row)
      std::memset(frame->data[plane] + row * frame->linesize[plane], plane == 0 ? luma : 128, frame->linesize[plane]);
  }
  return frame;
}

}  // namespace headend
