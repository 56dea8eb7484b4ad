// Encoders: the backends' options against libav, trying them, packets on the grid, and a producer whose encoder
// breaks at its opening or in the middle of a segment.
#include "media/encoder_backend.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

extern "C" {
#include <libavutil/opt.h>
}

#include "base/log.h"
#include "media/encoder_detection.h"
#include "media/segment_packets.h"
#include "playout/producer.h"
#include "test/check.h"
#include "test/recorder.h"

using namespace headend;
using namespace std::chrono_literals;

namespace {

constexpr Grid kGrid{{25, 1}, 25, 25, 25};
const GeneratorEntry kMoving{"hue=H=t", "aeval=0.2*sin(2*PI*440*t)|0.2*sin(2*PI*550*t)", 0};
const std::vector<TimelineEntry> kTimeline{{0, 1000, kMoving}};

// A misspelt option is one that libav ignores without a word.
void every_setting_is_an_option_of_its_encoder() {
  int present = 0;
  for (const EncoderBackend& backend : encoder_backends()) {
    const AVCodec* codec = avcodec_find_encoder_by_name(backend.codec);
    if (!codec) continue;
    ++present;
    for (const char* profile : {"high", "main", "baseline"}) {
      VideoEncoderOptions options;
      options.profile = profile;
      options.tune = "film";
      const CodecPtr context(avcodec_alloc_context3(codec));
      for (const auto& [name, value] : backend.settings(options)) {
        const int error = av_opt_set(context->priv_data, name.c_str(), value.c_str(), 0);
        if (error < 0) std::fprintf(stderr, "%s: %s=%s\n", backend.codec, name.c_str(), value.c_str());
        CHECK(error >= 0);
      }
    }
  }
  CHECK(present >= 5);  // nvenc, qsv, vaapi, v4l2m2m and x264 are part of every build
}

const EncoderReport& report_of(const std::vector<EncoderReport>& reports, const std::string& name) {
  return *std::find_if(reports.begin(), reports.end(), [&](const auto& report) { return report.name == name; });
}

void detection_says_why() {
  const std::vector<std::string> names{"videotoolbox",        "failing:open=0",          "failing:after=30",
                                       "failing:swallow=10",  "failing:after=1000",      "software",
                                       "failing:hang=1500"};
  const auto reports = detect_encoders({names.begin(), names.end() - 1}, 30s, {});
  CHECK(reports.size() == names.size() - 1);
  for (const EncoderReport& report : reports) CHECK(report.works == report.reason.empty());
  CHECK(report_of(reports, "videotoolbox").reason.find("not part of this build") != std::string::npos);
  CHECK(report_of(reports, "failing:open=0").reason == "the test encoder does not open");
  CHECK(report_of(reports, "failing:after=30").reason == "the test encoder fails on purpose");
  CHECK(report_of(reports, "failing:swallow=10").reason == "the encoder lost frames");
  CHECK(report_of(reports, "failing:after=1000").works);
  CHECK(report_of(reports, "software").works);

  // A driver that does not come back is left behind at the deadline.
  const auto hung = detect_encoders({names.back()}, 200ms, {});
  CHECK(hung.size() == 1 && !hung[0].works);
  CHECK(hung[0].reason == "it gave no answer within 200 ms");
  CHECK(hung[0].elapsed_ms < 1400);
  std::this_thread::sleep_for(1500ms);  // the sanitizers want to see its thread end

  std::stop_source stop;
  stop.request_stop();
  CHECK(detect_encoders(names, 30s, stop.get_token()).empty());
}

// On a machine with such a device it works; elsewhere the reason is libav's own.
void every_known_encoder_answers() {
  const auto reports = detect_encoders(encoder_names(), 30s, {});
  CHECK(reports.size() == encoder_backends().size() + 1);
  CHECK(reports.back().name == kSoftwareEncoder && reports.back().works);
  for (const EncoderReport& report : reports)
    std::printf("%-12s %s %s\n", report.name.c_str(), report.works ? "works" : "refused:", report.reason.c_str());
}

void profiles_and_tunes_are_used() {
  const auto extradata = [](const char* profile, const char* tune) {
    VideoEncoderOptions options{320, 180, 300'000, 450'000, 600'000, "veryfast", 1, profile, tune};
    auto encoder = open_video_encoder(kSoftwareEncoder, options, kGrid);
    CHECK(encoder.ok());
    return encoder.ok() ? encoder.take() : nullptr;
  };
  const auto profile_idc = [&](const char* profile) {
    const auto encoder = extradata(profile, "");
    const uint8_t* data = encoder->codec().extradata;
    for (int i = 0; i + 4 < encoder->codec().extradata_size; ++i)
      if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1 && (data[i + 3] & 0x1f) == 7) return int{data[i + 4]};
    return 0;
  };
  CHECK(profile_idc("high") == 100);
  CHECK(profile_idc("main") == 77);
  CHECK(profile_idc("baseline") == 66);
  CHECK(extradata("high", "")->codec().has_b_frames > 0);
  CHECK(extradata("high", "zerolatency")->codec().has_b_frames == 0);
  VideoEncoderOptions wrong{320, 180, 300'000, 450'000, 600'000, "veryfast", 1, "high", "no such tune"};
  CHECK(!open_video_encoder(kSoftwareEncoder, wrong, kGrid).ok());
  CHECK(open_video_encoder("no such encoder", wrong, kGrid).status().code() == Code::kInvalidOptions);
}

void packets_are_held_to_the_grid() {
  int64_t dts = 0;
  const auto take = [&](SegmentPackets& packets, int64_t pts, bool key) {
    const PacketPtr packet = make_packet();
    packet->pts = pts;
    packet->flags = key ? AV_PKT_FLAG_KEY : 0;
    const bool taken = packets.take(*packet).ok();
    dts = packet->dts;
    return taken;
  };
  const Grid grid{{25, 1}, 10, 5, 5};
  SegmentPackets packets(grid, 10);
  CHECK(!take(packets, 100, false));  // no key frame
  CHECK(!take(packets, 101, true));   // not the first frame
  CHECK(take(packets, 100, true));
  CHECK(dts == 98);
  CHECK(!take(packets, 100, false));  // again
  CHECK(!take(packets, 105, true));   // the next group's
  CHECK(!take(packets, 99, false));   // the segment's before
  for (const int64_t pts : {104, 103, 102}) CHECK(take(packets, pts, false));
  CHECK(dts == 101);
  CHECK(!take(packets, 101, false));  // shown before it is decoded
  SegmentPackets others(grid, 10);
  for (const int64_t pts : {100, 104, 102, 101, 103}) CHECK(take(others, pts, pts == 100));
  CHECK(!take(others, 105, false));  // no key frame where one was asked for
  for (const int64_t pts : {105, 106, 107, 108, 109}) CHECK(take(others, pts, pts == 105));
  CHECK(others.complete());
  others.next();
  CHECK(others.segment() == 11 && others.count() == 0);
  CHECK(take(others, 110, true));
}

ProducerOptions options(const std::string& encoder) {
  ProducerOptions out;
  out.title = "Fallback";
  out.encoder = encoder;
  out.grid = kGrid;
  const auto rung = [](const char* id, int width, int height) {
    return RungOptions{id, {width, height, 300'000, 450'000, 600'000, "ultrafast", 1}};
  };
  out.rungs = {rung("180p", 320, 180), rung("90p", 160, 90)};
  return out;
}

/** The last production of every segment, checked to be without holes; the init section of each. */
std::vector<std::string> inits_of(const Recorder& recorder, const std::string& rendition, int64_t first, int64_t count) {
  std::map<int64_t, const Segment*> last;
  for (const Segment& segment : recorder.segments.at(rendition)) last[segment.sequence] = &segment;
  std::vector<std::string> inits;
  for (int64_t n = first; n < first + count; ++n) {
    CHECK(last.contains(n));
    if (last.contains(n)) inits.push_back(last[n]->init);
  }
  return inits;
}

/** Each segment once, one after the other; while a rung held frames back the audio may have made the next one too. */
void check_in_order(const std::vector<Segment>& segments, size_t count) {
  CHECK(segments.size() == count);
  for (size_t i = 0; i < segments.size(); ++i) CHECK(segments[i].sequence == static_cast<int64_t>(i));
}

std::string init_hash(const Recorder& recorder, const std::string& rendition, const std::string& encoder) {
  for (const InitSection& init : recorder.sections)
    if (init.rendition == rendition && init.encoder == encoder) return init.hash;
  return "none";
}

// Of a size that no machine has a stack for.
void a_thread_that_is_refused_is_a_reason() {
  pthread_attr_t usual;
  pthread_attr_t huge;
  CHECK(pthread_getattr_default_np(&usual) == 0 && pthread_getattr_default_np(&huge) == 0);
  CHECK(pthread_attr_setstacksize(&huge, size_t{1} << 47) == 0);
  CHECK(pthread_setattr_default_np(&huge) == 0);
  const auto reports = detect_encoders({kSoftwareEncoder}, 10s, {});
  CHECK(pthread_setattr_default_np(&usual) == 0);
  CHECK(reports.size() == 1 && !reports[0].works && !reports[0].reason.empty());
}

void fails_at_opening() {
  Recorder recorder;
  Producer producer(options("failing:open=0,height=90"), recorder);
  CHECK(recorder.make(producer, {5, 2, {"180p", "90p"}, kTimeline}).ok());
  // Nothing was told of the encoder that never worked.
  CHECK(recorder.sections.size() == 3);
  for (const InitSection& init : recorder.sections) CHECK(init.encoder != "failing:open=0,height=90");
  CHECK(recorder.faults.size() == 1);
  if (!recorder.faults.empty()) {
    CHECK(recorder.faults[0].status.code() == Code::kEncodeFailed);
    CHECK(recorder.faults[0].frame == 125);
    CHECK(recorder.faults[0].status.message().find("the test encoder does not open") != std::string::npos);
  }
  CHECK(recorder.make(producer, {7, 1, {"180p", "90p"}, kTimeline}).ok());
  CHECK(recorder.last_report.warm);
  CHECK(recorder.faults.size() == 1);
}

// Only the small rung breaks; both change at the same segment, and the audio goes on as if nothing had been.
void fails_in_mid_segment(const std::string& encoder) {
  Recorder recorder;
  Producer producer(options(encoder), recorder);
  CHECK(recorder.make(producer, {0, 2, {"180p", "90p"}, kTimeline}).ok());
  CHECK(recorder.faults.empty());
  CHECK(recorder.make(producer, {2, 4, {"180p", "90p"}, kTimeline}).ok());
  CHECK(!recorder.last_report.warm);
  CHECK(recorder.faults.size() == 1);
  const int64_t change = recorder.faults.empty() ? 0 : recorder.faults[0].frame / 25;
  CHECK(change >= 2 && change < 6);
  for (const char* rung : {"180p", "90p"}) {
    const auto inits = inits_of(recorder, rung, 0, 6);
    for (int64_t n = 0; n < static_cast<int64_t>(inits.size()); ++n)
      CHECK(inits[static_cast<size_t>(n)] == init_hash(recorder, rung, n < change ? encoder : kSoftwareEncoder));
    CHECK(init_hash(recorder, rung, encoder) != init_hash(recorder, rung, kSoftwareEncoder));
  }
  for (const InitSection& init : recorder.sections)
    CHECK(init.from == (init.encoder == kSoftwareEncoder ? change : 0));
  CHECK(recorder.sections.size() == 5);
  check_in_order(recorder.segments["audio"], 6);

  // It stays with software, warm; unless it is told otherwise, which is a cold start.
  CHECK(recorder.make(producer, {6, 1, {"180p", "90p"}, kTimeline}).ok());
  CHECK(recorder.last_report.warm);
  CHECK(recorder.make(producer, {7, 1, {"180p", "90p"}, kTimeline, "failing:after=1000"}).ok());
  CHECK(!recorder.last_report.warm);
  CHECK(recorder.sections.back().encoder == "failing:after=1000" && recorder.sections.back().from == 7);
  CHECK(recorder.faults.size() == 1);
}

// The encoder breaks in a frame that it was given only to have the batch's last segment come out.
void fails_beyond_the_batch() {
  Recorder recorder;
  Producer producer(options("failing:after=51"), recorder);
  for (int64_t n = 0; n < 4; ++n) CHECK(recorder.make(producer, {n, 1, {"180p", "90p"}, kTimeline}).ok());
  CHECK(recorder.faults.size() == 1);
  const int64_t change = recorder.faults.empty() ? 0 : recorder.faults[0].frame / 25;
  CHECK(change >= 1 && change <= 2);
  for (const char* rung : {"180p", "90p"}) {
    const auto inits = inits_of(recorder, rung, 0, 4);
    for (int64_t n = 0; n < static_cast<int64_t>(inits.size()); ++n)
      CHECK(inits[static_cast<size_t>(n)] ==
            init_hash(recorder, rung, n < change ? "failing:after=51" : kSoftwareEncoder));
  }
  check_in_order(recorder.segments["audio"], 4);
}

// The sound goes on at the access unit where it was.
void sound_goes_on() {
  Recorder whole, broken;
  Producer first(options(kSoftwareEncoder), whole);
  Producer second(options("failing:after=60"), broken);
  CHECK(whole.make(first, {0, 6, {"180p"}, kTimeline}).ok());
  CHECK(broken.make(second, {0, 6, {"180p"}, kTimeline}).ok());
  CHECK(broken.faults.size() == 1);
  CHECK(whole.segments["audio"].size() == 6 && broken.segments["audio"].size() == 6);
  for (size_t i = 0; i < std::min(whole.segments["audio"].size(), broken.segments["audio"].size()); ++i)
    CHECK(whole.segments["audio"][i].start == broken.segments["audio"][i].start &&
          whole.segments["audio"][i].duration == broken.segments["audio"][i].duration &&
          whole.segments["audio"][i].init == broken.segments["audio"][i].init);
}

// Each producer decides for itself.
void other_producers_are_untouched() {
  Recorder one, other;
  Producer first(options("failing:after=30"), one);
  Producer second(options("failing:after=1000"), other);
  CHECK(one.make(first, {0, 3, {"180p"}, kTimeline}).ok());
  CHECK(other.make(second, {0, 3, {"180p"}, kTimeline}).ok());
  CHECK(one.faults.size() == 1 && other.faults.empty());
  for (const InitSection& init : other.sections) CHECK(init.encoder != kSoftwareEncoder);
}

void software_has_nothing_to_fall_back_to() {
  Recorder recorder;
  ProducerOptions broken = options(kSoftwareEncoder);
  broken.rungs[0].encoder.tune = "no such tune";
  Producer producer(broken, recorder);
  CHECK(recorder.make(producer, {0, 1, {"180p"}, kTimeline}).code() == Code::kEncodeFailed);
  CHECK(recorder.faults.empty());
}

}  // namespace

int main() {
  install_log_capture();
  every_setting_is_an_option_of_its_encoder();
  packets_are_held_to_the_grid();
  profiles_and_tunes_are_used();
  detection_says_why();
  every_known_encoder_answers();
  a_thread_that_is_refused_is_a_reason();
  fails_at_opening();
  fails_in_mid_segment("failing:after=110,height=90");
  fails_in_mid_segment("failing:swallow=110,height=90");
  fails_beyond_the_batch();
  sound_goes_on();
  other_producers_are_untouched();
  software_has_nothing_to_fall_back_to();
  return test_result();
}
