// Whether a batch is held up by its source: of every half second, how much was spent waiting for nothing but input.
// Used by the producer's thread.
#pragma once

#include <chrono>

#include "playout/events.h"

namespace headend {

class WaitMeter {
 public:
  explicit WaitMeter(ProducerEvents& events) : events_(events) {}

  /** Notes that `blocked` of the time since the last call was spent so, and tells when that changes the verdict. */
  void note(std::chrono::nanoseconds blocked) {
    blocked_ += blocked;
    const auto now = std::chrono::steady_clock::now();
    const auto span = now - since_;
    if (span < kSpan) return;
    const bool waits = 4 * blocked_ >= 3 * span;
    since_ = now;
    blocked_ = {};
    if (waits == told_) return;
    told_ = waits;
    events_.on_wait(waits);
  }

  static constexpr auto kSpan = std::chrono::milliseconds(500);

 private:
  ProducerEvents& events_;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::chrono::nanoseconds blocked_{0};
  bool told_ = false;
};

}  // namespace headend
