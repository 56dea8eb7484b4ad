// What a rung's pictures look like: the source's own picture where it fits, and resized and converted where not.
#include "media/picture_fitter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "media/blank_picture.h"
#include "test/check.h"

extern "C" {
#include <libavutil/display.h>
}

using namespace headend;

namespace {

constexpr int kWidth = 640;
constexpr int kHeight = 360;

/** Grey that rises by one in every four pixels from 20 on, and colours that do not change. */
FramePtr ramp(int width = kWidth, int height = kHeight) {
  FramePtr frame = make_blank_picture(width, height, 16).take();
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column)
      frame->data[0][row * frame->linesize[0] + column] = static_cast<uint8_t>(20 + column / 4);
  return frame;
}

int luma(const AVFrame& picture, int column, int row) { return picture.data[0][row * picture.linesize[0] + column]; }

SharedFrame fit(int width, int height, FramePtr picture) {
  PictureFitter fitter(width, height);
  Result<SharedFrame> fitted = fitter.fit(share(std::move(picture)));
  CHECK(fitted.ok());
  if (!fitted.ok()) std::exit(1);
  CHECK(fitted.value()->width == width && fitted.value()->height == height);
  CHECK(fitted.value()->format == AV_PIX_FMT_YUV420P);
  return fitted.value();
}

void what_fits_is_not_copied() {
  FramePtr picture = ramp();
  const uint8_t* pixels = picture->data[0];
  CHECK(fit(kWidth, kHeight, std::move(picture))->data[0] == pixels);
}

// The rung's column c is the source's column c times the ratio; the kernel does not blur a ramp.
void other_sizes_are_resized(int width, int height) {
  const SharedFrame fitted = fit(width, height, ramp());
  for (int column = 8; column < width - 8; column += 5) {
    const double at = (column + 0.5) * kWidth / width - 0.5;
    CHECK(std::abs(luma(*fitted, column, height / 2) - (20 + (at - 1.5) / 4)) < 1.2);
  }
  CHECK(fitted->data[1][0] == 128 && fitted->data[2][0] == 128);
}

void turned_pictures_stand_upright() {
  FramePtr picture = ramp(kHeight, kWidth);
  AVFrameSideData* side = av_frame_new_side_data(picture.get(), AV_FRAME_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
  auto* matrix = reinterpret_cast<int32_t*>(side->data);
  av_display_rotation_set(matrix, 90);  // clockwise: what was on the left comes to the top
  const SharedFrame fitted = fit(kWidth, kHeight, std::move(picture));
  CHECK(luma(*fitted, 100, 4) < luma(*fitted, 100, kHeight - 4));
  CHECK(luma(*fitted, 4, 100) == luma(*fitted, kWidth - 4, 100));
}

void odd_sizes_and_narrow_shapes_are_padded() {
  const SharedFrame fitted = fit(320, 180, ramp(427, 427));
  CHECK(luma(*fitted, 4, 90) == 16 && luma(*fitted, 315, 90) == 16);
  CHECK(luma(*fitted, 160, 90) > 40);
}

void full_range_becomes_limited() {
  FramePtr picture = make_blank_picture(kWidth, kHeight, 255).take();
  picture->color_range = AVCOL_RANGE_JPEG;
  CHECK(luma(*fit(kWidth, kHeight, std::move(picture)), 100, 100) == 235);
}

// Pure red is another triple in BT.601.
void standard_definition_colours_are_converted() {
  FramePtr picture = make_blank_picture(720, 576, 81).take();
  picture->colorspace = AVCOL_SPC_BT470BG;
  for (int row = 0; row < 288; ++row) {
    std::fill_n(picture->data[1] + row * picture->linesize[1], 360, uint8_t{90});
    std::fill_n(picture->data[2] + row * picture->linesize[2], 360, uint8_t{240});
  }
  const SharedFrame fitted = fit(720, 576, std::move(picture));
  CHECK(std::abs(luma(*fitted, 100, 100) - 63) <= 2);
  CHECK(std::abs(fitted->data[1][50 * fitted->linesize[1] + 50] - 102) <= 2);
}

/** A picture of 10 bit in one colour: the planes' samples, in their order. */
FramePtr hdr_picture(AVPixelFormat format, AVColorSpace matrix, std::array<double, 3> samples) {
  FramePtr frame = make_frame();
  frame->format = format;
  frame->width = kWidth;
  frame->height = kHeight;
  frame->colorspace = matrix;
  frame->color_range = matrix == AVCOL_SPC_RGB ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  frame->color_trc = AVCOL_TRC_SMPTE2084;
  CHECK(av_frame_get_buffer(frame.get(), 0) >= 0);
  for (int plane = 0; plane < 3; ++plane)
    for (int row = 0; row < kHeight; ++row)
      std::fill_n(reinterpret_cast<uint16_t*>(frame->data[plane] + row * frame->linesize[plane]), kWidth,
                  static_cast<uint16_t>(std::lround(samples[plane])));
  return frame;
}

// In RGB a colour of BT.2020 becomes what it becomes in YUV (ITU-R BT.2100, table 6).
void hdr_in_rgb_is_toned_as_in_yuv(double red, double green, double blue) {
  const double y = 0.2627 * red + 0.678 * green + 0.0593 * blue;
  const double cb = (blue - y) / 1.8814;
  const double cr = (red - y) / 1.4746;
  const SharedFrame yuv = fit(kWidth, kHeight,
                              hdr_picture(AV_PIX_FMT_YUV444P10, AVCOL_SPC_BT2020_NCL,
                                          {64 + 876 * y, 512 + 896 * cb, 512 + 896 * cr}));
  const SharedFrame rgb = fit(kWidth, kHeight,
                              hdr_picture(AV_PIX_FMT_GBRP10, AVCOL_SPC_RGB, {1023 * green, 1023 * blue, 1023 * red}));
  for (int plane = 0; plane < 3; ++plane) CHECK(std::abs(yuv->data[plane][50] - rgb->data[plane][50]) <= 2);
}

}  // namespace

int main() {
  what_fits_is_not_copied();
  other_sizes_are_resized(320, 180);
  other_sizes_are_resized(854, 480);
  other_sizes_are_resized(256, 144);
  turned_pictures_stand_upright();
  odd_sizes_and_narrow_shapes_are_padded();
  full_range_becomes_limited();
  standard_definition_colours_are_converted();
  hdr_in_rgb_is_toned_as_in_yuv(0.4, 0.4, 0.4);
  hdr_in_rgb_is_toned_as_in_yuv(0.5, 0.3, 0.1);
  return test_result();
}
