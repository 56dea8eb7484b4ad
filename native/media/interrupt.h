// Lets a blocking libav input call be abandoned: by a stop token, or by a deadline that each call renews; and lets other
// threads see how much time goes into such calls, and whether the source gets on.
#pragma once

extern "C" {
#include <libavformat/avio.h>
}

#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>
#include <utility>

namespace headend {

/**
 * How much time a source has spent in input calls, and whether it gets on. Written by the thread that reads, read by any.
 */
class InputWatch {
 public:
  void begin() { begun_.store(now(), std::memory_order_relaxed); }
  void end() {
    const int64_t begun = begun_.exchange(kIdle, std::memory_order_relaxed);
    if (begun == kIdle) return;
    spent_.fetch_add(now() - begun, std::memory_order_relaxed);
  }

  /** Something was opened, read or decoded. */
  void step() { steps_.fetch_add(1, std::memory_order_relaxed); }
  int64_t steps() const { return steps_.load(std::memory_order_relaxed); }

  /** So far; the call in progress counts. Between two looks it may seem to go back by as much as that, for a moment. */
  std::chrono::nanoseconds spent() const {
    const int64_t spent = spent_.load(std::memory_order_relaxed);
    const int64_t begun = begun_.load(std::memory_order_relaxed);
    return std::chrono::nanoseconds(begun == kIdle ? spent : spent + now() - begun);
  }

 private:
  static constexpr int64_t kIdle = INT64_MIN;
  static int64_t now() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

  std::atomic<int64_t> begun_{kIdle};
  std::atomic<int64_t> spent_{0};
  std::atomic<int64_t> steps_{0};
};

/** Owned by the thread that does the input; libav calls back on that same thread. */
class Interrupt {
 public:
  /** `watch` may be null. */
  Interrupt(std::stop_token stop, std::shared_ptr<InputWatch> watch) : stop_(std::move(stop)), watch_(std::move(watch)) {}

  /** A call in progress, while this lives. */
  class [[nodiscard]] Call {
   public:
    explicit Call(InputWatch* watch) : watch_(watch) {
      if (watch_) watch_->begin();
    }
    ~Call() {
      if (watch_) watch_->end();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    InputWatch* const watch_;
  };

  /** Gives the call that starts now this much time. */
  Call allow(std::chrono::milliseconds time) {
    deadline_ = std::chrono::steady_clock::now() + time;
    return Call(watch_.get());
  }

  /** What was allowed has been done. */
  void step() {
    if (watch_) watch_->step();
  }

  bool stopped() const { return stop_.stop_requested(); }
  bool expired() const { return stopped() || std::chrono::steady_clock::now() > deadline_; }

  AVIOInterruptCB callback() {
    return {[](void* self) { return static_cast<Interrupt*>(self)->expired() ? 1 : 0; }, this};
  }

 private:
  std::stop_token stop_;
  std::shared_ptr<InputWatch> watch_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace headend
