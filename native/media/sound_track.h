// Turns decoded audio frames of any rate and layout into one continuous run of 48 kHz stereo samples,
// addressed by the channel's sample clock. Used by one thread.
#pragma once

#include <cstdint>
#include <deque>

#include "base/av_ptr.h"
#include "base/status.h"

extern "C" {
#include <libavutil/channel_layout.h>
}

namespace headend {

/** An interleave-free block of stereo samples: planes 0 and 1 of an AVFrame in fltp. */
Result<FramePtr> make_sound(int samples);

class SoundTrack {
 public:
  SoundTrack() = default;
  ~SoundTrack() { av_channel_layout_uninit(&layout_); }
  SoundTrack(const SoundTrack&) = delete;
  SoundTrack& operator=(const SoundTrack&) = delete;

  /** Appends a decoded frame whose first sample is heard at channel sample `position`. */
  Status append(const AVFrame& frame, int64_t position);

  /** Gives what is still inside the resampler; call at the end of the source. */
  Status drain();

  /** The channel sample after the last one that is ready. */
  int64_t end() const { return end_; }

  /** Samples [from, from + count); what the source does not cover is silence. Forgets everything before the end of it. */
  Result<FramePtr> read(int64_t from, int count);

  /** Forgets everything, after a seek. */
  void reset();

 private:
  struct Block {
    int64_t start;
    FramePtr samples;
    int64_t end() const { return start + samples->nb_samples; }
  };

  Status configure(const AVFrame& frame);
  Status convert(const AVFrame* frame);

  SwrPtr resampler_;
  AVChannelLayout layout_{};
  int rate_ = 0;
  int format_ = -1;
  int64_t end_ = INT64_MIN;
  std::deque<Block> blocks_;
};

}  // namespace headend
