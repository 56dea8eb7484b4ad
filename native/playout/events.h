// What a producer gives back. The methods are called on its threads, in order per rendition.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "media/bytes.h"

namespace headend {

inline constexpr const char* kAudioRendition = "audio";

struct InitSection {
  std::string rendition;
  std::string codecs;
  Bytes data;
};

struct Segment {
  std::string rendition;
  int64_t sequence = 0;
  int64_t start = 0;     // ticks since the epoch
  int64_t duration = 0;  // ticks
  int timescale = 0;
  Bytes data;
};

struct Fault {
  Status status;
  int64_t frame = 0;
  std::string source;
};

struct BatchReport {
  int64_t elapsed_ms = 0;
  int64_t frames_decoded = 0;
  bool warm = false;
};

class ProducerEvents {
 public:
  virtual ~ProducerEvents() = default;
  virtual void on_init(InitSection init) = 0;
  virtual void on_segment(Segment segment) = 0;
  virtual void on_fault(Fault fault) = 0;
  /** The end of a batch; `status` says whether it is complete. */
  virtual void on_batch(Status status, BatchReport report) = 0;
  /** The last call: the producer's thread is about to end, all its other threads have. */
  virtual void on_stopped() = 0;
};

}  // namespace headend
