// Remuxes to MPEG-TS one after the other on a thread of its own, which starts with the first job.
// push() and the destructor belong to one thread; what is told comes from the queue's own. The jobs that wait are
// bounded by the callers: one per segment that somebody waits for.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.h"
#include "media/bytes.h"

namespace headend {

class TsQueue {
 public:
  using Done = std::function<void(uint32_t id, Result<Bytes> segment)>;

  /** `done` is called for every job that was begun. */
  explicit TsQueue(Done done) : done_(std::move(done)) {}
  /** Ends after the job in hand; those that wait are dropped. */
  ~TsQueue();

  /** Fails when no thread can be started. */
  Status push(uint32_t id, std::vector<Bytes> tracks);

  /** Lets the thread end after the job in hand. Does not wait. */
  void request_stop() { thread_.request_stop(); }

 private:
  struct Job {
    uint32_t id = 0;
    std::vector<Bytes> tracks;
  };

  void run(const std::stop_token& stop);

  const Done done_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Job> jobs_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace headend
