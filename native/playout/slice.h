// One output frame of a channel: a picture as the source gave it, and the samples heard during it.
// A value that moves through the queues; what it points to is shared and never written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/av_ptr.h"
#include "base/status.h"

namespace headend {

struct Slice {
  /** Frames since the epoch. */
  int64_t frame = 0;
  /** Null when the source has no picture: the channel shows its slate. */
  SharedFrame picture;
  /** Samples [first_sample(frame), first_sample(frame + 1)); null is silence. */
  SharedFrame sound;
  /** What the pictures come from, for faults of those who use them; null when it is no file. */
  std::shared_ptr<const std::string> source;
  /** Something wrong with the source from this frame on that it goes on in spite of. */
  std::shared_ptr<const Status> fault;

  /** Memory held, for the bounds of queues. */
  size_t bytes() const {
    size_t total = sizeof(Slice);
    if (picture)
      for (const AVBufferRef* buffer : picture->buf)
        if (buffer) total += buffer->size;
    return total;
  }
};

}  // namespace headend
