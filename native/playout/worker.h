// The frame of an encoding thread: takes slices from a bounded queue, hands each to the rendition's own work,
// sleeps when the queue is empty (parked). Created and fed by the producer's thread.
#pragma once

#include <stop_token>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "playout/batch_progress.h"
#include "playout/slice.h"

namespace headend {

class Worker {
 public:
  Worker(std::string rendition, BatchProgress& progress);
  virtual ~Worker() = default;

  const std::string& rendition() const { return rendition_; }

  /** Waits for room. kClosed: the worker has failed, `progress` says why. */
  QueueResult push(const Slice& slice, std::stop_token stop);

 protected:
  /** Starts the thread; the last thing that a derived constructor does. */
  void start(const std::string& thread_name);
  /** Stops and joins; the first thing that a derived destructor does. */
  void finish();

  virtual Status prepare() = 0;
  virtual Status process(Slice slice) = 0;
  BatchProgress& progress() { return progress_; }

 private:
  void run(const std::stop_token& stop);

  const std::string rendition_;
  BatchProgress& progress_;
  BoundedQueue<Slice> queue_;
  std::jthread thread_;
};

}  // namespace headend
