// Where a decoder puts its pictures. libavcodec's own memory writes zeros to every new picture, small page by small page,
// which while a decoder starts costs as much as decoding; this comes zeroed and in large pages from the kernel.
#pragma once

#include <cstddef>
#include <mutex>

#include "base/av_ptr.h"

namespace headend {

class PictureMemory {
 public:
  PictureMemory() = default;
  PictureMemory(const PictureMemory&) = delete;
  PictureMemory& operator=(const PictureMemory&) = delete;

  /** Before the decoder is opened, which it must outlive; pictures may outlive both. Takes the decoder's `opaque`. */
  void serve(AVCodecContext& decoder);

 private:
  static int get_buffer(AVCodecContext* decoder, AVFrame* picture, int flags);
  int give(AVCodecContext& decoder, AVFrame& picture);
  AVBufferRef* buffer_of(size_t bytes);

  std::mutex mutex_;  // any of the decoder's threads may ask
  BufferPoolPtr pool_;
  size_t bytes_ = 0;  // of a buffer of the pool
};

}  // namespace headend
