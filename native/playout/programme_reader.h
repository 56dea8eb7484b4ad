// Reads one programme ahead of its use: a thread that opens the source and keeps a few slices ready.
// Created and read by the producer's thread; the source belongs to the reader's own thread.
#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "base/bounded_queue.h"
#include "playout/frame_source.h"

namespace headend {

class ProgrammeReader {
 public:
  /** Starts at once: by the time of the cut the first slices are decoded. */
  ProgrammeReader(std::unique_ptr<FrameSource> source, int64_t first_frame);

  /** The next slice, waiting for it no longer than `timeout`. After an error there is nothing more. */
  Result<Slice> read(std::stop_token stop, std::chrono::milliseconds timeout);

 private:
  void run(std::stop_token stop, int64_t first_frame);
  void deliver(Result<Slice> slice, const std::stop_token& stop);

  std::unique_ptr<FrameSource> source_;
  BoundedQueue<Result<Slice>> queue_;
  std::jthread thread_;  // last: joined before the rest goes away
};

}  // namespace headend
