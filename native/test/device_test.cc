// Devices: which pictures stay on one, trying them, and producers whose files are decoded and scaled on a device that is
// libav's own over shared memory; it breaks at its opening, while it decodes and while it scales.
#include "media/device.h"

#include <unistd.h>

#include <filesystem>

extern "C" {
#include <libavutil/display.h>
}

#include "base/log.h"
#include "media/blank_picture.h"
#include "media/device_trial.h"
#include "media/encoder_backend.h"
#include "media/encoder_detection.h"
#include "media/picture_fitter.h"
#include "playout/producer.h"
#include "test/check.h"
#include "test/recorder.h"

#ifdef __SANITIZE_THREAD__
// libav is built without the sanitizer, which does not see that the references of its decoding threads count atomically.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions() {
  return "race:av_buffer_unref";
}
#endif

using namespace headend;
using namespace std::chrono_literals;

namespace {

constexpr Grid kGrid{{25, 1}, 25, 25, 25};
constexpr int64_t kFrames = 250;

struct Facts {
  int width = 1920, height = 1080;
  AVPixelFormat pixels = AV_PIX_FMT_NV12;
  AVColorSpace matrix = AVCOL_SPC_BT709;
  AVColorRange range = AVCOL_RANGE_MPEG;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_BT709;
  AVRational aspect{1, 1};
  int flags = 0;
  size_t crop_left = 0;
  int degrees = 0;
};

bool only_scales(const Facts& facts, int width = 1280, int height = 720) {
  const FramePtr picture = make_frame();
  picture->width = facts.width;
  picture->height = facts.height;
  picture->colorspace = facts.matrix;
  picture->color_range = facts.range;
  picture->color_trc = facts.transfer;
  picture->sample_aspect_ratio = facts.aspect;
  picture->flags = facts.flags;
  picture->crop_left = facts.crop_left;
  if (facts.degrees != 0) {
    AVFrameSideData* side = av_frame_new_side_data(picture.get(), AV_FRAME_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
    av_display_rotation_set(reinterpret_cast<int32_t*>(side->data), facts.degrees);
  }
  return PictureFitter::only_scales(*picture, facts.pixels, width, height);
}

void what_needs_more_than_scaling() {
  CHECK(only_scales({}));
  CHECK(only_scales({}, 1920, 1080));
  CHECK(only_scales({}, 854, 480));  // within a sliver of 16:9
  CHECK(only_scales({.pixels = AV_PIX_FMT_YUV420P}));
  CHECK(only_scales({.width = 1440, .aspect = {4, 3}}));
  CHECK(only_scales({.matrix = AVCOL_SPC_UNSPECIFIED, .range = AVCOL_RANGE_UNSPECIFIED}));  // HD is BT.709

  CHECK(!only_scales({}, 960, 720));  // bars
  CHECK(!only_scales({.width = 1440}));
  CHECK(!only_scales({.width = 640, .height = 360, .matrix = AVCOL_SPC_UNSPECIFIED}));  // SD is BT.601
  CHECK(!only_scales({.matrix = AVCOL_SPC_BT2020_NCL}));
  CHECK(!only_scales({.range = AVCOL_RANGE_JPEG}));
  CHECK(!only_scales({.transfer = AVCOL_TRC_SMPTE2084}));
  CHECK(!only_scales({.transfer = AVCOL_TRC_ARIB_STD_B67}));
  CHECK(!only_scales({.pixels = AV_PIX_FMT_P010}));
  CHECK(!only_scales({.pixels = AV_PIX_FMT_YUV422P}));
  CHECK(!only_scales({.flags = AV_FRAME_FLAG_INTERLACED}));
  CHECK(!only_scales({.crop_left = 8}));
  CHECK(!only_scales({.degrees = 180}));
}

// On a machine with such a device it opens; elsewhere the reason is libav's own.
void devices_open_or_say_why() {
  for (const char* encoder : {"nvenc", "vaapi", kSoftwareEncoder}) {
    CHECK(!device_of(encoder).empty());
    auto device = open_device(encoder);
    if (device.ok()) continue;
    CHECK(device.status().code() == Code::kDeviceFailed);
    CHECK(device.status().message().find(device_of(encoder)) != std::string::npos);
    std::printf("%-8s %s\n", encoder, device.status().message().c_str());
  }
  CHECK(device_of("qsv").empty());
  CHECK(open_device("qsv").status().code() == Code::kDeviceFailed);
}

// What a scaler is told are options of a filter of this build.
void every_scaler_is_known() {
  for (const DeviceKind& kind : device_kinds()) {
    const std::string scaler = kind.scaler;
    const size_t equals = scaler.find('=');
    const AVFilter* filter = avfilter_get_by_name(scaler.substr(0, equals).c_str());
    CHECK(filter);
    if (!filter) continue;
    const FilterGraphPtr graph(avfilter_graph_alloc());
    AVFilterContext* instance = avfilter_graph_alloc_filter(graph.get(), filter, nullptr);
    CHECK(avfilter_init_str(instance, (scaler.substr(equals + 1) + ":w=320:h=180").c_str()) >= 0);
  }
}

void a_trial_says_what_became_of_the_pictures() {
  CHECK(try_device("memory").ok());
  CHECK(try_device("memory:open=0").message() == "the test device does not open");
  CHECK(try_device("memory:decode=30").message() == "the test device fails on purpose");
  CHECK(try_device("memory:scale=30").message().find("cannot scale") != std::string::npos);
  CHECK(try_device("memory:shade=0").message().find(" dB of the clip's") != std::string::npos);

  const auto reports = detect_encoders({"memory", "memory:decode=3", kSoftwareEncoder, "videotoolbox"}, 30s, {});
  CHECK(reports.size() == 4);
  CHECK(reports[0].works && reports[0].device && reports[0].device->works && reports[0].device->reason.empty());
  CHECK(reports[1].works && reports[1].device && !reports[1].device->works);
  CHECK(reports[1].device->name == "memory" && reports[1].device->reason == "the test device fails on purpose");
  CHECK(reports[2].works && reports[2].device && reports[2].device->works == reports[2].device->reason.empty());
  CHECK(!reports[3].works && !reports[3].device);
}

/** A file of ten seconds with a key frame every second, for as long as this lives. */
class ClipFile {
 public:
  ClipFile() : path_(std::filesystem::temp_directory_path() / ("headend-device-" + std::to_string(getpid()) + ".mp4")) {
    CHECK(write().ok());
  }
  ~ClipFile() { std::filesystem::remove(path_); }
  std::string url() const { return path_.string(); }

 private:
  Status write() {
    auto opened = open_video_encoder(kSoftwareEncoder, {640, 360, 800'000, 1'200'000, 1'600'000, "ultrafast", 1}, kGrid);
    if (!opened.ok()) return opened.status();
    VideoEncoder& encoder = *opened.value();
    AVFormatContext* context = nullptr;
    avformat_alloc_output_context2(&context, nullptr, "mp4", url().c_str());
    const OutputPtr file(context);
    AVStream* stream = avformat_new_stream(context, nullptr);
    stream->time_base = encoder.codec().time_base;
    avcodec_parameters_from_context(stream->codecpar, &encoder.codec());
    avio_open(&context->pb, url().c_str(), AVIO_FLAG_WRITE);
    if (avformat_write_header(context, nullptr) < 0) return {Code::kEngineFailed, Stage::kMux, "no header"};
    for (int64_t frame = 0; frame <= kFrames; ++frame) {
      if (frame < kFrames) {
        Result<FramePtr> picture = make_blank_picture(640, 360, 16 + static_cast<int>(frame * 7 % 219));
        if (!picture.ok()) return picture.status();
        if (Status status = encoder.send(*picture.value(), frame); !status.ok()) return status;
      } else if (Status status = encoder.finish(); !status.ok()) {
        return status;
      }
      for (;;) {
        Result<PacketPtr> packet = encoder.receive();
        if (!packet.ok()) return packet.status();
        if (!packet.value()) break;
        av_packet_rescale_ts(packet.value().get(), encoder.codec().time_base, stream->time_base);
        av_interleaved_write_frame(context, packet.value().get());
      }
    }
    av_write_trailer(context);
    avio_closep(&context->pb);
    return {};
  }

  const std::filesystem::path path_;
};

ProducerOptions options(const std::string& encoder) {
  ProducerOptions out;
  out.title = "Device";
  out.encoder = encoder;
  out.device = true;
  out.grid = kGrid;
  const auto rung = [](const char* id, int width, int height) {
    return RungOptions{id, {width, height, 300'000, 450'000, 600'000, "ultrafast", 1}};
  };
  out.rungs = {rung("180p", 320, 180), rung("90p", 160, 90)};
  return out;
}

/** Segments 2 to 7 one by one, a rung that joins among them; the clip and then its beginning again. */
void play(const ClipFile& clip, const std::string& encoder, Recorder& recorder) {
  const std::vector<TimelineEntry> timeline{{0, 110, FileEntry{clip.url(), {1, 1}}},
                                            {110, 1000, FileEntry{clip.url(), {0, 1}}}};
  Producer producer(options(encoder), recorder);
  for (int64_t n = 2; n < 8; ++n) {
    const std::vector<std::string> rungs = n < 4 ? std::vector<std::string>{"180p"} : std::vector<std::string>{"180p", "90p"};
    CHECK(recorder.make(producer, {n, 1, rungs, timeline}).ok());
  }
}

/** Every segment of the largest rung once, and which encoders made them, in order. */
std::vector<std::string> encoders_of(const Recorder& recorder) {
  std::map<int64_t, std::string> encoders;
  for (const Segment& segment : recorder.segments.at("180p"))
    for (const InitSection& init : recorder.sections)
      if (init.rendition == "180p" && init.hash == segment.init) encoders[segment.sequence] = init.encoder;
  CHECK(encoders.size() == 6 && encoders.begin()->first == 2);
  std::vector<std::string> names;
  for (const auto& [sequence, encoder] : encoders) names.push_back(encoder);
  return names;
}

// No more pictures are on the device than kDevicePictures for each of the two programmes.
void pictures_stay_on_the_device(const ClipFile& clip) {
  Recorder recorder;
  const std::string encoder = "memory:pool=" + std::to_string(2 * kDevicePictures);
  play(clip, encoder, recorder);
  for (const Fault& fault : recorder.faults) std::fprintf(stderr, "%s\n", fault.status.message().c_str());
  CHECK(recorder.faults.empty());
  CHECK(recorder.last_report.warm);
  CHECK(encoders_of(recorder) == std::vector<std::string>(6, encoder));
}

void breaks_while_it_decodes(const ClipFile& clip) {
  for (const char* encoder : {"memory:decode=0", "memory:decode=90", "memory:pool=4"}) {
    Recorder recorder;
    play(clip, encoder, recorder);
    CHECK(!recorder.faults.empty() && recorder.faults.size() <= 2);  // of each programme at most one
    for (const Fault& fault : recorder.faults) {
      CHECK(fault.status.code() == Code::kDeviceFailed);
      CHECK(fault.source == clip.url());
      CHECK(fault.status.message().find("software decodes the programme from here on") != std::string::npos);
    }
    for (const ProgrammeStart& programme : recorder.programmes) CHECK(!programme.slate);
    CHECK(encoders_of(recorder) == std::vector<std::string>(6, encoder));
  }
}

void breaks_while_it_scales(const ClipFile& clip) {
  Recorder recorder;
  play(clip, "memory:scale=40", recorder);
  CHECK(recorder.faults.size() == 1);
  if (recorder.faults.empty()) return;
  CHECK(recorder.faults[0].status.code() == Code::kDeviceFailed);
  const int64_t change = recorder.faults[0].frame / 25;
  CHECK(change >= 3 && change < 8);
  const auto encoders = encoders_of(recorder);
  for (int64_t n = 2; n < 8; ++n)
    CHECK(encoders[static_cast<size_t>(n - 2)] == (n < change ? "memory:scale=40" : kSoftwareEncoder));
  const auto& sound = recorder.segments["audio"];
  for (size_t i = 1; i < sound.size(); ++i) CHECK(sound[i].start == sound[i - 1].start + sound[i - 1].duration);
}

void does_not_open(const ClipFile& clip) {
  Recorder recorder;
  play(clip, "memory:open=0", recorder);
  CHECK(recorder.faults.size() == 1);
  if (!recorder.faults.empty()) CHECK(recorder.faults[0].status.message() == "the test device does not open");
  CHECK(encoders_of(recorder) == std::vector<std::string>(6, "memory:open=0"));
}

}  // namespace

int main() {
  install_log_capture();
  what_needs_more_than_scaling();
  devices_open_or_say_why();
  every_scaler_is_known();
  a_trial_says_what_became_of_the_pictures();
  const ClipFile clip;
  pictures_stay_on_the_device(clip);
  breaks_while_it_decodes(clip);
  breaks_while_it_scales(clip);
  does_not_open(clip);
  return test_result();
}
