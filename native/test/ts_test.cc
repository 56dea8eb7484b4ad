// Transport streams: segments of different productions join by counters, clock and tables, also where the
// timestamps wrap; broken input is refused; the queue tells every job's end and stops in any state.
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/log.h"
#include "media/ts_layout.h"
#include "media/ts_queue.h"
#include "media/ts_remux.h"
#include "playout/producer.h"
#include "test/check.h"

using namespace headend;
using namespace std::chrono_literals;

namespace {

class Recorder : public ProducerEvents {
 public:
  void on_init(InitSection init) override { inits[init.rendition] = std::move(init.data); }
  void on_segment(Segment segment) override {
    std::lock_guard lock(mutex_);
    segments[segment.rendition][segment.sequence] = std::move(segment.data);
  }
  void on_fault(Fault) override { CHECK(false); }
  void on_batch(Status status, BatchReport) override {
    CHECK(status.ok());
    std::lock_guard lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  void on_stopped() override {}
  void wait() {
    std::unique_lock lock(mutex_);
    CHECK(wake_.wait_for(lock, 60s, [&] { return ended_; }));
  }

  std::map<std::string, Bytes> inits;
  std::map<std::string, std::map<int64_t, Bytes>> segments;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
};

/** Segments [from, from + count) of a slow or a usual channel, each as video with audio. */
std::vector<std::vector<Bytes>> produce(AVRational rate, int64_t from, int64_t count) {
  ProducerOptions options;
  options.title = "Test";
  const int64_t frames = rate.num / rate.den;
  options.grid = {rate, frames, frames, frames};
  options.rungs = {{"90p", {160, 90, 100'000, 150'000, 200'000, "ultrafast", 1}}};
  Recorder recorder;
  Producer producer(options, recorder);
  const TimelineEntry entry{0, int64_t{1} << 40, GeneratorEntry{"hue=H=t", "aeval=0.2*sin(2*PI*440*t)|0.1", 0}};
  CHECK(producer.produce({from, count, {"90p"}, {entry}}).ok());
  recorder.wait();
  std::vector<std::vector<Bytes>> out;
  for (int64_t n = from; n < from + count; ++n) {
    std::vector<Bytes>& tracks = out.emplace_back();
    for (const char* rendition : {"90p", "audio"}) {
      Bytes& track = tracks.emplace_back(recorder.inits[rendition]);
      const Bytes& segment = recorder.segments[rendition][n];
      track.insert(track.end(), segment.begin(), segment.end());
    }
  }
  return out;
}

/** What a receiver sees of packets one after the other. */
struct Receiver {
  std::map<int, int> next;  // counter by PID
  int64_t clock = -1;
  int64_t longest = 0;      // between clocks
  int broken = 0;

  void take(const Bytes& segment) {
    CHECK(segment.size() % ts::kPacketBytes == 0);
    for (size_t at = 0; at < segment.size(); at += ts::kPacketBytes) {
      const uint8_t* p = &segment[at];
      const int pid = (p[1] & 0x1f) << 8 | p[2];
      const bool payload = p[3] & 0x10;
      const int counter = p[3] & 0x0f;
      if (p[0] != 0x47 || (at == 0) != (at == 0 && pid == ts::kPatPid)) ++broken;
      if (at == ts::kPacketBytes && pid != ts::kPmtPid) ++broken;
      if (payload && counter != next[pid]++ % 16) ++broken;
      if (!payload && counter != (next[pid] + 15) % 16) ++broken;
      if ((p[3] & 0x20) && p[4] >= 7 && (p[5] & 0x10)) {
        const int64_t base = int64_t{p[6]} << 25 | int64_t{p[7]} << 17 | int64_t{p[8]} << 9 | p[9] << 1 | p[10] >> 7;
        if (clock >= 0) longest = std::max(longest, (base - clock + ts::kStampWrap) % ts::kStampWrap);
        clock = base;
      }
    }
  }
};

Bytes remux(const std::vector<Bytes>& tracks) {
  Result<Bytes> segment = remux_to_ts(tracks);
  CHECK(segment.ok());
  return segment.ok() ? segment.take() : Bytes();
}

void segments_join(AVRational rate, int64_t from, bool with_video) {
  // The second half is from another production.
  auto tracks = produce(rate, from, 2);
  for (auto& more : produce(rate, from + 2, 2)) tracks.push_back(std::move(more));
  Receiver receiver;
  for (auto& segment : tracks) {
    if (!with_video) segment.erase(segment.begin());
    const Bytes bytes = remux(segment);
    CHECK(bytes == remux(segment));
    receiver.take(bytes);
  }
  CHECK(receiver.broken == 0);
  CHECK(receiver.next.size() == (with_video ? 4 : 3));
  for (const auto& [pid, counter] : receiver.next) CHECK(counter % 16 == 0);
  CHECK(receiver.clock >= 0);
  CHECK(receiver.longest <= ts::kStampRate / 10);
}

void broken_input_is_refused() {
  auto tracks = produce({25, 1}, 0, 1)[0];
  CHECK(!remux_to_ts({}).ok());
  CHECK(!remux_to_ts({Bytes{}}).ok());
  CHECK(!remux_to_ts({Bytes(1000, 0x55)}).ok());
  // An init section alone, and one that breaks off.
  CHECK(!remux_to_ts({Bytes(tracks[0].begin(), tracks[0].begin() + 600)}).ok());
  for (const size_t size : {tracks[0].size() / 2, tracks[0].size() / 10, size_t{100}}) {
    Bytes part(tracks[0].begin(), tracks[0].begin() + static_cast<ptrdiff_t>(size));
    (void)remux_to_ts({part, tracks[1]});
  }
}

void queue_tells_every_job() {
  const auto tracks = produce({25, 1}, 0, 1)[0];
  std::mutex mutex;
  std::condition_variable wake;
  std::map<uint32_t, bool> done;
  TsQueue queue([&](uint32_t id, Result<Bytes> segment) {
    std::lock_guard lock(mutex);
    done[id] = segment.ok();
    wake.notify_all();
  });
  CHECK(queue.push(1, tracks).ok());
  CHECK(queue.push(2, {Bytes(10, 1)}).ok());
  CHECK(queue.push(3, tracks).ok());
  std::unique_lock lock(mutex);
  CHECK(wake.wait_for(lock, 60s, [&] { return done.size() == 3; }));
  CHECK(done[1] && !done[2] && done[3]);
}

void queue_stops_in_any_state() {
  const auto tracks = produce({25, 1}, 0, 1)[0];
  { TsQueue unused([](uint32_t, Result<Bytes>) {}); }
  for (uint32_t jobs = 1; jobs < 20; ++jobs) {
    std::atomic<uint32_t> done{0};
    TsQueue queue([&](uint32_t, Result<Bytes>) { ++done; });
    for (uint32_t id = 0; id < jobs; ++id) CHECK(queue.push(id, tracks).ok());
    if (jobs % 2) queue.request_stop();
  }
}

}  // namespace

int main() {
  install_log_capture();
  segments_join({25, 1}, 0, true);
  segments_join({24000, 1001}, 12'345'678, true);
  segments_join({60000, 1001}, 1'000'000, true);
  segments_join({2, 1}, 100, true);
  segments_join({25, 1}, 95'442, true);  // 2^33 ticks are 95443.7 seconds
  segments_join({25, 1}, 95'442, false);
  broken_input_is_refused();
  queue_tells_every_job();
  queue_stops_in_any_state();
  return test_result();
}
