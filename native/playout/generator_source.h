// A generated programme: filter chains over black pictures and silence, so that every frame is a function
// of its time and a cold start anywhere costs nothing. Used by the one thread that reads the programme.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "media/filter_graph.h"
#include "media/sound_track.h"
#include "playout/frame_source.h"
#include "playout/options.h"

namespace headend {

class GeneratorSource : public FrameSource {
 public:
  /** Pictures, where they are wanted, are made at the size of the channel's largest rung. */
  GeneratorSource(GeneratorEntry entry, int64_t start_frame, const ProducerOptions& options, bool pictures);

  Status open(int64_t first_frame, std::stop_token stop) override;
  Result<Slice> next() override;

 private:
  Status open_video();
  Result<SharedFrame> next_picture();
  Result<SharedFrame> next_sound();

  const GeneratorEntry entry_;
  const int64_t start_frame_;
  const ProducerOptions options_;
  const bool pictures_;
  std::unique_ptr<FilterGraph> video_;
  std::unique_ptr<FilterGraph> audio_;
  FramePtr black_;
  SoundTrack sound_;
  int64_t frame_ = 0;         // the next slice
  int64_t pushed_ = 0;        // the next picture to push, in programme frames
  int64_t pushed_sample_ = 0; // the next sample to push, in programme samples
};

}  // namespace headend
