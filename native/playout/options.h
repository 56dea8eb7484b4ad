// What a producer is told: the native form of ProducerOptions and ProduceRequest in lib/engine/engine.ts.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/grid.h"
#include "media/demuxer.h"
#include "media/encoder_backend.h"
#include "media/video_encoder.h"

namespace headend {

struct RungOptions {
  std::string id;
  VideoEncoderOptions encoder;
};

struct ProducerOptions {
  std::string title;
  std::string encoder = kSoftwareEncoder;  // to begin with; see encoder_backends()
  bool device = false;  // whether files are decoded and scaled on that encoder's device; see open_device()
  Grid grid;
  std::vector<RungOptions> rungs;  // largest first
  int64_t audio_bitrate = 128000;
  std::string font_file;
  InputOptions input;
};

struct FileEntry {
  std::string url;
  Seconds in_point;
  double gain = 0;  // of the sound, in dB
  bool operator==(const FileEntry& other) const {
    return url == other.url && in_point.num == other.in_point.num && in_point.den == other.in_point.den &&
           gain == other.gain;
  }
};

struct GeneratorEntry {
  std::string video;
  std::string audio;
  int64_t in_frame = 0;
  bool operator==(const GeneratorEntry&) const = default;
};

struct SlateEntry {
  bool operator==(const SlateEntry&) const = default;
};

using EntrySource = std::variant<FileEntry, GeneratorEntry, SlateEntry>;

/** What airs in output frames [start_frame, end_frame). */
struct TimelineEntry {
  int64_t start_frame = 0;
  int64_t end_frame = 0;
  EntrySource source;

  /** The same programme at the same place; its end may have moved. */
  bool continues(const TimelineEntry& other) const {
    return start_frame == other.start_frame && source == other.source;
  }
};

struct ProduceRequest {
  int64_t from = 0;
  int64_t count = 0;
  std::vector<std::string> rungs;
  std::vector<TimelineEntry> timeline;
  std::string encoder = {};  // from this batch on; empty for the one in use
};

}  // namespace headend
