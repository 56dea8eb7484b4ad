// The producer end to end on generated programmes: the grid, parking, joining rungs, faults and stopping.
#include "playout/producer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

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
  // One event per cut, and the broken one says that the slate airs.
  CHECK(recorder.programmes.size() == 3);
  if (recorder.programmes.size() == 3) {
    CHECK(recorder.programmes[0].frame == 0);
    CHECK(recorder.programmes[0].kind == "generator" && !recorder.programmes[0].slate);
    CHECK(recorder.programmes[1].frame == 30 && recorder.programmes[1].end_frame == 60);
    CHECK(recorder.programmes[1].source == "/nowhere/at/all.mp4" && recorder.programmes[1].slate);
    CHECK(recorder.programmes[2].frame == 60 && !recorder.programmes[2].slate);
  }
}

void fragments_are_the_segments() {
  ProducerOptions cut = options();
  cut.grid = {{25, 1}, 75, 75, 25};
  Recorder recorder;
  Producer producer(cut, recorder);
  CHECK(recorder.make(producer, {0, 2, {"180p"}, {{0, 1000, kMoving}}}).ok());
  for (const char* rendition : {"180p", "audio"}) {
    std::vector<Bytes> joined(2);
    int64_t index = 0;
    for (const Fragment& fragment : recorder.fragments[rendition]) {
      CHECK(fragment.index == index);
      index = fragment.last ? 0 : index + 1;
      Bytes& segment = joined[static_cast<size_t>(fragment.sequence)];
      segment.insert(segment.end(), fragment.data.begin(), fragment.data.end());
    }
    CHECK(recorder.fragments[rendition].size() >= 6);
    for (size_t i = 0; i < 2; ++i) CHECK(joined[i] == recorder.segments[rendition][i].data);
  }
}

// Wherever a stop or a cold start falls, what was begun and not finished is told, and nothing else.
void unfinished_segments_are_abandoned() {
  ProducerOptions cut = options();
  cut.grid = {{25, 1}, 75, 75, 25};
  for (int pass = 0; pass < 6; ++pass) {
    Recorder recorder;
    Producer producer(cut, recorder);
    if (pass == 0) {
      CHECK(recorder.make(producer, {0, 1, {"180p"}, {{0, 10'000, kMoving}}}).ok());
      CHECK(recorder.make(producer, {10, 1, {"90p"}, {{0, 10'000, kMoving}}}).ok());
    } else {
      CHECK(producer.produce({0, 100'000, {"180p"}, {{0, 1 << 30, kMoving}}}).ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(40 * pass));
    }
    producer.request_stop();
    producer.join();
    for (const auto& [rendition, fragments] : recorder.fragments) {
      std::vector<int64_t> unfinished;
      for (const Fragment& fragment : fragments) {
        if (fragment.index == 0) unfinished.push_back(fragment.sequence);
        if (fragment.last) unfinished.pop_back();
      }
      CHECK(recorder.abandoned[rendition] == unfinished);
    }
  }
}

void batches_are_counted() {
  Recorder recorder;
  Producer producer(options(), recorder);
  const std::vector<TimelineEntry> timeline{{0, 75, kMoving}, {75, 1000, SlateEntry{}}};
  CHECK(recorder.make(producer, {1, 1, {"180p"}, timeline}).ok());
  CHECK(recorder.last_report.renditions.size() == 2);
  CHECK(recorder.last_report.renditions["180p"].frames == 25);
  CHECK(recorder.last_report.renditions["180p"].bytes == static_cast<int64_t>(recorder.segments["180p"][0].data.size()));
  CHECK(recorder.last_report.renditions["180p"].busy.count() > 0);
  CHECK(recorder.last_report.frames_repeated == 0);
  CHECK(recorder.last_report.frames_decoded == 0);
  CHECK(recorder.make(producer, {2, 3, {"180p"}, timeline}).ok());
  CHECK(recorder.last_report.renditions["180p"].frames == 75);
  CHECK(recorder.last_report.frames_repeated >= 49);
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

// Connections are taken by the kernel and never answered.
void waits_for_a_silent_source() {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  CHECK(bind(server, reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(server, 8) == 0);
  CHECK(getsockname(server, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/never.ts";
  Recorder recorder;
  {
    Producer producer(options(), recorder);
    CHECK(producer.produce({0, 1, {"180p"}, {{0, 1000, FileEntry{url, {0, 1}}}}}).ok());
    CHECK(recorder.comes_to_wait());
  }
  CHECK(recorder.stopped);
  close(server);
}

}  // namespace

int main() {
  install_log_capture();
  batches_continue();
  sound_alone();
  inits_are_equal();
  missing_file_becomes_slate();
  fragments_are_the_segments();
  unfinished_segments_are_abandoned();
  batches_are_counted();
  bad_requests_are_refused();
  stops_in_mid_batch();
  waits_for_a_silent_source();
  return test_result();
}
