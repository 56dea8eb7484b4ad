// A thread that hangs in the kernel is left behind and takes nothing along; one that does not is joined.
#include "base/abandonable_thread.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>

#include "playout/programme_reader.h"
#include "test/check.h"

using namespace headend;
using namespace std::chrono_literals;

namespace {

/** A pipe that nobody writes to until it is to go on. */
class Hold {
 public:
  Hold() { CHECK(pipe(ends_.data()) == 0); }
  ~Hold() {
    close(ends_[0]);
    close(ends_[1]);
  }

  void wait() const {
    char byte = 0;
    while (read(ends_[0], &byte, 1) < 0) continue;
  }

  void release() const { CHECK(write(ends_[1], "x", 1) == 1); }

 private:
  std::array<int, 2> ends_{};
};

/** Waits until nobody but the test has it any more. */
template <typename T>
bool is_let_go(const std::weak_ptr<T>& what) {
  for (const auto deadline = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < deadline;) {
    if (what.expired()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

void joins() {
  std::atomic<bool> ended{false};
  {
    AbandonableThread thread([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) std::this_thread::yield();
      ended = true;
    });
    CHECK(!thread.wait_until(std::chrono::steady_clock::now() + 1ms));
  }
  CHECK(ended);
}

void waits_no_longer_than_its_owner() {
  AbandonableThread thread([](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  std::stop_source owner;
  owner.request_stop();
  CHECK(!thread.wait_until(std::chrono::steady_clock::time_point::max(), owner.get_token()));
}

void leaves_behind_what_hangs() {
  const auto hold = std::make_shared<Hold>();
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = owned;
  { AbandonableThread thread([hold, owned = std::move(owned)](const std::stop_token&) { hold->wait(); }); }
  CHECK(!seen.expired());
  hold->release();
  CHECK(is_let_go(seen));
}

/** A file on a disk that does not answer. */
class HangingSource : public FrameSource {
 public:
  HangingSource(std::shared_ptr<Hold> hold, std::shared_ptr<int> owned) : hold_(std::move(hold)), owned_(std::move(owned)) {}

  Status open(int64_t, std::stop_token) override {
    hold_->wait();
    return {};
  }
  Result<Slice> next() override { return Status(Code::kSourceEnded, Stage::kDemux, "ended"); }

 private:
  const std::shared_ptr<Hold> hold_;
  const std::shared_ptr<int> owned_;
};

void a_reader_leaves_a_source_that_hangs() {
  const auto hold = std::make_shared<Hold>();
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = owned;
  {
    ProgrammeReader reader(std::make_unique<HangingSource>(hold, std::move(owned)), std::make_shared<InputWatch>(), 0);
  }
  CHECK(!seen.expired());
  hold->release();
  CHECK(is_let_go(seen));
}

}  // namespace

int main() {
  joins();
  waits_no_longer_than_its_owner();
  leaves_behind_what_hangs();
  a_reader_leaves_a_source_that_hangs();
  return test_result();
}
