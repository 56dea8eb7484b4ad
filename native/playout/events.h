// What a producer gives back. The methods are called on its threads, in order per rendition.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "media/bytes.h"

namespace headend {

inline constexpr const char* kAudioRendition = "audio";

struct InitSection {
  std::string rendition;
  std::string codecs;
  Bytes data;
  std::string hash;     // of the data; see content_hash
  std::string encoder;  // that it belongs to
  int64_t from = 0;     // the first segment that the producer makes with it
};

struct Segment {
  std::string rendition;
  int64_t sequence = 0;
  int64_t start = 0;     // ticks since the epoch
  int64_t duration = 0;  // ticks
  int timescale = 0;
  std::string init;      // hash of the init section that it is played behind
  Bytes data;
};

/** A piece of a segment, as soon as it is closed. The segment's fragments one after the other are its bytes. */
struct Fragment {
  std::string rendition;
  int64_t sequence = 0;  // of its segment
  int64_t index = 0;     // within it, from 0
  bool last = false;
  std::string init;      // as of the segment
  Bytes data;
};

struct AbandonedSegment {
  std::string rendition;
  int64_t sequence = 0;
};

/** What airs from `frame` on: a cut, the begin of a run, or the slate in place of a source that failed. */
struct ProgrammeStart {
  int64_t frame = 0;
  int64_t start_frame = 0;
  int64_t end_frame = 0;
  std::string kind;    // of its source: file, generator or slate
  std::string source;  // the file, empty for other kinds
  bool slate = false;  // the slate airs, whatever the source
};

struct Fault {
  Status status;
  int64_t frame = 0;
  std::string source;
};

/** What one rendition took since the last report. */
struct RenditionStatistics {
  int64_t frames = 0;  // video frames or audio access units
  int64_t bytes = 0;   // of finished segments
  /** Time in which its thread worked: fitting, encoding, muxing. */
  std::chrono::nanoseconds busy{0};

  RenditionStatistics& operator+=(const RenditionStatistics& other) {
    frames += other.frames;
    bytes += other.bytes;
    busy += other.busy;
    return *this;
  }
};

struct BatchReport {
  int64_t elapsed_ms = 0;
  int64_t frames_decoded = 0;
  /** Output frames that show the picture of the one before once more. */
  int64_t frames_repeated = 0;
  /** Decoded pictures that no output frame shows: skipped by rate conversion, or decoded on the way to a start. */
  int64_t frames_dropped = 0;
  bool warm = false;
  std::map<std::string, RenditionStatistics> renditions;
};

class ProducerEvents {
 public:
  virtual ~ProducerEvents() = default;
  /** Before the first segment that belongs to it; again for every rung when the encoder changes. */
  virtual void on_init(InitSection init) = 0;
  /** Every fragment comes before the segment that it is part of. */
  virtual void on_fragment(Fragment) {}
  /** A rung's segment that was out when its encoder was given up may come again, behind another init section. */
  virtual void on_segment(Segment segment) = 0;
  /** A segment of which there were fragments will not be finished. */
  virtual void on_abandoned(AbandonedSegment) {}
  virtual void on_programme(ProgrammeStart) {}
  /** The batch has begun, or ceased, to spend most of its time waiting for its source. */
  virtual void on_wait(bool) {}
  virtual void on_fault(Fault fault) = 0;
  /** The end of a batch; `status` says whether it is complete. */
  virtual void on_batch(Status status, BatchReport report) = 0;
  /** The last call: the producer's thread is about to end, all its other threads have. */
  virtual void on_stopped() = 0;
};

}  // namespace headend
