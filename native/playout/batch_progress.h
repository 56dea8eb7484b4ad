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
  /** The worker of `rendition` cannot go on. The first failure counts. */
  void fail(const std::string& rendition, Status status) {
    std::lock_guard lock(mutex_);
    if (!error_.ok()) return;
    error_ = std::move(status);
    failed_ = rendition;
  }
  Status error() const {
    std::lock_guard lock(mutex_);
    return error_;
  }
  /** The rendition whose worker failed; empty while all work. */
  std::string failed() const {
    std::lock_guard lock(mutex_);
    return failed_;
  }
  /** The first segment that `rendition` has not delivered; `otherwise` when it has delivered none. */
  int64_t next(const std::string& rendition, int64_t otherwise) const {
    std::lock_guard lock(mutex_);
    const auto found = next_.find(rendition);
    return found == next_.end() ? otherwise : found->second;
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
  std::string failed_;
};

}  // namespace headend
