// A queue between two threads, bounded in items and in bytes; the end may come from either side.
// Every wait ends on a stop token or a deadline. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace headend {

enum class QueueResult { kOk, kClosed, kStopped, kTimeout };

template <typename T>
class BoundedQueue {
 public:
  BoundedQueue(size_t max_items, size_t max_bytes) : max_items_(max_items), max_bytes_(max_bytes) {}

  /** Waits for room. One item always fits, however large. */
  QueueResult push(T item, size_t bytes, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const bool woken = room_.wait(lock, stop, [&] {
      return closed_ || items_.empty() || (items_.size() < max_items_ && bytes_ + bytes <= max_bytes_);
    });
    if (closed_) return QueueResult::kClosed;
    if (!woken) return QueueResult::kStopped;
    items_.emplace_back(std::move(item), bytes);
    bytes_ += bytes;
    filled_.notify_one();
    return QueueResult::kOk;
  }

  /** Waits for an item until the deadline; items queued before close() are still handed out. */
  QueueResult pop(T& out, std::stop_token stop, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    filled_.wait_for(lock, stop, timeout, [&] { return closed_ || !items_.empty(); });
    return take(out, stop);
  }

  /** Waits for an item with no deadline but the stop token: for the worker that sleeps while parked. */
  QueueResult pop(T& out, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, stop, [&] { return closed_ || !items_.empty(); });
    return take(out, stop);
  }

  /** No more pushes; the consumer drains what is left and then sees kClosed. */
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    filled_.notify_all();
    room_.notify_all();
  }

 private:
  QueueResult take(T& out, const std::stop_token& stop) {
    if (stop.stop_requested()) return QueueResult::kStopped;
    if (items_.empty()) return closed_ ? QueueResult::kClosed : QueueResult::kTimeout;
    out = std::move(items_.front().first);
    bytes_ -= items_.front().second;
    items_.pop_front();
    room_.notify_one();
    return QueueResult::kOk;
  }

  const size_t max_items_;
  const size_t max_bytes_;
  std::mutex mutex_;
  std::condition_variable_any filled_;
  std::condition_variable_any room_;
  std::deque<std::pair<T, size_t>> items_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace headend
