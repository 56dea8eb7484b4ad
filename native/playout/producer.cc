#include "playout/producer.h"

#include <algorithm>
#include <chrono>

#include "base/thread_name.h"

namespace headend {

Producer::Producer(ProducerOptions options, ProducerEvents& events)
    : options_(std::move(options)), events_(events), encoder_(options_.encoder), device_wanted_(options_.device) {
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

Producer::~Producer() {
  request_stop();
  join();
}

Status Producer::check(const ProduceRequest& request) const {
  if (request.from < 0 || request.count < 1)
    return {Code::kInvalidOptions, Stage::kEngine, "a batch needs from >= 0 and count >= 1"};
  for (const std::string& id : request.rungs)
    if (std::none_of(options_.rungs.begin(), options_.rungs.end(), [&](const auto& rung) { return rung.id == id; }))
      return {Code::kInvalidOptions, Stage::kEngine, "the channel has no rung '" + id + "'"};
  for (size_t i = 0; i < request.timeline.size(); ++i) {
    const TimelineEntry& entry = request.timeline[i];
    if (entry.end_frame <= entry.start_frame ||
        (i > 0 && entry.start_frame != request.timeline[i - 1].end_frame))
      return {Code::kInvalidOptions, Stage::kEngine, "timeline entries must be in order and without holes"};
  }
  return {};
}

Status Producer::produce(ProduceRequest request) {
  if (Status status = check(request); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  if (thread_.get_stop_token().stop_requested()) return Status::stopped(Stage::kEngine);
  if (busy_) return {Code::kEngineBusy, Stage::kEngine, "a batch of this channel is in flight"};
  busy_ = true;
  request_ = std::move(request);
  wake_.notify_one();
  return {};
}

void Producer::request_stop() { thread_.request_stop(); }

void Producer::join() {
  if (thread_.joinable()) thread_.join();
}

Status Producer::announce_inits(int64_t from) {
  if (announced_encoder_ == encoder_) return {};
  std::vector<InitSection> inits;
  if (announced_encoder_.empty()) {
    Result<InitSection> audio = make_audio_init(options_.audio_bitrate, options_.grid);
    if (!audio.ok()) return audio.status();
    inits.push_back(audio.take());
  }
  for (const RungOptions& rung : options_.rungs) {
    Result<InitSection> video = make_video_init(rung, encoder_, device_, options_.grid);
    if (!video.ok()) return video.status();
    inits.push_back(video.take());
  }
  for (InitSection& init : inits) {
    init.from = from;
    events_.on_init(std::move(init));
  }
  announced_encoder_ = encoder_;
  return {};
}

Status Producer::make_segments(const ProduceRequest& request, StillToMake left, BatchReport& report,
                               const std::stop_token& stop) {
  ProduceRequest rest = request;
  rest.from = left.pictures;
  rest.count = request.from + request.count - left.pictures;
  report.warm = warm_ && warm_->encoder() == encoder_ && warm_->continues_with(rest);
  if (!report.warm) {
    warm_.reset();  // joins the old run's threads
    warm_ = std::make_unique<Run>(options_, encoder_, device_, !request.rungs.empty(), events_, left);
  }
  warm_->begin(rest);
  // While the source opens, but before the rungs' encoders do: devices have few sessions.
  if (Status status = announce_inits(left.pictures); !status.ok()) return status;
  Status status = warm_->produce(rest, stop);
  warm_->report(report);
  return status;
}

void Producer::open_encoders_device(int64_t segment) {
  if (encoder_ != options_.encoder) device_.reset();
  if (!device_wanted_ || encoder_ != options_.encoder) return;
  device_wanted_ = false;
  auto device = open_device(encoder_);
  if (device.ok())
    device_ = device.take();
  else
    events_.on_fault({device.status(), options_.grid.first_frame(segment), ""});
}

void Producer::fall_back(const Status& why, int64_t segment) {
  const bool device = why.code() == Code::kDeviceFailed;
  const std::string what = device ? "the device of the encoder " : "the encoder ";
  const std::string message = what + encoder_ + " failed, software goes on from segment " + std::to_string(segment) +
                              ": " + why.message();
  events_.on_fault({Status(device ? why.code() : Code::kEncodeFailed, device ? why.stage() : Stage::kEncode, message,
                           why.averror()),
                    options_.grid.first_frame(segment), ""});
  encoder_ = kSoftwareEncoder;
  device_wanted_ = false;
  device_.reset();
}

Status Producer::make_batch(const ProduceRequest& request, BatchReport& report, const std::stop_token& stop) {
  const auto started = std::chrono::steady_clock::now();
  if (!request.encoder.empty()) encoder_ = request.encoder;
  StillToMake left{request.from, request.from};
  open_encoders_device(request.from);
  Status status = make_segments(request, left, report, stop);
  const bool failed = !status.ok() && warm_ && (announced_encoder_ != encoder_ || warm_->encoder_failed());
  const bool replaceable = encoder_ != kSoftwareEncoder || (device_ && status.code() == Code::kDeviceFailed);
  if (failed && replaceable && !stop.stop_requested()) {
    left = warm_->end();
    warm_.reset();
    fall_back(status, left.pictures);
    status = make_segments(request, left, report, stop);
  }
  report.elapsed_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started).count();
  return status;
}

void Producer::run(std::stop_token stop) {
  name_this_thread("headend-producer");
  work_in_long_turns();
  for (;;) {
    ProduceRequest request;
    {
      std::unique_lock lock(mutex_);
      // Parked: nothing but a batch or the stop ends this sleep.
      if (!wake_.wait(lock, stop, [&] { return request_.has_value(); })) break;
      request = std::move(*request_);
      request_.reset();
    }
    BatchReport report;
    Status status = guarded(Stage::kEngine, [&] { return make_batch(request, report, stop); });
    if (!status.ok()) warm_.reset();
    {
      std::lock_guard lock(mutex_);
      busy_ = false;
    }
    events_.on_batch(std::move(status), std::move(report));
  }
  warm_.reset();
  std::unique_lock lock(mutex_);
  const bool refused = request_.has_value();
  lock.unlock();
  if (refused) events_.on_batch(Status::stopped(Stage::kEngine), {});
  events_.on_stopped();
}

}  // namespace headend
