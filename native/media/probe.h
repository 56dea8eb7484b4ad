// What a source holds, for the schedule and for people. Runs on the caller's thread.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/grid.h"
#include "base/status.h"
#include "media/demuxer.h"

namespace headend {

/** A size in pixels. */
struct Size {
  int width = 0;
  int height = 0;
};

struct ProbeResult {
  struct Video {
    std::string codec;
    std::string profile;  // empty when unknown
    Size coded;
    Size shown;           // in square pixels, upright
    AVRational sample_aspect{1, 1};
    int rotation = 0;     // degrees clockwise that make it upright: 0, 90, 180, 270
    AVRational frame_rate{0, 1};     // on average; 0/1 when unknown
    AVRational declared_rate{0, 1};  // as the container or the codec says; 0/1 when it does not
    bool variable_rate = false;
    std::string pixel_format;  // empty when unknown
    int bit_depth = 0;         // 0 when unknown
    std::string primaries, transfer, matrix, range;  // by H.273 names; empty when unknown
    std::string dynamic_range;  // sdr, hdr10, hlg
    std::optional<int> dolby_vision;  // profile
    std::string field_order;    // progressive, top-first, bottom-first
  };
  struct Audio {
    int index = 0;  // of the stream in the container
    std::string codec;
    std::string profile;
    int sample_rate = 0;
    int channels = 0;
    std::string layout;
    std::string language;  // ISO 639 code as the container has it; empty when unknown
    std::string title;
  };
  struct Subtitle {
    int index = 0;
    std::string codec;
    std::string language;
  };

  std::string format;
  std::string title;
  std::optional<Seconds> duration;           // of what is there
  std::optional<Seconds> declared_duration;  // only where the file was cut off
  int64_t bitrate = 0;  // of everything together in bit/s; 0 when unknown
  std::optional<Video> video;
  std::optional<Audio> audio;  // the track that airs
  std::vector<Audio> audio_tracks;
  std::vector<Subtitle> subtitles;
  bool cover = false;
  /** In microseconds from the programme's zero, only when asked for; nothing where that takes decoding. */
  std::optional<std::vector<int64_t>> key_frames;
};

struct ProbeRequest {
  std::string url;
  bool key_frames = false;
};

Result<ProbeResult> probe(const ProbeRequest& request, const InputOptions& options, std::stop_token stop);

}  // namespace headend
