// Decoders find in it what libavcodec's own memory would give them: planes of the same shape, aligned, and zeroed.
#include "media/picture_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "test/check.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

using namespace headend;

namespace {

constexpr size_t kAlignment = 64;

/** Opened, with the memory or else with libavcodec's own. */
CodecPtr decoder(AVCodecID id, PictureMemory* memory) {
  const AVCodec* codec = avcodec_find_decoder(id);
  CodecPtr context(avcodec_alloc_context3(codec));
  if (memory) memory->serve(*context);
  CHECK(avcodec_open2(context.get(), codec, nullptr) == 0);
  return context;
}

FramePtr ask(AVCodecContext& context, AVPixelFormat format, int width, int height) {
  context.pix_fmt = format;
  context.width = context.coded_width = width;
  context.height = context.coded_height = height;
  FramePtr picture = make_frame();
  picture->format = format;
  picture->width = width;
  picture->height = height;
  CHECK(context.get_buffer2(&context, picture.get(), 0) == 0);
  return picture;
}

size_t rows_of(const AVFrame& picture, int plane) {
  const auto* description = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  const int shift = plane == 1 || plane == 2 ? description->log2_chroma_h : 0;
  return AV_CEIL_RSHIFT(picture.height, shift);
}

void has_the_shape_of_libavcodecs_own(AVPixelFormat format, int width, int height) {
  PictureMemory memory;
  CodecPtr own = decoder(AV_CODEC_ID_H264, nullptr);
  CodecPtr context = decoder(AV_CODEC_ID_H264, &memory);
  const FramePtr expected = ask(*own, format, width, height);
  const FramePtr picture = ask(*context, format, width, height);
  for (int plane = 0; plane < av_pix_fmt_count_planes(format); ++plane) {
    CHECK(picture->linesize[plane] >= expected->linesize[plane]);
    CHECK(picture->linesize[plane] % kAlignment == 0);
    CHECK(reinterpret_cast<uintptr_t>(picture->data[plane]) % kAlignment == 0);
    const size_t bytes = picture->linesize[plane] * rows_of(*picture, plane);
    CHECK(std::all_of(picture->data[plane], picture->data[plane] + bytes, [](uint8_t byte) { return byte == 0; }));
    const uint8_t* end = picture->buf[0]->data + picture->buf[0]->size;
    CHECK(picture->data[plane] + bytes + kAlignment <= end);
    // The planes do not lie over each other.
    std::memset(picture->data[plane], plane + 1, bytes);
  }
  for (int plane = 0; plane < av_pix_fmt_count_planes(format); ++plane) {
    CHECK(picture->data[plane][0] == plane + 1);
    CHECK(picture->data[plane][picture->linesize[plane] * rows_of(*picture, plane) - 1] == plane + 1);
  }
}

void is_used_again() {
  PictureMemory memory;
  CodecPtr context = decoder(AV_CODEC_ID_H264, &memory);
  FramePtr first = ask(*context, AV_PIX_FMT_YUV420P, 1920, 1080);
  const uint8_t* place = first->data[0];
  FramePtr second = ask(*context, AV_PIX_FMT_YUV420P, 1920, 1080);
  CHECK(second->data[0] != place);
  first.reset();
  CHECK(ask(*context, AV_PIX_FMT_YUV420P, 1920, 1080)->data[0] == place);
}

void pictures_outlive_it() {
  FramePtr large;
  FramePtr small;
  {
    PictureMemory memory;
    CodecPtr context = decoder(AV_CODEC_ID_H264, &memory);
    large = ask(*context, AV_PIX_FMT_YUV420P, 3840, 2160);
    small = ask(*context, AV_PIX_FMT_YUV420P, 320, 180);
  }
  std::memset(large->data[0], 1, static_cast<size_t>(large->linesize[0]) * large->height);
  std::memset(small->data[0], 2, static_cast<size_t>(small->linesize[0]) * small->height);
  CHECK(large->data[0][0] == 1 && small->data[0][0] == 2);
}

// Palettes have a plane of their own kind, and some decoders bring their own pictures.
void leaves_the_rest_to_libavcodec() {
  PictureMemory memory;
  CodecPtr context = decoder(AV_CODEC_ID_GIF, &memory);
  const FramePtr picture = ask(*context, AV_PIX_FMT_PAL8, 640, 360);
  CHECK(picture->data[1] != nullptr);
  CHECK(decoder(AV_CODEC_ID_MP3, &memory)->get_buffer2 == avcodec_default_get_buffer2);
}

}  // namespace

int main() {
  for (const AVPixelFormat format : {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P10LE, AV_PIX_FMT_YUV410P, AV_PIX_FMT_NV12,
                                     AV_PIX_FMT_YUVA444P, AV_PIX_FMT_RGB24, AV_PIX_FMT_GRAY8})
    for (const auto& [width, height] : {std::pair(1920, 1080), std::pair(16, 16), std::pair(1, 1), std::pair(1023, 767)})
      has_the_shape_of_libavcodecs_own(format, width, height);
  is_used_again();
  pictures_outlive_it();
  leaves_the_rest_to_libavcodec();
  return test_result();
}
