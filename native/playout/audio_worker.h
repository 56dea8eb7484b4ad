// The audio rendition: gathers the slices' samples into access units, encodes them, cuts CMAF segments.
// Its work runs on its own thread; see Worker.
#pragma once

#include <memory>

#include "media/audio_encoder.h"
#include "media/cmaf_muxer.h"
#include "playout/events.h"
#include "playout/options.h"
#include "playout/worker.h"

namespace headend {

/** Opens the encoder and muxer for a moment to learn the init section, the same from every production. */
Result<InitSection> make_audio_init(int64_t bitrate, const Grid& grid);

class AudioWorker : public Worker {
 public:
  /**
   * Slices may start before `first_segment`: what comes earlier primes the encoder and is not heard.
   * See `pre_roll_frames`.
   */
  AudioWorker(int64_t bitrate, const Grid& grid, int64_t first_segment, BatchProgress& progress,
              ProducerEvents& events);
  ~AudioWorker() override;

  /**
   * Frames of sound that a cold start needs before its first segment: with 3 access units besides the
   * priming one, the sound decoded across the join is that of one continuous encode.
   */
  static int64_t pre_roll_frames(const Grid& grid);

 private:
  Status prepare() override;
  Status process(Slice slice) override;
  Status encode_unit();
  Status take_packet(AVPacket& packet);

  const int64_t bitrate_;
  const Grid grid_;
  ProducerEvents& events_;
  std::unique_ptr<AudioEncoder> encoder_;
  std::unique_ptr<CmafMuxer> muxer_;
  FramePtr unit_;                   // samples of the next access unit
  int64_t position_ = INT64_MIN;    // channel sample at which unit_ starts
  int filled_ = 0;                  // samples in unit_
  int64_t segment_;                 // being written
  int64_t units_ = 0;               // access units in it
  int64_t fragments_ = 0;           // closed in it
  int64_t fragment_units_ = 0;      // access units in the open fragment
};

}  // namespace headend
