#include "playout/timeline_reader.h"

#include <algorithm>
#include <utility>

#include "media/sound_track.h"
#include "playout/device_source.h"
#include "playout/generator_source.h"
#include "playout/slate.h"

namespace headend {
namespace {

// A source that gives no frame for so long is given up for the rest of its programme. A start in the middle may have
// minutes to decode before the frame that is wanted.
constexpr Patience kSourcePatience{.idle = std::chrono::seconds(10), .longest = std::chrono::seconds(60)};
// The next programme is opened this long before its cut.
constexpr int64_t kOpenAheadSeconds = 3;
// Length of the fade on either side of a cut: 5 ms.
constexpr int kFadeSamples = kSampleRate / 200;

/** A copy of `sound` that fades in over its first or out over its last samples. */
Result<SharedFrame> fade(const AVFrame& sound, bool in) {
  Result<FramePtr> copy = make_sound(sound.nb_samples);
  if (!copy.ok()) return copy.status();
  const int length = std::min(kFadeSamples, sound.nb_samples);
  for (int channel = 0; channel < 2; ++channel) {
    const auto* from = reinterpret_cast<const float*>(sound.extended_data[channel]);
    auto* to = reinterpret_cast<float*>(copy.value()->extended_data[channel]);
    std::copy_n(from, sound.nb_samples, to);
    for (int i = 0; i < length; ++i) to[in ? i : sound.nb_samples - 1 - i] *= static_cast<float>(i) / length;
  }
  return share(copy.take());
}

}  // namespace

const TimelineEntry* TimelineReader::entry_at(int64_t frame) const {
  auto after = std::upper_bound(timeline_.begin(), timeline_.end(), frame,
                                [](int64_t value, const TimelineEntry& entry) { return value < entry.start_frame; });
  if (after == timeline_.begin()) return nullptr;
  const TimelineEntry& entry = *std::prev(after);
  return frame < entry.end_frame ? &entry : nullptr;
}

std::unique_ptr<TimelineReader::Programme> TimelineReader::open(const TimelineEntry& entry, int64_t frame) {
  auto programme = std::make_unique<Programme>();
  programme->entry = entry;
  programme->next_frame = frame;
  std::unique_ptr<FrameSource> source;
  const auto watch = std::make_shared<InputWatch>();
  if (const auto* file = std::get_if<FileEntry>(&entry.source)) {
    programme->url = std::make_shared<const std::string>(file->url);
    source = open_file(*file, entry.start_frame, watch);
  } else if (const auto* generator = std::get_if<GeneratorEntry>(&entry.source)) {
    source = std::make_unique<GeneratorSource>(*generator, entry.start_frame, options_, pictures());
  }
  if (source) programme->reader = std::make_unique<ProgrammeReader>(std::move(source), watch, frame);
  return programme;
}

std::unique_ptr<FrameSource> TimelineReader::open_file(const FileEntry& file, int64_t start_frame,
                                                       std::shared_ptr<InputWatch> watch) {
  // Copies: the thread that calls it may be left behind.
  const auto make = [file, start_frame, options = options_, first_picture = first_picture_, counts = counts_,
                     watch](std::shared_ptr<const Device> device) {
    return std::make_unique<FileSource>(file, start_frame, options, first_picture, std::move(device), counts, watch);
  };
  if (!device_ || !pictures()) return make(nullptr);
  return std::make_unique<DeviceSource>(make, device_);
}

void TimelineReader::open_following(const TimelineEntry& entry, int64_t frame) {
  const int64_t open_ahead = kOpenAheadSeconds * options_.grid.rate.num / options_.grid.rate.den;
  if (entry.end_frame - frame > open_ahead) return;
  const TimelineEntry* next = entry_at(entry.end_frame);
  if (!next || (following_ && following_->entry.continues(*next))) return;
  following_ = open(*next, next->start_frame);
}

void TimelineReader::open_ahead(int64_t frame) {
  const TimelineEntry* entry = entry_at(frame);
  if (entry && !current_ && !following_) following_ = open(*entry, frame);
}

// Where there is no picture the slate is shown.
Status TimelineReader::fill_in(Slice& slice) {
  if (slice.picture || slice.frame < first_picture_) return {};
  if (!slate_) {
    Result<SharedFrame> slate = make_slate(options_);
    if (!slate.ok()) return slate.status();
    slate_ = slate.take();
  }
  slice.picture = slate_;
  return {};
}

void TimelineReader::report(Status status, int64_t frame, const TimelineEntry& entry) {
  const auto* file = std::get_if<FileEntry>(&entry.source);
  events_.on_fault({std::move(status), frame, file ? file->url : ""});
}

void TimelineReader::tell_programme(int64_t frame, bool slate) {
  const TimelineEntry& entry = current_->entry;
  ProgrammeStart programme{frame, entry.start_frame, entry.end_frame, "slate", "", slate};
  if (std::holds_alternative<GeneratorEntry>(entry.source)) programme.kind = "generator";
  if (const auto* file = std::get_if<FileEntry>(&entry.source)) {
    programme.kind = "file";
    programme.source = file->url;
  }
  events_.on_programme(std::move(programme));
}

Result<Slice> TimelineReader::read(int64_t frame, std::stop_token stop) {
  const TimelineEntry* entry = entry_at(frame);
  Slice slice;
  slice.frame = frame;
  if (!entry) {
    if (!timeline_.empty() && frame >= timeline_.back().end_frame)
      return Status(Code::kInvalidOptions, Stage::kSchedule, "the timeline ends before what the encoders look ahead");
    current_.reset();  // before the first programme
    if (Status status = fill_in(slice); !status.ok()) return status;
    return slice;
  }

  bool goes_on = current_ && current_->entry.continues(*entry) && current_->next_frame == frame;
  if (!goes_on) {
    if (following_ && following_->entry.continues(*entry) && following_->next_frame == frame)
      current_ = std::move(following_);
    else
      current_ = open(*entry, frame);
  }
  open_following(*entry, frame);
  current_->next_frame = frame + 1;

  if (current_->reader) {
    Result<Slice> read = current_->reader->read(stop, kSourcePatience, wait_meter_);
    if (read.ok()) {
      slice = read.take();
      if (slice.fault) report(*std::exchange(slice.fault, nullptr), frame, *entry);
      if (slice.picture) slice.source = current_->url;
    } else if (stop.stop_requested()) {
      return Status::stopped(Stage::kDemux);
    } else {
      report(read.status(), frame, *entry);
      current_->reader.reset();  // the slate, to the end of the programme
      goes_on = false;
    }
  }
  if (Status status = fill_in(slice); !status.ok()) return status;
  if (!goes_on) tell_programme(frame, !current_->reader);

  const bool first = frame == entry->start_frame;
  const bool last = frame == entry->end_frame - 1;
  if (slice.sound && (first || last)) {
    Result<SharedFrame> faded = fade(*slice.sound, first);
    if (!faded.ok()) return faded.status();
    slice.sound = faded.take();
  }
  return slice;
}

}  // namespace headend
