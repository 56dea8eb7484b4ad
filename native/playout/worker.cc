#include "playout/worker.h"

#include "base/thread_name.h"

namespace headend {
namespace {

constexpr size_t kMaxSlices = 2;
constexpr size_t kMaxBytes = 64 << 20;

}  // namespace

Worker::Worker(std::string rendition, BatchProgress& progress)
    : rendition_(std::move(rendition)), progress_(progress), queue_(kMaxSlices, kMaxBytes) {}

QueueResult Worker::push(const Slice& slice, std::stop_token stop) {
  return queue_.push(slice, slice.bytes(), std::move(stop));
}

void Worker::start(const std::string& thread_name) {
  thread_ = std::jthread([this, thread_name](std::stop_token stop) {
    name_this_thread(thread_name);
    run(stop);
  });
}

void Worker::finish() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::run(const std::stop_token& stop) {
  Status status = guarded(Stage::kEncode, [&] {
    Status worked = prepare();
    Slice slice;
    while (worked.ok() && queue_.pop(slice, stop) == QueueResult::kOk) {
      const auto begin = std::chrono::steady_clock::now();
      worked = process(std::move(slice));
      progress_.worked(rendition_, std::chrono::steady_clock::now() - begin);
    }
    return worked;
  });
  if (!status.ok()) {
    progress_.fail(rendition_, std::move(status));
    queue_.close();
  }
}

}  // namespace headend
