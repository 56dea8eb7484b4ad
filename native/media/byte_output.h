// Where a libavformat muxer writes: memory that grows. Used by one thread.
#pragma once

#include <memory>

#include "base/av_ptr.h"
#include "base/status.h"
#include "media/bytes.h"

namespace headend {

class ByteOutput {
 public:
  static Result<std::unique_ptr<ByteOutput>> open();
  ~ByteOutput();
  ByteOutput(const ByteOutput&) = delete;
  ByteOutput& operator=(const ByteOutput&) = delete;

  /** Lent to the muxer. */
  AVIOContext* io() { return io_; }

  /** Brings everything that was written into `bytes`; fails when memory was short since the last call. */
  Status flush();

  /** Everything written and flushed since take(). */
  const Bytes& bytes() const { return bytes_; }
  /** Gives the bytes away and starts anew. */
  Bytes take();

 private:
  ByteOutput() = default;
  static int write(void* self, const uint8_t* data, int size);

  AVIOContext* io_ = nullptr;  // owned, freed in the destructor
  Bytes bytes_;
};

}  // namespace headend
