// Reads one programme ahead of its use: a thread that opens the source and keeps a few slices ready.
// Created and read by the producer's thread; the source belongs to the reader's own thread, which is left behind when the
// source does not let it go.
#pragma once

#include <chrono>
#include <memory>

#include "base/abandonable_thread.h"
#include "base/bounded_queue.h"
#include "media/interrupt.h"
#include "playout/frame_source.h"
#include "playout/wait_meter.h"

namespace headend {

/** How long a slice is waited for. */
struct Patience {
  std::chrono::milliseconds idle;    // while the source gets no further
  std::chrono::milliseconds longest; // in any case
};

class ProgrammeReader {
 public:
  /**
   * Starts at once: by the time of the cut the first slices are decoded. `watch` sees the source get on, and what it
   * spends on input.
   */
  ProgrammeReader(std::unique_ptr<FrameSource> source, std::shared_ptr<const InputWatch> watch, int64_t first_frame);

  /**
   * The next slice, unless `patience` is over before it is there. After an error there is nothing more. `meter` is told how
   * much of the wait was for the input; the rest was for decoding.
   */
  Result<Slice> read(const std::stop_token& stop, Patience patience, WaitMeter& meter);

 private:
  struct Shelf;

  static void run(FrameSource& source, Shelf& shelf, const std::stop_token& stop, int64_t first_frame);

  const std::shared_ptr<const InputWatch> watch_;
  const std::shared_ptr<Shelf> shelf_;
  AbandonableThread thread_;
};

}  // namespace headend
