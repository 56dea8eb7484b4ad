// Where the frames of a programme come from: consecutive slices on the channel's grid.
// Used by the one thread that reads the programme.
#pragma once

#include <cstdint>
#include <stop_token>

#include "base/status.h"
#include "playout/slice.h"

namespace headend {

/** In the place of the first frame whose picture is wanted: none is. */
inline constexpr int64_t kNoPictures = INT64_MAX;

class FrameSource {
 public:
  virtual ~FrameSource() = default;

  /** Opens the source so that the first next() gives frame `first_frame`. */
  virtual Status open(int64_t first_frame, std::stop_token stop) = 0;

  /** The next slice. Code::kSourceEnded when the source has nothing more. */
  virtual Result<Slice> next() = 0;
};

}  // namespace headend
