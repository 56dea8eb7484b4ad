// The producer end to end on generated programmes: the grid, parking, joining rungs, faults and stopping.
#include "playout/producer.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "test/check.h"
#include "test/recorder.h"

using namespace headend;
using namespace std::chrono_literals;

namespace {

ProducerOptions options() {
  ProducerOptions out;
  out.title = "Test: it's [a] slate, 100%";
  out.grid = {{25, 1}, 25, 25, 25};
  const auto rung = [](const char* id, int width, int height) {
    return RungOptions{id, {width, height, 300'000, 450'000, 600'000, "ultrafast", 1}};
  };
  out.rungs = {rung("180p", 320, 180), rung("90p", 160, 90)};
  return out;
}

const GeneratorEntry kMoving{"hue=H=t", "aeval=0.2*sin(2*PI*440*t)|0.2*sin(2*PI*550*t)", 0};

void check_gapless(const std::vector<Segment>& segments, int64_t first, size_t count) {
  CHECK(segments.size() == count);
  for (size_t i = 0; i < segments.size(); ++i) {
    CHECK(segments[i].sequence == first + static_cast<int64_t>(i));
    CHECK(!segments[i].data.empty());
    if (i > 0) CHECK(segments[i].start == segments[i - 1].start + segments[i - 1].duration);
  }
}

void batches_continue() {
  Recorder recorder;
  Producer producer(options(), recorder);
  const std::vector<TimelineEntry> timeline{{0, 60, kMoving}, {60, 1000, SlateEntry{}}};
  CHECK(recorder.make(producer, {0, 2, {"180p"}, timeline}).ok());
  CHECK(!recorder.last_report.warm);
  CHECK(recorder.make(producer, {2, 2, {"180p", "90p"}, timeline}).ok());
  CHECK(recorder.last_report.warm);
  CHECK(recorder.make(producer, {4, 1, {"90p"}, timeline}).ok());
  CHECK(recorder.last_report.warm);
  check_gapless(recorder.segments["180p"], 0, 4);
  check_gapless(recorder.segments["90p"], 2, 3);
  check_gapless(recorder.segments["audio"], 0, 5);
  CHECK(recorder.segments["180p"][1].start == 25 * 1000);
  CHECK(recorder.faults.empty());
  CHECK(recorder.inits.size() == 3);

  // A jump is a cold start; the init sections are told only once.
  CHECK(recorder.make(producer, {1'000'000, 1, {"180p"}, {{24'000'000, 26'000'000, SlateEntry{}}}}).ok());
  CHECK(!recorder.last_report.warm);
  CHECK(recorder.segments["180p"].back().start == int64_t{25'000'000} * 1000);
  CHECK(recorder.inits["180p"].size() == 1);
}

void sound_alone() {
  Recorder recorder;
  Producer producer(options(), recorder);
  const std::vector<TimelineEntry> timeline{{0, 1000, kMoving}};
  CHECK(recorder.make(producer, {0, 2, {}, timeline}).ok());
  CHECK(recorder.make(producer, {2, 1, {}, timeline}).ok());
  CHECK(recorder.last_report.warm);
  CHECK(recorder.segments["180p"].empty());
  // Nobody decoded pictures for it, so a rung that joins needs a cold start.
  CHECK(recorder.make(producer, {3, 1, {"180p"}, timeline}).ok());
  CHECK(!recorder.last_report.warm);
  check_gapless(recorder.segments["audio"], 0, 4);
  check_gapless(recorder.segments["180p"], 3, 1);
}

void inits_are_equal() {
  Recorder one, two;
  Producer first(options(), one), second(options(), two);
  CHECK(one.make(first, {0, 1, {}, {{0, 1000, SlateEntry{}}}}).ok());
  CHECK(two.make(second, {777, 1, {}, {{0, 100'000, SlateEntry{}}}}).ok());
  CHECK(one.inits == two.inits);
}

void missing_file_becomes_slate() {
  Recorder recorder;
  Producer producer(options(), recorder);
  const std::vector<TimelineEntry> timeline{
      {0, 30, kMoving}, {30, 60, FileEntry{"/nowhere/at/all.mp4", {}}}, {60, 500, kMoving}};
  CHECK(recorder.make(producer, {0, 3, {"180p"}, timeline}).ok());
  check_gapless(recorder.segments["180p"], 0, 3);
  CHECK(recorder.faults.size() == 1);
  if (!recorder.faults.empty()) {
    CHECK(recorder.faults[0].status.code() == Code::kSourceNotFound);
    CHECK(recorder.faults[0].frame == 30);
    CHECK(recorder.faults[0].source == "/nowhere/at/all.mp4");
  }
}

void bad_requests_are_refused() {
  Recorder recorder;
  Producer producer(options(), recorder);
  CHECK(producer.produce({-1, 1, {}, {}}).code() == Code::kInvalidOptions);
  CHECK(producer.produce({0, 0, {}, {}}).code() == Code::kInvalidOptions);
  CHECK(producer.produce({0, 1, {"4320p"}, {}}).code() == Code::kInvalidOptions);
  CHECK(producer.produce({0, 1, {}, {{0, 10, kMoving}, {11, 20, kMoving}}}).code() == Code::kInvalidOptions);
}

void stops_in_mid_batch() {
  Recorder recorder;
  Producer producer(options(), recorder);
  CHECK(producer.produce({0, 100'000, {"180p"}, {{0, 1 << 30, kMoving}}}).ok());
  CHECK(producer.produce({0, 1, {}, {}}).code() == Code::kEngineBusy);
  std::this_thread::sleep_for(50ms);
  producer.request_stop();
  producer.join();
  CHECK(recorder.stopped);
  CHECK(recorder.last.code() == Code::kEngineStopped);
  CHECK(producer.produce({0, 1, {}, {}}).code() == Code::kEngineStopped);
}

}  // namespace

int main() {
  install_log_capture();
  batches_continue();
  sound_alone();
  inits_are_equal();
  missing_file_becomes_slate();
  bad_requests_are_refused();
  stops_in_mid_batch();
  return test_result();
}
