#include "media/picture_memory.h"

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace headend {
namespace {

// Vector code reads and writes beyond the last row, as far as libavcodec's own memory lets it.
constexpr size_t kBeyond = 128;
constexpr size_t kAlignment = 64;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

#ifdef __linux__
constexpr size_t kLargePage = 2 << 20;
// Smaller ones are not worth calls to the kernel.
constexpr size_t kLeastMapped = kLargePage / 2;

void unmap(void* size, uint8_t* memory) { munmap(memory, reinterpret_cast<size_t>(size)); }

// Begins at a large page and is such as far as it fills them, where the machine has any.
AVBufferRef* allocate(size_t bytes) {
  if (bytes < kLeastMapped) return av_buffer_allocz(bytes);
  const size_t size = round_up(bytes, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  void* mapped = mmap(nullptr, size + kLargePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<uint8_t*>(mapped);
  const auto address = reinterpret_cast<uintptr_t>(begin);
  const size_t before = round_up(address, kLargePage) - address;
  uint8_t* const memory = begin + before;
  if (before > 0) munmap(begin, before);
  if (before < kLargePage) munmap(memory + size, kLargePage - before);
  (void)madvise(memory, size, MADV_HUGEPAGE);
  AVBufferRef* buffer = av_buffer_create(memory, bytes, unmap, reinterpret_cast<void*>(size), 0);
  if (!buffer) munmap(memory, size);
  return buffer;
}
#else
AVBufferRef* allocate(size_t bytes) { return av_buffer_allocz(bytes); }
#endif

bool is_planes(AVPixelFormat format) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  return description && !(description->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL));
}

}  // namespace

void PictureMemory::serve(AVCodecContext& decoder) {
  if (decoder.codec_type != AVMEDIA_TYPE_VIDEO) return;
  decoder.opaque = this;
  decoder.get_buffer2 = get_buffer;
}

int PictureMemory::get_buffer(AVCodecContext* decoder, AVFrame* picture, int flags) {
  if (!(decoder->codec->capabilities & AV_CODEC_CAP_DR1) || !is_planes(static_cast<AVPixelFormat>(picture->format)))
    return avcodec_default_get_buffer2(decoder, picture, flags);
  return static_cast<PictureMemory*>(decoder->opaque)->give(*decoder, *picture);
}

AVBufferRef* PictureMemory::buffer_of(size_t bytes) {
  std::lock_guard lock(mutex_);
  if (bytes != bytes_) {
    pool_.reset(av_buffer_pool_init(bytes, allocate));  // of the old one, what is in use stays
    bytes_ = pool_ ? bytes : 0;
  }
  return pool_ ? av_buffer_pool_get(pool_.get()) : nullptr;
}

// The planes lie one behind the other; size and strides as libavcodec's own memory has them.
int PictureMemory::give(AVCodecContext& decoder, AVFrame& picture) {
  const auto format = static_cast<AVPixelFormat>(picture.format);
  int width = picture.width;
  int height = picture.height;
  std::array<int, AV_NUM_DATA_POINTERS> alignments{};
  avcodec_align_dimensions2(&decoder, &width, &height, alignments.data());
  std::array<int, 4> strides{};
  const auto is_aligned = [&] {
    for (size_t i = 0; i < strides.size(); ++i)
      if (strides[i] % std::max(alignments[i], static_cast<int>(kAlignment)) != 0) return false;
    return true;
  };
  for (;; width += width & ~(width - 1)) {
    const int error = av_image_fill_linesizes(strides.data(), format, width);
    if (error < 0) return error;
    if (is_aligned()) break;
  }
  std::array<ptrdiff_t, 4> widths{};
  std::ranges::copy(strides, widths.begin());
  std::array<size_t, 4> sizes{};
  const int error = av_image_fill_plane_sizes(sizes.data(), format, height, widths.data());
  if (error < 0) return error;

  size_t bytes = 0;
  for (size_t& size : sizes) {
    if (size == 0) break;
    size = round_up(size + kBeyond, kAlignment);
    bytes += size;
  }
  picture.buf[0] = buffer_of(bytes);
  if (!picture.buf[0]) return AVERROR(ENOMEM);
  uint8_t* plane = picture.buf[0]->data;
  for (size_t i = 0; i < sizes.size() && sizes[i] > 0; ++i) {
    picture.data[i] = plane;
    picture.linesize[i] = strides[i];
    plane += sizes[i];
  }
  picture.extended_data = picture.data;
  return 0;
}

}  // namespace headend
