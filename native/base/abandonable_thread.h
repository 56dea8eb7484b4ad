// A thread that its owner leaves behind when it does not end in time: the kernel holds it in a read from a disk of the
// network, or a driver does.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

namespace headend {

class AbandonableThread {
 public:
  /** How long an end that was asked for may take. */
  static constexpr std::chrono::milliseconds kPatience{500};

  /**
   * `work` owns all that it uses, since it may outlive whoever started it, and ends soon after its stop token says so.
   * It must not throw. @throws std::system_error when the system gives no thread
   */
  explicit AbandonableThread(std::function<void(std::stop_token)> work);
  /** Asks for the end, if nobody has, waits for it until kPatience after that, and else leaves the thread to itself. */
  ~AbandonableThread();

  AbandonableThread(const AbandonableThread&) = delete;
  AbandonableThread& operator=(const AbandonableThread&) = delete;

  void request_stop();

  /** Whether it has ended; waits for that until the deadline or until `stop` is requested. */
  bool wait_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop = {});

 private:
  struct State;

  const std::shared_ptr<State> state_;
  std::stop_source stop_;
  std::optional<std::chrono::steady_clock::time_point> asked_;
  std::thread thread_;
};

}  // namespace headend
