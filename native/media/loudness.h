// How loud a source is by EBU R 128: its sound as it would air (48 kHz stereo), from end to end. Slow: decodes
// everything. Runs on the caller's thread.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/grid.h"
#include "base/status.h"
#include "media/demuxer.h"

namespace headend {

struct Loudness {
  /** Of the whole programme, gated, in LUFS; nothing when all of it is silence. */
  std::optional<double> integrated;
  /** The highest peak between the samples, in dBTP; nothing when all of it is silence. */
  std::optional<double> true_peak;
};

/** Called with the seconds measured so far, about once per second of them; on the measuring thread. */
using LoudnessProgress = std::function<void(double seconds)>;

/** Measures the first audio stream from `in_point`, to the end or for `duration`. Fails when there is no sound. */
Result<Loudness> measure_loudness(const std::string& url, Seconds in_point, std::optional<Seconds> duration,
                                  const InputOptions& options, std::stop_token stop, const LoudnessProgress& progress);

}  // namespace headend
