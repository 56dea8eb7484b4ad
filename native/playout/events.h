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
  /** Before the first segment that belongs to it; again for every rung when the encoder changes. */
  virtual void on_init(InitSection init) = 0;
  /** A rung's segment that was out when its encoder was given up may come again, behind another init section. */
  virtual void on_segment(Segment segment) = 0;
  virtual void on_fault(Fault fault) = 0;
  /** The end of a batch; `status` says whether it is complete. */
  virtual void on_batch(Status status, BatchReport report) = 0;
  /** The last call: the producer's thread is about to end, all its other threads have. */
  virtual void on_stopped() = 0;
};

}  // namespace headend
