#include "playout/programme_reader.h"

#include "base/thread_name.h"

namespace headend {
namespace {

// Few: what is decoded ahead of need competes with a cold start's first pictures for the cores.
constexpr size_t kMaxSlices = 2;
constexpr size_t kMaxBytes = 64 << 20;
// An input that has not answered one call for this long is silent.
constexpr auto kSilence = std::chrono::milliseconds(500);

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

Result<Slice> ProgrammeReader::read(const std::stop_token& stop, std::chrono::milliseconds patience,
                                    const std::function<void()>& on_silence) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  Result<Slice> slice = Slice();
  QueueResult result = QueueResult::kTimeout;
  for (bool told = false; result == QueueResult::kTimeout && std::chrono::steady_clock::now() < deadline;) {
    result = queue_.pop(slice, stop, kSilence);
    if (told || result != QueueResult::kTimeout || watch_->waited() < kSilence) continue;
    told = true;
    on_silence();
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
