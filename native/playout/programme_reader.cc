#include "playout/programme_reader.h"

#include <algorithm>

#include "base/thread_name.h"

namespace headend {
namespace {

// Few: what is decoded ahead of need competes with a cold start's first pictures for the cores.
constexpr size_t kMaxSlices = 2;
constexpr size_t kMaxBytes = 64 << 20;

}  // namespace

ProgrammeReader::ProgrammeReader(std::unique_ptr<FrameSource> source, std::shared_ptr<const InputWatch> watch,
                                 int64_t first_frame)
    : source_(std::move(source)), watch_(std::move(watch)), queue_(kMaxSlices, kMaxBytes) {
  thread_ = std::jthread([this, first_frame](std::stop_token stop) { run(stop, first_frame); });
}

void ProgrammeReader::deliver(Result<Slice> slice, const std::stop_token& stop) {
  const size_t bytes = slice.ok() ? slice.value().bytes() : 0;
  queue_.push(std::move(slice), bytes, stop);
}

void ProgrammeReader::run(std::stop_token stop, int64_t first_frame) {
  name_this_thread("headend-reader");
  work_in_long_turns();
  if (Status status = guarded(Stage::kOpen, [&] { return source_->open(first_frame, stop); }); !status.ok()) {
    deliver(status, stop);
    return;
  }
  while (!stop.stop_requested()) {
    Result<Slice> slice = guarded(Stage::kDecode, [&] { return source_->next(); });
    const bool last = !slice.ok();
    deliver(std::move(slice), stop);
    if (last) return;
  }
}

Result<Slice> ProgrammeReader::read(const std::stop_token& stop, std::chrono::milliseconds patience, WaitMeter& meter) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  Result<Slice> slice = Slice();
  QueueResult result = QueueResult::kTimeout;
  for (auto now = std::chrono::steady_clock::now(); result == QueueResult::kTimeout && now < deadline;) {
    const auto begun = now;
    const auto spent = watch_->spent();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    result = queue_.pop(slice, stop, std::min<std::chrono::milliseconds>(left, WaitMeter::kSpan));
    now = std::chrono::steady_clock::now();
    meter.note(std::clamp<std::chrono::nanoseconds>(watch_->spent() - spent, {}, now - begun));
  }
  switch (result) {
    case QueueResult::kOk: return slice;
    case QueueResult::kStopped: return Status::stopped(Stage::kDemux);
    case QueueResult::kTimeout: return Status(Code::kSourceTimeout, Stage::kDemux, "the source gives no frames in time");
    case QueueResult::kClosed: break;
  }
  return Status(Code::kSourceEnded, Stage::kDemux, "the source has ended");
}

}  // namespace headend
