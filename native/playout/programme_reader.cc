#include "playout/programme_reader.h"

#include <algorithm>

#include "base/thread_name.h"

namespace headend {
namespace {

// Few: what is decoded ahead of need competes with a cold start's first pictures for the cores.
constexpr size_t kMaxSlices = 2;
constexpr size_t kMaxBytes = 64 << 20;

}  // namespace

/** What lies ready. */
struct ProgrammeReader::Shelf {
  BoundedQueue<Result<Slice>> slices{kMaxSlices, kMaxBytes};

  void put(Result<Slice> slice, const std::stop_token& stop) {
    const size_t bytes = slice.ok() ? slice.value().bytes() : 0;
    slices.push(std::move(slice), bytes, stop);
  }
};

ProgrammeReader::ProgrammeReader(std::unique_ptr<FrameSource> source, std::shared_ptr<const InputWatch> watch,
                                 int64_t first_frame)
    : watch_(std::move(watch)),
      shelf_(std::make_shared<Shelf>()),
      thread_([source = std::shared_ptr<FrameSource>(std::move(source)), shelf = shelf_,
               first_frame](const std::stop_token& stop) { run(*source, *shelf, stop, first_frame); }) {}

void ProgrammeReader::run(FrameSource& source, Shelf& shelf, const std::stop_token& stop, int64_t first_frame) {
  name_this_thread("headend-reader");
  work_in_long_turns();
  if (Status status = guarded(Stage::kOpen, [&] { return source.open(first_frame, stop); }); !status.ok()) {
    shelf.put(status, stop);
    return;
  }
  while (!stop.stop_requested()) {
    Result<Slice> slice = guarded(Stage::kDecode, [&] { return source.next(); });
    const bool last = !slice.ok();
    shelf.put(std::move(slice), stop);
    if (last) return;
  }
}

Result<Slice> ProgrammeReader::read(const std::stop_token& stop, Patience patience, WaitMeter& meter) {
  const auto end = std::chrono::steady_clock::now() + patience.longest;
  auto deadline = std::min(end, std::chrono::steady_clock::now() + patience.idle);
  int64_t steps = watch_->steps();
  Result<Slice> slice = Slice();
  QueueResult result = QueueResult::kTimeout;
  for (auto now = std::chrono::steady_clock::now(); result == QueueResult::kTimeout && now < deadline;) {
    const auto begun = now;
    const auto spent = watch_->spent();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    result = shelf_->slices.pop(slice, stop, std::min<std::chrono::milliseconds>(left, WaitMeter::kSpan));
    now = std::chrono::steady_clock::now();
    if (const int64_t now_at = watch_->steps(); now_at != steps) {
      steps = now_at;
      deadline = std::min(end, now + patience.idle);
    }
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
