// How long a slice is waited for: while the source gets on, but not for ever, and no longer than it is silent.
#include "playout/programme_reader.h"

#include <thread>

#include "test/check.h"
#include "test/recorder.h"

using namespace headend;
using namespace std::chrono_literals;

namespace {

/** Works at its only slice for so long, and tells every step or none. */
class SlowSource : public FrameSource {
 public:
  SlowSource(std::shared_ptr<InputWatch> watch, std::chrono::milliseconds work, bool steps)
      : watch_(std::move(watch)), work_(work), steps_(steps) {}

  Status open(int64_t, std::stop_token stop) override {
    stop_ = std::move(stop);
    return {};
  }

  Result<Slice> next() override {
    const auto end = std::chrono::steady_clock::now() + work_;
    while (std::chrono::steady_clock::now() < end) {
      if (stop_.stop_requested()) return Status::stopped(Stage::kDecode);
      std::this_thread::sleep_for(10ms);
      if (steps_) watch_->step();
    }
    return Slice();
  }

 private:
  const std::shared_ptr<InputWatch> watch_;
  const std::chrono::milliseconds work_;
  const bool steps_;
  std::stop_token stop_;
};

Status read(std::chrono::milliseconds work, bool steps, Patience patience, const std::stop_token& stop = {}) {
  Recorder recorder;
  WaitMeter meter(recorder);
  const auto watch = std::make_shared<InputWatch>();
  ProgrammeReader reader(std::make_unique<SlowSource>(watch, work, steps), watch, 0);
  Result<Slice> slice = reader.read(stop, patience, meter);
  return slice.ok() ? Status() : slice.status();
}

void waits_while_the_source_gets_on() { CHECK(read(3s, true, {2s, 1h}).ok()); }

void gives_up_a_source_that_gets_no_further() { CHECK(read(1h, false, {600ms, 1h}).code() == Code::kSourceTimeout); }

void gives_up_a_source_that_gets_on_for_ever() { CHECK(read(1h, true, {2s, 600ms}).code() == Code::kSourceTimeout); }

void stops_at_once() {
  std::stop_source stop;
  stop.request_stop();
  CHECK(read(1h, true, {1h, 1h}, stop.get_token()).code() == Code::kEngineStopped);
}

}  // namespace

int main() {
  waits_while_the_source_gets_on();
  gives_up_a_source_that_gets_no_further();
  gives_up_a_source_that_gets_on_for_ever();
  stops_at_once();
  return test_result();
}
