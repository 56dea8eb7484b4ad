// One output frame of a channel: a picture as the source gave it, and the samples heard during it.
// A value that moves through the queues; what it points to is shared and never written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/av_ptr.h"
#include "base/status.h"
#include "media/device.h"

namespace headend {

/**
 * What a picture on a device weighs in the bounds of queues. Devices have less room than memory: with it a run carries 21 of
 * them to its next batch.
 */
inline constexpr size_t kDevicePictureBytes = 12 << 20;

/**
 * The most pictures of one programme that are on a device at a time: those a run carries, what the queues of reader and
 * workers hold, one on its way into and out of each, what the decoder's source has on air and coming up, and the last one
 * that a rung scaled.
 */
inline constexpr int kDevicePictures = 36;

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
    if (picture && is_on_device(*picture)) return kDevicePictureBytes;
    size_t total = sizeof(Slice);
    if (picture)
      for (const AVBufferRef* buffer : picture->buf)
        if (buffer) total += buffer->size;
    return total;
  }
};

}  // namespace headend
