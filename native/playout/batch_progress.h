// How far each rendition of a run has come and what it took, told by the workers and asked by the producer.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/status.h"
#include "playout/events.h"

namespace headend {

class BatchProgress {
 public:
  /** `rendition` has delivered every segment before `segment`. */
  void reached(const std::string& rendition, int64_t segment) {
    std::lock_guard lock(mutex_);
    next_[rendition] = segment;
  }
  /** `rendition` has delivered `segment`, of so many frames or access units and bytes. */
  void delivered(const std::string& rendition, int64_t segment, int64_t frames, size_t bytes) {
    std::lock_guard lock(mutex_);
    next_[rendition] = segment + 1;
    statistics_[rendition].frames += frames;
    statistics_[rendition].bytes += static_cast<int64_t>(bytes);
  }
  /** The thread of `rendition` was busy for so long. */
  void worked(const std::string& rendition, std::chrono::nanoseconds time) {
    std::lock_guard lock(mutex_);
    statistics_[rendition].busy += time;
  }
  /** What every rendition took since the last call. */
  std::map<std::string, RenditionStatistics> take_statistics() {
    std::lock_guard lock(mutex_);
    return std::exchange(statistics_, {});
  }
  /** `rendition` is no longer made. */
  void forget(const std::string& rendition) {
    std::lock_guard lock(mutex_);
    next_.erase(rendition);
  }
  /** A worker cannot go on. The first failure counts. */
  void fail(Status status) {
    std::lock_guard lock(mutex_);
    if (error_.ok()) error_ = std::move(status);
  }
  Status error() const {
    std::lock_guard lock(mutex_);
    return error_;
  }
  /** Whether every rendition has delivered every segment before `segment`. */
  bool complete(int64_t segment) const {
    std::lock_guard lock(mutex_);
    for (const auto& [rendition, next] : next_)
      if (next < segment) return false;
    return true;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int64_t> next_;
  std::map<std::string, RenditionStatistics> statistics_;
  Status error_;
};

}  // namespace headend
