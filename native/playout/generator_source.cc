#include "playout/generator_source.h"

#include <utility>

#include "media/blank_picture.h"

namespace headend {
namespace {

// A chain that swallows this many frames without giving one is not a function of its time.
constexpr int kMaxLatencyFrames = 250;

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

GeneratorSource::GeneratorSource(GeneratorEntry entry, int64_t start_frame, const ProducerOptions& options,
                                 bool pictures)
    : entry_(std::move(entry)), start_frame_(start_frame), options_(options), pictures_(pictures) {}

Status GeneratorSource::open_video() {
  const VideoEncoderOptions& size = options_.rungs.front().encoder;
  Result<FramePtr> black = make_blank_picture(size.width, size.height, 16);
  if (!black.ok()) return black.status();
  black_ = black.take();

  std::string chain = entry_.video.empty() ? "null" : entry_.video;
  replace_all(chain, "{font}", escape_filter_value(options_.font_file));
  auto video = FilterGraph::for_pictures(*black_, av_inv_q(options_.grid.rate), chain + ",format=yuv420p");
  if (!video.ok()) return video.status();
  video_ = video.take();
  return {};
}

Status GeneratorSource::open(int64_t first_frame, std::stop_token) {
  if (pictures_)
    if (Status status = open_video(); !status.ok()) return status;
  if (!entry_.audio.empty()) {
    auto audio = FilterGraph::for_sound(entry_.audio);
    if (!audio.ok()) return audio.status();
    audio_ = audio.take();
  }

  frame_ = first_frame;
  pushed_ = entry_.in_frame + (first_frame - start_frame_);
  pushed_sample_ = options_.grid.first_sample(pushed_);
  return {};
}

Result<SharedFrame> GeneratorSource::next_picture() {
  const int64_t wanted = entry_.in_frame + (frame_ - start_frame_);
  for (int pushes = 0;;) {
    Result<FramePtr> picture = video_->pull();
    if (!picture.ok()) return picture.status();
    if (picture.value()) {
      if (picture.value()->pts < wanted) continue;
      return share(picture.take());
    }
    if (++pushes > kMaxLatencyFrames)
      return Status(Code::kSourceInvalid, Stage::kNormalise, "the generator's video chain gives no pictures");
    black_->pts = pushed_++;
    black_->duration = 1;
    if (Status status = video_->push(*black_); !status.ok()) return status;
  }
}

Result<SharedFrame> GeneratorSource::next_sound() {
  const int64_t programme_frame = entry_.in_frame + (frame_ - start_frame_);
  const int64_t start = options_.grid.first_sample(programme_frame);
  // As many samples as the channel's frame has: floor() may differ by one between the two clocks.
  const int count = static_cast<int>(options_.grid.first_sample(frame_ + 1) - options_.grid.first_sample(frame_));
  for (int pushes = 0; sound_.end() < start + count;) {
    Result<FramePtr> sound = audio_->pull();
    if (!sound.ok()) return sound.status();
    if (sound.value()) {
      if (Status status = sound_.append(*sound.value(), {sound.value()->pts}); !status.ok()) return status;
      continue;
    }
    if (++pushes > kMaxLatencyFrames)
      return Status(Code::kSourceInvalid, Stage::kNormalise, "the generator's audio chain gives no sound");
    Result<FramePtr> silence = make_sound(kAccessUnitSamples);
    if (!silence.ok()) return silence.status();
    silence.value()->pts = pushed_sample_;
    pushed_sample_ += kAccessUnitSamples;
    if (Status status = audio_->push(*silence.value()); !status.ok()) return status;
  }
  Result<FramePtr> samples = sound_.read(start, count);
  if (!samples.ok()) return samples.status();
  return share(samples.take());
}

Result<Slice> GeneratorSource::next() {
  Slice slice;
  slice.frame = frame_;
  if (video_) {
    Result<SharedFrame> picture = next_picture();
    if (!picture.ok()) return picture.status();
    slice.picture = picture.take();
  }
  if (audio_) {
    Result<SharedFrame> sound = next_sound();
    if (!sound.ok()) return sound.status();
    slice.sound = sound.take();
  }
  ++frame_;
  return slice;
}

}  // namespace headend
