#include "playout/run.h"

#include <algorithm>

namespace headend {
namespace {

constexpr size_t kMaxCarriedBytes = 256 << 20;

}  // namespace

Run::Run(const ProducerOptions& options, const std::string& encoder, std::shared_ptr<const Device> device,
         bool pictures, ProducerEvents& events, StillToMake first)
    : options_(options),
      encoder_(encoder),
      device_(std::move(device)),
      events_(events),
      next_segment_(first.pictures),
      next_frame_(options.grid.first_frame(std::min(first.pictures, first.sound)) -
                  AudioWorker::pre_roll_frames(options.grid)),
      timeline_(options, device_, pictures ? options.grid.first_frame(first.pictures) : kNoPictures, events),
      audio_(std::make_unique<AudioWorker>(options.audio_bitrate, options.grid, first.sound, progress_, events)) {}

bool Run::encoder_failed() const {
  const std::string failed = progress_.failed();
  const Code code = progress_.error().code();
  return (code == Code::kEncodeFailed || code == Code::kDeviceFailed) && !failed.empty() && failed != kAudioRendition;
}

StillToMake Run::end() {
  std::vector<std::string> rungs;
  for (const auto& rung : rungs_) rungs.push_back(rung->rendition());
  audio_.reset();
  rungs_.clear();
  StillToMake left{next_segment_, progress_.next(kAudioRendition, next_segment_)};
  if (!rungs.empty()) left.pictures = progress_.next(rungs.front(), next_segment_);
  for (const std::string& rung : rungs) left.pictures = std::min(left.pictures, progress_.next(rung, next_segment_));
  return left;
}

bool Run::makes(const std::string& rung) const {
  return std::any_of(rungs_.begin(), rungs_.end(), [&](const auto& worker) { return worker->rendition() == rung; });
}

bool Run::needs_carried(const ProduceRequest& request) const {
  return !std::all_of(request.rungs.begin(), request.rungs.end(), [&](const std::string& id) { return makes(id); });
}

void Run::carry(Slice slice) {
  carried_bytes_ += slice.bytes();
  carried_all_ = carried_all_ && carried_bytes_ <= kMaxCarriedBytes;
  if (carried_all_) {
    carried_.push_back(std::move(slice));
  } else {
    lost_until_ = slice.frame + 1;
    carried_.clear();
  }
}

Status Run::deliver(Worker& worker, const Slice& slice, const std::stop_token& stop) {
  switch (worker.push(slice, stop)) {
    case QueueResult::kOk: return {};
    case QueueResult::kClosed: return progress_.error();
    case QueueResult::kStopped:
    case QueueResult::kTimeout: break;
  }
  return Status::stopped(Stage::kEngine);
}

Status Run::set_rungs(const std::vector<std::string>& ids, const std::stop_token& stop) {
  const auto wanted = [&](const std::string& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
  for (auto worker = rungs_.begin(); worker != rungs_.end();) {
    const std::string id = (*worker)->rendition();
    if (wanted(id)) {
      ++worker;
      continue;
    }
    worker = rungs_.erase(worker);  // joins its thread
    progress_.forget(id);
  }
  for (const RungOptions& rung : options_.rungs) {
    if (makes(rung.id) || !wanted(rung.id)) continue;
    rungs_.push_back(
        std::make_unique<RungWorker>(rung, encoder_, device_, options_.grid, next_segment_, progress_, events_));
    for (const Slice& slice : carried_)
      if (Status status = deliver(*rungs_.back(), slice, stop); !status.ok()) return status;
  }
  return {};
}

void Run::report(BatchReport& report) {
  const PictureCounts& counts = timeline_.pictures_read();
  BatchReport now;
  now.frames_decoded = counts.decoded.load(std::memory_order_relaxed);
  now.frames_dropped = counts.dropped.load(std::memory_order_relaxed);
  now.frames_repeated = repeated_;
  report.frames_decoded += now.frames_decoded - reported_.frames_decoded;
  report.frames_dropped += now.frames_dropped - reported_.frames_dropped;
  report.frames_repeated += now.frames_repeated - reported_.frames_repeated;
  for (const auto& [rendition, statistics] : progress_.take_statistics()) report.renditions[rendition] += statistics;
  reported_ = std::move(now);
}

void Run::begin(const ProduceRequest& request) {
  timeline_.set_timeline(request.timeline);
  timeline_.open_ahead(next_frame_);
}

Status Run::produce(const ProduceRequest& request, const std::stop_token& stop) {
  if (Status status = set_rungs(request.rungs, stop); !status.ok()) return status;
  const int64_t end = next_segment_ + request.count;
  const int64_t first_frame = options_.grid.first_frame(next_segment_);
  const int64_t end_frame = options_.grid.first_frame(end);
  // What was carried into this batch has been handed to every rung now; keep only what belongs to a later one.
  std::erase_if(carried_, [&](const Slice& slice) { return slice.frame < end_frame; });
  carried_bytes_ = 0;
  for (const Slice& slice : carried_) carried_bytes_ += slice.bytes();
  carried_all_ = lost_until_ <= end_frame;

  // Encoders hold frames back, so the last segment is out only after some frames of the next went in.
  while (!progress_.complete(end)) {
    if (stop.stop_requested()) return Status::stopped(Stage::kEngine);
    Result<Slice> slice = timeline_.read(next_frame_, stop);
    if (!slice.ok()) return slice.status();
    if (Status status = deliver(*audio_, slice.value(), stop); !status.ok()) return status;
    if (next_frame_ >= first_frame) {
      if (slice.value().picture == shown_) ++repeated_;
      shown_ = slice.value().picture;
      for (auto& rung : rungs_)
        if (Status status = deliver(*rung, slice.value(), stop); !status.ok()) return status;
    }
    if (next_frame_ >= end_frame) carry(slice.take());
    ++next_frame_;
    if (Status status = progress_.error(); !status.ok()) return status;
  }
  next_segment_ = end;
  return {};
}

}  // namespace headend
