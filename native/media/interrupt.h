// Lets a blocking libav input call be abandoned: by a stop token, or by a deadline that each operation renews.
// Owned by the thread that does the input; libav calls back on that same thread.
#pragma once

extern "C" {
#include <libavformat/avio.h>
}

#include <chrono>
#include <stop_token>
#include <utility>

namespace headend {

class Interrupt {
 public:
  explicit Interrupt(std::stop_token stop) : stop_(std::move(stop)) {}

  /** Gives the operation that starts now this much time. */
  void allow(std::chrono::milliseconds time) { deadline_ = std::chrono::steady_clock::now() + time; }

  bool stopped() const { return stop_.stop_requested(); }
  bool expired() const { return stopped() || std::chrono::steady_clock::now() > deadline_; }

  AVIOInterruptCB callback() {
    return {[](void* self) { return static_cast<Interrupt*>(self)->expired() ? 1 : 0; }, this};
  }

 private:
  std::stop_token stop_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace headend
