// The queue's bounds, its order, and that every wait can be ended.
#include "base/bounded_queue.h"

#include <atomic>
#include <thread>

#include "test/check.h"

using headend::BoundedQueue;
using headend::QueueResult;
using namespace std::chrono_literals;

namespace {

void keeps_order_within_bounds() {
  BoundedQueue<int> queue(3, 1000);
  std::atomic<int> pushed{0};
  std::jthread producer([&](std::stop_token stop) {
    for (int i = 0; i < 1000; ++i) {
      if (queue.push(i, 10, stop) != QueueResult::kOk) return;
      ++pushed;
    }
    queue.close();
  });
  int expected = 0;
  int value = 0;
  const std::stop_source never;
  while (queue.pop(value, never.get_token(), 10s) == QueueResult::kOk) {
    CHECK(value == expected++);
    CHECK(pushed <= expected + 3);  // three inside and one just about to be counted
  }
  CHECK(expected == 1000);
}

void counts_bytes() {
  BoundedQueue<int> queue(100, 100);
  std::stop_source stop;
  CHECK(queue.push(1, 500, stop.get_token()) == QueueResult::kOk);  // one always fits
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK(queue.push(2, 1, stop.get_token()) == QueueResult::kStopped);
}

void ends_waits() {
  BoundedQueue<int> queue(1, 100);
  int value = 0;
  const std::stop_source never;
  CHECK(queue.pop(value, never.get_token(), 1ms) == QueueResult::kTimeout);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  CHECK(queue.pop(value, stop.get_token()) == QueueResult::kStopped);
  CHECK(queue.push(7, 1, never.get_token()) == QueueResult::kOk);
  queue.close();
  CHECK(queue.push(8, 1, never.get_token()) == QueueResult::kClosed);
  CHECK(queue.pop(value, never.get_token()) == QueueResult::kOk && value == 7);
  CHECK(queue.pop(value, never.get_token()) == QueueResult::kClosed);
}

}  // namespace

int main() {
  keeps_order_within_bounds();
  counts_bytes();
  ends_waits();
  return test_result();
}
