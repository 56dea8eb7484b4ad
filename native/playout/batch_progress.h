// How far each rendition of a run has come, told by the workers and asked by the producer. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/status.h"

namespace headend {

class BatchProgress {
 public:
  /** `rendition` has delivered every segment before `segment`. */
  void reached(const std::string& rendition, int64_t segment) {
    std::lock_guard lock(mutex_);
    next_[rendition] = segment;
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
  Status error_;
};

}  // namespace headend
