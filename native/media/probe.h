// What a source holds, for the schedule and for people. Runs on the caller's thread.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/grid.h"
#include "base/status.h"

namespace headend {

struct ProbeResult {
  struct Video {
    std::string codec;
    int width = 0;
    int height = 0;
    AVRational frame_rate{0, 1};  // 0/1 when unknown
  };
  struct Audio {
    std::string codec;
    int sample_rate = 0;
    int channels = 0;
  };

  std::string format;
  std::string title;
  std::optional<Seconds> duration;
  std::optional<Video> video;
  std::optional<Audio> audio;
};

Result<ProbeResult> probe(const std::string& url, std::stop_token stop);

}  // namespace headend
