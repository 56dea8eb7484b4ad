#include "playout/file_source.h"

#include <algorithm>
#include <utility>

namespace headend {
namespace {

// Audio codecs need a few frames before the wanted sample to sound right.
constexpr int64_t kPreRollMicroseconds = 250'000;
// How much further back to look, step by step, when a seek lands after the wanted picture.
constexpr int64_t kSeekBackMicroseconds[] = {0, 5'000'000, 30'000'000};

}  // namespace

Status FileSource::open(int64_t first_frame, std::stop_token stop) {
  Result<std::unique_ptr<Demuxer>> demuxer = Demuxer::open(entry_.url, std::move(stop));
  if (!demuxer.ok()) return demuxer.status();
  demuxer_ = demuxer.take();

  Status failure;
  if (demuxer_->video() && pictures_) {
    auto decoder = Decoder::open(*demuxer_, demuxer_->video(), 0);
    if (decoder.ok()) video_ = std::make_unique<PictureTrack>(decoder.take(), grid_.rate);
    else failure = decoder.status();
  }
  if (demuxer_->audio()) {
    auto decoder = Decoder::open(*demuxer_, demuxer_->audio(), 1);
    if (decoder.ok()) audio_ = decoder.take();
    else failure = decoder.status();
  }
  if (!video_ && !audio_ && !failure.ok()) return failure;
  if (demuxer_->video() && !video_) demuxer_->ignore(demuxer_->video());
  if (demuxer_->audio() && !audio_) demuxer_->ignore(demuxer_->audio());
  return start_at(first_frame);
}

Status FileSource::start_at(int64_t first_frame) {
  frame_ = first_frame;
  const int64_t wanted = grid_.source_microseconds(first_frame, entry_.in_point, start_frame_);
  for (const int64_t back : kSeekBackMicroseconds) {
    const int64_t from = std::max<int64_t>(0, wanted - kPreRollMicroseconds - back);
    if (Status status = restart_from(from); !status.ok()) return status;
    if (Status status = advance_picture(first_frame); !status.ok()) return status;
    // Found when the picture on air starts at or before the wanted frame, or nothing lies before it.
    if (!video_ || from == 0 || (current_ && current_frame_ <= first_frame)) return {};
  }
  if (Status status = restart_from(0); !status.ok()) return status;
  return advance_picture(first_frame);
}

Status FileSource::restart_from(int64_t microseconds) {
  // A fresh source already stands at its beginning, which even an unseekable one can give.
  const bool fresh = std::exchange(fresh_, false);
  if (microseconds > 0 || !fresh) {
    Status status = demuxer_->seek(microseconds);
    if (!status.ok() && !fresh) return status;
    if (status.ok() && video_) video_->flush(microseconds > 0);
    if (status.ok() && audio_) audio_->flush(microseconds > 0);
  }
  sound_.reset();
  if (current_ && !shown_) counts_.dropped.fetch_add(1, std::memory_order_relaxed);
  current_.reset();
  shown_ = false;
  upcoming_.reset();
  video_ended_ = !video_;
  audio_ended_ = !audio_;
  return {};
}

Status FileSource::read_upcoming() {
  Result<FramePtr> frame = video_->read();
  if (!frame.ok()) {
    // Pictures that cannot be decoded leave the sound: the channel shows its slate over it.
    if (frame.status().code() != Code::kDecodeFailed || !audio_) return frame.status();
    video_ended_ = true;
    demuxer_->ignore(demuxer_->video());
    return {};
  }
  if (!frame.value()) {
    video_ended_ = video_->ended();
    return {};
  }
  counts_.decoded.fetch_add(1, std::memory_order_relaxed);
  const AVFrame& picture = *frame.value();
  upcoming_frame_ = grid_.frame_of(picture.pts, video_->time_base(), entry_.in_point, start_frame_);
  upcoming_end_ = grid_.frame_of(picture.pts + picture.duration, video_->time_base(), entry_.in_point, start_frame_);
  upcoming_ = share(frame.take());
  return {};
}

void FileSource::air_upcoming() {
  if (current_ && current_ != upcoming_ && !shown_) counts_.dropped.fetch_add(1, std::memory_order_relaxed);
  shown_ = shown_ && current_ == upcoming_;
  current_ = upcoming_;
  current_frame_ = upcoming_frame_;
  current_end_ = upcoming_end_;
}

Status FileSource::advance_picture(int64_t frame) {
  for (;;) {
    if (!upcoming_ && !video_ended_)
      if (Status status = read_upcoming(); !status.ok()) return status;
    if (!upcoming_) return {};
    if (upcoming_frame_ > frame) {
      // Before the first picture of the file there is nothing to show but that picture.
      if (!current_) air_upcoming();
      return {};
    }
    air_upcoming();
    upcoming_.reset();
  }
}

Status FileSource::advance_sound(int64_t end_sample) {
  while (!audio_ended_ && sound_.end() < end_sample) {
    Result<FramePtr> frame = audio_->read();
    if (!frame.ok() && frame.status().code() != Code::kDecodeFailed) return frame.status();
    if (frame.ok() && !frame.value() && !audio_->ended()) return {};  // none at hand yet: silence for now
    if (!frame.ok() || !frame.value()) return end_sound();
    const int64_t position =
        grid_.sample_of(frame.value()->pts, audio_->time_base(), entry_.in_point, start_frame_);
    Status status = sound_.append(*frame.value(), position);
    // A layout that cannot be mixed to stereo leaves the pictures.
    if (status.code() == Code::kDecodeFailed && video_) return end_sound();
    if (!status.ok()) return status;
  }
  return {};
}

Status FileSource::end_sound() {
  audio_ended_ = true;
  demuxer_->ignore(demuxer_->audio());
  return sound_.drain();
}

// The last picture stands for its own duration, and half a second more for rounded durations.
bool FileSource::exhausted(int64_t frame) const {
  // Without pictures nobody knows whether those go on.
  if (!pictures_ || !video_ended_ || upcoming_ || !audio_ended_) return false;
  if (current_ && demuxer_->still()) return false;
  const int64_t grace = grid_.rate.num / (2 * grid_.rate.den);
  const bool picture_over = !current_ || frame > std::max(current_frame_, current_end_) + grace;
  const bool sound_over = !audio_ || grid_.first_sample(frame) > sound_.end() + kSampleRate / 2;
  return picture_over && sound_over;
}

Result<Slice> FileSource::next() {
  Slice slice;
  slice.frame = frame_;
  if (Status status = advance_picture(frame_); !status.ok()) return status;
  const int64_t start = grid_.first_sample(frame_);
  const int64_t end = grid_.first_sample(frame_ + 1);
  if (Status status = advance_sound(end); !status.ok()) return status;
  if (exhausted(frame_))
    return Status(Code::kSourceEnded, Stage::kDemux, entry_.url + " ends before its programme does");
  slice.picture = current_;
  shown_ = true;
  if (audio_) {
    Result<FramePtr> sound = sound_.read(start, static_cast<int>(end - start));
    if (!sound.ok()) return sound.status();
    slice.sound = share(sound.take());
  }
  ++frame_;
  return slice;
}

}  // namespace headend
