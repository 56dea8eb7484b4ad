// libFuzzer over the whole way of a file: probe, open, cold start, decode, fit, encode, mux. The input is the file's
// bytes behind one byte that says where the programme is entered. Whatever the bytes are, the producer makes the
// segments that the grid asks for: a file can become slate, silence and a fault, never a hole or a crash.
//
// FFmpeg's own libraries are not instrumented: coverage guides the fuzzer through our code only, and the address
// sanitizer sees in FFmpeg only what it does through malloc, free and the intercepted functions of the C library.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include "base/log.h"
#include "media/probe.h"
#include "playout/producer.h"

using namespace headend;
using namespace std::chrono_literals;

namespace {

constexpr int64_t kFrames = 5;  // of a segment
constexpr int64_t kSegments = 2;

/** The input as a file that lives in memory. */
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file_ < 0 || write(file_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  const int file_;
};

/** Checks what a producer promises. */
class Judge : public ProducerEvents {
 public:
  void on_init(InitSection) override {}
  void on_segment(Segment segment) override {
    std::lock_guard lock(mutex_);
    int64_t& next = segment.rendition == kAudioRendition ? next_audio_ : next_video_;
    if (next != INT64_MIN && segment.start != next) fail("a gap or an overlap");
    if (segment.data.empty() || segment.duration <= 0) fail("an empty segment");
    next = segment.start + segment.duration;
    if (segment.rendition != kAudioRendition) ++segments_;
  }
  void on_fault(Fault fault) override {
    if (fault.status.ok()) fail("a fault without a reason");
  }
  void on_batch(Status status, BatchReport) override {
    if (!status.ok()) fail(status.message().c_str());
    std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  void on_stopped() override {}

  void wait() {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_for(lock, 60s, [&] { return ended_; })) fail("a batch that does not end");
    ended_ = false;
  }
  int64_t segments() const {
    std::lock_guard lock(mutex_);
    return segments_;
  }

  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "produce_fuzzer: %s\n", what);
    std::abort();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  int64_t next_audio_ = INT64_MIN;
  int64_t next_video_ = INT64_MIN;
  int64_t segments_ = 0;
};

ProducerOptions options() {
  ProducerOptions out;
  out.title = "Fuzz";
  out.grid = {{25, 1}, kFrames, kFrames, kFrames};
  out.rungs = {{"tiny", {64, 36, 50'000, 50'000, 100'000, "ultrafast", 1}}};
  return out;
}

void produce(const std::string& url, int64_t first_segment) {
  const FileEntry file{url, {1, 10}};
  Judge judge;
  Producer producer(options(), judge);
  const ProduceRequest request{first_segment, kSegments, {"tiny"}, {{0, 40, file}, {40, 100'000, SlateEntry{}}}};
  if (!producer.produce(request).ok()) Judge::fail("a request that was refused");
  judge.wait();
  if (judge.segments() < kSegments) Judge::fail("segments are missing");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  install_log_capture();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return -1;
  const MemoryFile file(data + 1, size - 1);
  Result<ProbeResult> probed = probe({file.path(), true}, {}, {});
  if (probed.ok() && !probed.value().video && !probed.value().audio) Judge::fail("a source without streams");
  // At its beginning, and cold in its middle.
  produce(file.path(), data[0] % 8);
  return 0;
}
