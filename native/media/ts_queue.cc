#include "media/ts_queue.h"

#include "base/thread_name.h"
#include "media/ts_remux.h"

namespace headend {

TsQueue::~TsQueue() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Status TsQueue::push(uint32_t id, std::vector<Bytes> tracks) {
  return guarded(Stage::kMux, [&]() -> Status {
    if (!thread_.joinable()) thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
    std::lock_guard lock(mutex_);
    jobs_.push_back({id, std::move(tracks)});
    wake_.notify_one();
    return {};
  });
}

void TsQueue::run(const std::stop_token& stop) {
  name_this_thread("headend-ts");
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [&] { return !jobs_.empty(); })) return;
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    done_(job.id, guarded(Stage::kMux, [&] { return remux_to_ts(job.tracks); }));
  }
}

}  // namespace headend
