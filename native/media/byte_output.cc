#include "media/byte_output.h"

#include <exception>

extern "C" {
#include <libavutil/mem.h>
}

namespace headend {
namespace {

constexpr int kIoBuffer = 64 << 10;

}  // namespace

// Called from C: nothing may be thrown through it.
int ByteOutput::write(void* self, const uint8_t* data, int size) {
  Bytes& bytes = static_cast<ByteOutput*>(self)->bytes_;
  try {
    bytes.insert(bytes.end(), data, data + size);
  } catch (const std::exception&) {
    return AVERROR(ENOMEM);
  }
  return size;
}

Result<std::unique_ptr<ByteOutput>> ByteOutput::open() {
  const Status no_memory(Code::kEngineFailed, Stage::kMux, "out of memory");
  std::unique_ptr<ByteOutput> output(new ByteOutput);
  auto* buffer = static_cast<unsigned char*>(av_malloc(kIoBuffer));
  if (!buffer) return no_memory;
  output->io_ = avio_alloc_context(buffer, kIoBuffer, 1, output.get(), nullptr, &ByteOutput::write, nullptr);
  if (!output->io_) {
    av_free(buffer);
    return no_memory;
  }
  return output;
}

ByteOutput::~ByteOutput() {
  if (!io_) return;
  av_freep(&io_->buffer);
  avio_context_free(&io_);
}

Status ByteOutput::flush() {
  avio_flush(io_);
  if (io_->error < 0) return Status::from_av(Code::kEngineFailed, Stage::kMux, io_->error, "cannot keep what was muxed");
  return {};
}

Bytes ByteOutput::take() {
  Bytes taken;
  taken.swap(bytes_);
  // The next piece is about as long.
  bytes_.reserve(taken.size() + taken.size() / 4);
  return taken;
}

}  // namespace headend
