#include "media/encoder_detection.h"

#include <cstring>
#include <functional>
#include <memory>

#include "base/abandonable_thread.h"
#include "base/thread_name.h"
#include "media/blank_picture.h"
#include "media/device.h"
#include "media/device_trial.h"
#include "media/encoder_backend.h"
#include "media/segment_packets.h"

namespace headend {
namespace {

// Two segments of two key frame intervals: enough for what an encoder holds back to come out while it runs.
constexpr Grid kGrid{{25, 1}, 40, 20, 20};
constexpr int64_t kFrames = 80;

Status refused(const std::string& why) { return {Code::kEncodeFailed, Stage::kEncode, why}; }

/** Whether the extradata holds a sequence and a picture parameter set, as start codes or as avcC. */
bool has_parameter_sets(const AVCodecContext& codec) {
  if (codec.extradata_size > 6 && codec.extradata[0] == 1) return true;
  bool sequence = false;
  bool picture = false;
  for (int i = 0; i + 3 < codec.extradata_size; ++i) {
    if (codec.extradata[i] != 0 || codec.extradata[i + 1] != 0 || codec.extradata[i + 2] != 1) continue;
    sequence = sequence || (codec.extradata[i + 3] & 0x1f) == 7;
    picture = picture || (codec.extradata[i + 3] & 0x1f) == 8;
  }
  return sequence && picture;
}

/** A picture that differs from the one before all over. */
Status send_picture(VideoEncoder& encoder, int64_t frame, int width, int height) {
  Result<FramePtr> picture = make_blank_picture(width, height, 16 + static_cast<int>(frame * 7 % 219));
  if (!picture.ok()) return picture.status();
  return encoder.send(*picture.value(), frame);
}

Status take_packets(VideoEncoder& encoder, SegmentPackets& packets) {
  for (;;) {
    Result<PacketPtr> packet = encoder.receive();
    if (!packet.ok()) return packet.status();
    if (!packet.value()) return {};
    if (Status status = packets.take(*packet.value()); !status.ok()) return status;
    if (packets.complete()) packets.next();
  }
}

/** What came of `work` within the time, on a thread of its own. */
Status attempt(const std::string& name, const std::function<Status()>& work, std::chrono::milliseconds patience,
               const std::stop_token& stop) {
  const auto outcome = std::make_shared<Status>();  // the thread's until it has ended
  AbandonableThread thread([outcome, name, work](const std::stop_token&) {
    name_this_thread("headend-try-" + name);
    *outcome = guarded(Stage::kEncode, work);
  });
  if (thread.wait_until(std::chrono::steady_clock::now() + patience, stop)) return *outcome;
  return refused(stop.stop_requested() ? "the engine was stopped"
                                       : "it gave no answer within " + std::to_string(patience.count()) + " ms");
}

EncoderReport report_on(const std::string& name, std::chrono::milliseconds patience, const std::stop_token& stop) {
  const auto started = std::chrono::steady_clock::now();
  EncoderReport report;
  report.name = name;
  // A thread may be refused by the system.
  const auto attempt_at = [&](Status (*work)(const std::string&)) {
    return guarded(Stage::kEncode, [&] { return attempt(name, [name, work] { return work(name); }, patience, stop); });
  };
  const Status encoder = attempt_at(try_encoder);
  report.works = encoder.ok();
  report.reason = encoder.message();
  if (const std::string device = device_of(name); report.works && !device.empty()) {
    const Status tried = attempt_at(try_device);
    report.device = DeviceReport{device, tried.ok(), tried.message()};
  }
  report.elapsed_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started).count();
  return report;
}

}  // namespace

Status try_encoder(const std::string& name) {
  const VideoEncoderOptions options{640, 360, 1'000'000, 1'500'000, 2'000'000};
  auto opened = open_video_encoder(name, options, kGrid);
  if (!opened.ok()) return opened.status();
  VideoEncoder& encoder = *opened.value();
  if (!has_parameter_sets(encoder.codec())) return refused("the encoder gives no parameter sets before it starts");

  SegmentPackets packets(kGrid, 0);
  for (int64_t frame = 0; frame < kFrames; ++frame) {
    if (Status status = send_picture(encoder, frame, options.width, options.height); !status.ok()) return status;
    if (Status status = take_packets(encoder, packets); !status.ok()) return status;
  }
  if (packets.segment() == 0 && packets.count() == 0) return refused("the encoder gives nothing while it runs");
  if (Status status = encoder.finish(); !status.ok()) return status;
  if (Status status = take_packets(encoder, packets); !status.ok()) return status;
  if (kGrid.first_frame(packets.segment()) != kFrames) return refused("the encoder lost frames");

  // Any two openings must agree, or segments of two productions could not be joined.
  auto again = open_video_encoder(name, options, kGrid);
  if (!again.ok()) return again.status();
  const AVCodecContext& one = encoder.codec();
  const AVCodecContext& other = again.value()->codec();
  if (one.extradata_size != other.extradata_size ||
      std::memcmp(one.extradata, other.extradata, static_cast<size_t>(one.extradata_size)) != 0)
    return refused("the encoder's parameter sets differ from one time to the next");
  return {};
}

std::vector<EncoderReport> detect_encoders(const std::vector<std::string>& names, std::chrono::milliseconds patience,
                                           std::stop_token stop) {
  std::vector<EncoderReport> reports;
  for (const std::string& name : names) {
    if (stop.stop_requested()) break;
    reports.push_back(report_on(name, patience, stop));
  }
  return reports;
}

}  // namespace headend
