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

/** Multiplies every sample. */
void amplify(AVFrame& sound, float gain);

/** An interleave-free block of stereo samples: planes 0 and 1 of an AVFrame in fltp. */
Result<FramePtr> make_sound(int samples);

class SoundTrack {
 public:
  SoundTrack() = default;
  ~SoundTrack() { av_channel_layout_uninit(&layout_); }
  SoundTrack(const SoundTrack&) = delete;
  SoundTrack& operator=(const SoundTrack&) = delete;

  /** Where a frame is heard: its sample number `skip` at channel sample `position`. */
  struct Place {
    int64_t position;
    int skip = 0;
  };

  /**
   * Appends a decoded frame. Where it does not follow on from the one before, the sound starts anew with sample
   * number `skip`; what the frame holds before it is left out.
   */
  Status append(const AVFrame& frame, Place place);

  /** Gives what is still inside the resampler; call at the end of the source. */
  Status drain();

  /** The channel sample after the last one that is ready. */
  int64_t end() const { return end_; }

  /** Samples [from, from + count); what the source does not cover is silence. Forgets everything before the end of it. */
  Result<FramePtr> read(int64_t from, int count);

  /** Forgets everything, after a seek. Nobody will ask for what lies before `from`. */
  void reset(int64_t from);

 private:
  struct Block {
    int64_t start;
    FramePtr samples;
    int64_t end() const { return start + samples->nb_samples; }
  };

  Status configure(const AVFrame& frame);
  Status set_up(const AVChannelLayout& from, const AVFrame& frame);
  Status convert(const AVFrame* frame, int skip = 0);
  void keep(Block block);

  SwrPtr resampler_;
  AVChannelLayout layout_{};
  int rate_ = 0;
  int format_ = -1;
  int64_t end_ = INT64_MIN;
  int64_t from_ = INT64_MIN;  // what lies before it is not kept
  std::deque<Block> blocks_;
};

}  // namespace headend
