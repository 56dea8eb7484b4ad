// An encoder for tests that breaks on demand: software behind the interface of the others, with parameter sets
// of its own. In the C++ tests and the test addon only.
#pragma once

#include <memory>
#include <string>

#include "base/grid.h"
#include "media/video_encoder.h"

namespace headend {

/** Its name as it stands in the order of preference, before every other: it breaks after 200 frames. */
inline constexpr const char* kFailingEncoder = "failing";
/** The same encoder, whole. */
inline constexpr const char* kUnfailingEncoder = "failing:height=0";

bool is_failing_encoder(const std::string& backend);

/**
 * `backend` is `failing` or `failing:KEY=NUMBER,...` with the keys
 *   height   only rungs of that height break
 *   open     0: the encoder cannot be opened
 *   after    it fails at that frame, counted from its first
 *   swallow  it gives no packets for that frame and those after it
 *   hang     milliseconds that it blocks at its first frame
 */
Result<std::unique_ptr<VideoEncoder>> open_failing_encoder(const std::string& backend,
                                                           const VideoEncoderOptions& options, const Grid& grid);

}  // namespace headend
