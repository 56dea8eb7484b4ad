#include "playout/file_source.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

extern "C" {
#include <libavutil/common.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/mathematics.h>
}

namespace headend {
namespace {

// Audio codecs need a few frames before the wanted sample to sound right.
constexpr int64_t kPreRollMicroseconds = 250'000;
// How much further back to look, step by step, when a seek lands after the wanted picture.
constexpr int64_t kSeekBackMicroseconds[] = {0, 5'000'000, 30'000'000};

// Sound that is decoded and leads no further; a step back in its clock costs as much as it is long.
constexpr int64_t kMaxWastedSamples = int64_t{60} * kSampleRate;

// For so long the last picture stands where those that follow cannot be decoded.
constexpr int64_t kFreezeSeconds = 5;
// What cannot be decoded is read so far ahead, for the packets that a decoder holds before it gives a picture.
constexpr int64_t kBarrenAheadMicroseconds = 1'000'000;

// Dolby Vision whose colours (IPT) mean nothing to who does not apply its metadata: profiles 5 and 10.0 have no base layer
// that is SDR, HDR10 or HLG.
bool needs_dolby_vision(const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  const AVPacketSideData* data =
      av_packet_side_data_get(codec.coded_side_data, codec.nb_coded_side_data, AV_PKT_DATA_DOVI_CONF);
  if (!data) return false;
  const auto& dolby = *reinterpret_cast<const AVDOVIDecoderConfigurationRecord*>(data->data);
  return dolby.dv_profile == 5 || (dolby.dv_profile == 10 && dolby.dv_bl_signal_compatibility_id == 0);
}

}  // namespace

FileSource::FileSource(FileEntry entry, int64_t start_frame, const ProducerOptions& options, int64_t first_picture,
                       std::shared_ptr<const Device> device, std::shared_ptr<PictureCounts> counts,
                       std::shared_ptr<InputWatch> watch)
    : entry_(std::move(entry)),
      start_frame_(start_frame),
      grid_(options.grid),
      input_{options.input.ca_file, options.input.memory, std::move(watch)},
      rungs_(options.rungs),
      first_picture_(first_picture),
      pictures_(first_picture != kNoPictures),
      device_(std::move(device)),
      counts_(std::move(counts)),
      gain_(static_cast<float>(std::pow(10.0, entry_.gain / 20))) {}

Status FileSource::open(int64_t first_frame, std::stop_token stop) {
  stop_ = stop;
  Result<std::unique_ptr<Demuxer>> demuxer = Demuxer::open(entry_.url, input_, std::move(stop));
  if (!demuxer.ok()) return demuxer.status();
  demuxer_ = demuxer.take();

  Status video = demuxer_->video() && pictures_ ? open_video() : Status();
  if (video.code() == Code::kDeviceFailed) return video;
  Status audio = demuxer_->audio() ? open_audio() : Status();
  if (!video_ && !audio_) {
    if (!video.ok()) return video;
    if (!audio.ok()) return audio;
  }
  if (!video.ok()) remark(std::move(video));
  if (!audio.ok()) remark(std::move(audio));
  if (demuxer_->video() && !video_) demuxer_->ignore(demuxer_->video());
  if (demuxer_->audio() && !audio_) demuxer_->ignore(demuxer_->audio());
  if (pictures_ && demuxer_->cover()) open_cover();
  return start_at(first_frame);
}

Status FileSource::open_video() {
  if (needs_dolby_vision(*demuxer_->video()))
    return {Code::kDecodeFailed, Stage::kDecode,
            entry_.url + " is Dolby Vision without a base layer that can be shown (profile 5)"};
  std::unique_ptr<DeviceDecoding> on_device;
  if (device_ && !demuxer_->still()) {
    std::vector<PictureSize> sizes;
    for (const RungOptions& rung : rungs_) sizes.push_back({rung.encoder.width, rung.encoder.height});
    on_device = std::make_unique<DeviceDecoding>(device_, std::move(sizes));
  }
  auto decoder = Decoder::open(*demuxer_, demuxer_->video(), 0, std::move(on_device));
  if (!decoder.ok()) return decoder.status();
  video_ = std::make_unique<PictureTrack>(decoder.take(), grid_.rate);
  return {};
}

Status FileSource::open_audio() {
  auto decoder = Decoder::open(*demuxer_, demuxer_->audio(), 1);
  if (!decoder.ok()) return decoder.status();
  audio_ = decoder.take();
  raster_ = AudioRaster(*demuxer_->audio()->codecpar, audio_->time_base(), audio_->start());
  return {};
}

// A cover that cannot be decoded is no fault: the programme is its sound.
void FileSource::open_cover() {
  auto decoder = Decoder::open(*demuxer_, demuxer_->cover(), 1);
  if (!decoder.ok()) return;
  Result<FramePtr> picture = decoder.value()->decode_one(demuxer_->cover()->attached_pic);
  if (picture.ok() && picture.value()) cover_ = share(picture.take());
}

void FileSource::remark(Status status) { remarks_.push_back(std::move(status)); }

Status FileSource::start_at(int64_t first_frame) {
  frame_ = first_frame;
  const int64_t shown = pictures_ ? std::max(first_frame, first_picture_) : first_frame;
  const int64_t wanted = grid_.source_microseconds(first_frame, entry_.in_point, start_frame_);
  const int64_t picture = grid_.last_pts_of(shown, AV_TIME_BASE_Q, entry_.in_point, start_frame_);
  bool skip = pictures_;
  for (const int64_t back : kSeekBackMicroseconds) {
    const int64_t from = std::max<int64_t>(0, wanted - kPreRollMicroseconds - back);
    Result<bool> mid_stream = restart_from(from, picture - back);
    if (!mid_stream.ok()) return mid_stream.status();
    if (skip && video_ && mid_stream.value()) {
      Result<bool> found =
          video_->skip_to(grid_.last_pts_of(shown, video_->time_base(), entry_.in_point, start_frame_));
      if (!found.ok()) return found.status();
      if (!found.value()) continue;
    }
    if (Status status = advance_picture(shown); !status.ok()) return status;
    // Found when the picture on air starts at or before the wanted frame, or nothing lies before it.
    if (!video_ || from == 0 || (current_ && current_frame_ <= shown)) return {};
    // The key frame is none, or recovers too slowly: everything from further back is decoded.
    skip = false;
  }
  if (Result<bool> restarted = restart_from(0, 0); !restarted.ok()) return restarted.status();
  return advance_picture(shown);
}

// Whether it stands in mid-stream then.
Result<bool> FileSource::restart_from(int64_t microseconds, int64_t picture) {
  // A fresh source already stands at its beginning, which even an unseekable one can give.
  const bool fresh = std::exchange(fresh_, false);
  bool mid_stream = false;
  if (!fresh || (microseconds > 0 && !demuxer_->still())) {
    Result<bool> sought = demuxer_->seek(microseconds, picture);
    if (!sought.ok() && !fresh) return sought.status();
    mid_stream = microseconds > 0 && sought.ok() && sought.value();
    if (sought.ok() && video_) video_->flush(mid_stream);
    if (sought.ok() && audio_) audio_->flush(mid_stream);
  }
  sound_.reset(grid_.first_sample(frame_));
  sound_furthest_ = INT64_MIN;
  sound_wasted_ = 0;
  if (current_ && !shown_) counts_->dropped.fetch_add(1, std::memory_order_relaxed);
  current_ = cover_;
  shown_ = false;
  slated_ = false;
  upcoming_.reset();
  video_ended_ = !video_;
  audio_ended_ = !audio_;
  return mid_stream;
}

// The next picture; where they cannot be decoded, reads on only as far as `frame`.
Status FileSource::read_upcoming(int64_t frame) {
  FramePtr decoded;
  std::optional<Barren> barren = video_->barren();
  while (!decoded) {
    const int64_t reached = barren ? barren->until : INT64_MIN;
    const int64_t time = av_sat_sub64(reached, kBarrenAheadMicroseconds);
    if (barren && grid_.frame_of(time, AV_TIME_BASE_Q, entry_.in_point, start_frame_) > frame) return {};
    Result<FramePtr> read = video_->read();
    if (!read.ok()) {
      // Pictures that cannot be decoded leave the sound: the channel shows its slate over it.
      if (read.status().code() != Code::kDecodeFailed || !audio_) return read.status();
      end_pictures(read.status());
      return {};
    }
    decoded = read.take();
    if (decoded) break;
    video_ended_ = video_->ended();
    barren = video_->barren();
    if (video_ended_ || !barren || barren->until <= reached) return {};
  }
  counts_->decoded.fetch_add(1, std::memory_order_relaxed);
  if (input_.watch) input_.watch->step();
  const AVFrame& picture = *decoded;
  upcoming_frame_ = grid_.frame_of(picture.pts, video_->time_base(), entry_.in_point, start_frame_);
  upcoming_end_ = grid_.frame_of(av_sat_add64(picture.pts, picture.duration), video_->time_base(), entry_.in_point,
                                 start_frame_);
  upcoming_ = share(std::move(decoded));
  return {};
}

void FileSource::air_upcoming() {
  if (current_ && current_ != upcoming_ && !shown_) counts_->dropped.fetch_add(1, std::memory_order_relaxed);
  shown_ = shown_ && current_ == upcoming_;
  current_ = upcoming_;
  current_frame_ = upcoming_frame_;
  current_end_ = upcoming_end_;
  slated_ = false;
}

// What is told, and what becomes of the last picture, where no other can be decoded.
void FileSource::miss_pictures(int64_t frame) {
  const std::optional<Barren> barren = video_ ? video_->barren() : std::nullopt;
  if (!barren || upcoming_) return;
  if (!std::exchange(pictures_missed_, true)) remark(barren->refusal);
  if (frame <= std::max(current_frame_, current_end_) + kFreezeSeconds * grid_.rate.num / grid_.rate.den) return;
  slated_ = true;
  current_.reset();
}

Status FileSource::advance_picture(int64_t frame) {
  for (;;) {
    // What lies before a start in the middle may take long, and no input call that would be interrupted.
    if (stop_.stop_requested()) return Status::stopped(Stage::kDecode);
    if (!upcoming_ && !video_ended_)
      if (Status status = read_upcoming(frame); !status.ok()) return status;
    if (!upcoming_) return {};
    if (upcoming_frame_ > frame) {
      // Before the first picture of the file there is nothing to show but that picture.
      if (!current_ && !slated_) air_upcoming();
      return {};
    }
    // What the decoder held back until others could be decoded is long over.
    if (slated_ && upcoming_frame_ < frame && upcoming_end_ <= frame)
      counts_->dropped.fetch_add(1, std::memory_order_relaxed);
    else
      air_upcoming();
    upcoming_.reset();
  }
}

Status FileSource::advance_sound(int64_t end_sample) {
  while (!audio_ended_ && sound_.end() < end_sample) {
    std::optional<Barren> barren = audio_->barren();
    const int64_t reached = barren ? barren->until : INT64_MIN;
    // Where it cannot be decoded, it is read on only as far as that.
    if (barren && grid_.sample_of(reached, AV_TIME_BASE_Q, entry_.in_point, start_frame_) >= end_sample) return {};
    Result<FramePtr> frame = audio_->read();
    if (!frame.ok() && frame.status().code() != Code::kDecodeFailed) return frame.status();
    if (!frame.ok()) return end_sound(frame.status());
    if (!frame.value()) {
      barren = audio_->barren();
      if (barren && !std::exchange(sound_missed_, true)) remark(barren->refusal);
      if (audio_->ended()) return end_sound({});
      if (!barren || barren->until <= reached) return {};  // none at hand yet: silence for now
      continue;
    }
    Status status = append_sound(*frame.value());
    // What cannot be mixed to stereo leaves the pictures.
    if (status.code() == Code::kDecodeFailed) return end_sound(std::move(status));
    if (!status.ok()) return status;
    if (!sound_leads_on(*frame.value()))
      return end_sound({Code::kDecodeFailed, Stage::kNormalise,
                        "the sound of " + entry_.url + " goes back again and again by its timestamps"});
  }
  return {};
}

// Whether what is decoded gets the sound further, on the whole.
bool FileSource::sound_leads_on(const AVFrame& appended) {
  if (sound_furthest_ == INT64_MIN) sound_furthest_ = sound_.end();
  const int64_t decoded = av_rescale_rnd(appended.nb_samples, kSampleRate, appended.sample_rate, AV_ROUND_DOWN);
  const int64_t further = std::max<int64_t>(0, sound_.end() - sound_furthest_);
  sound_furthest_ += further;
  sound_wasted_ = std::max<int64_t>(0, sound_wasted_ + decoded - further);
  return sound_wasted_ <= kMaxWastedSamples;
}

Status FileSource::append_sound(const AVFrame& frame) {
  const AVRational time_base = audio_->time_base();
  const std::optional<int64_t> sample = raster_.sample_of(frame);
  if (!sample) return sound_.append(frame, {grid_.sample_of(frame.pts, time_base, entry_.in_point, start_frame_), 0});
  // The resampler starts on a sample that falls on one of the channel's, so that its phase is always the same.
  const int period = frame.sample_rate / static_cast<int>(av_gcd(frame.sample_rate, kSampleRate));
  const int64_t beyond = *sample - floor_div(*sample, period) * period;
  const int64_t skip = beyond == 0 ? 0 : period - beyond;
  const int skipped = skip < frame.nb_samples ? static_cast<int>(skip) : 0;
  const int64_t start = grid_.sample_of(raster_.start(), time_base, entry_.in_point, start_frame_);
  return sound_.append(
      frame, {start + round_div(static_cast<__int128>(*sample + skipped) * kSampleRate, frame.sample_rate), skipped});
}

// Without a reason it is over; with one it is silence in the place of sound.
Status FileSource::end_sound(Status reason) {
  audio_ended_ = true;
  demuxer_->ignore(demuxer_->audio());
  if (!reason.ok()) {
    if (!video_ && !cover_) return reason;
    remark(std::move(reason));
    return {};
  }
  return sound_.drain();
}

void FileSource::end_pictures(Status reason) {
  video_ended_ = true;
  demuxer_->ignore(demuxer_->video());
  remark(std::move(reason));
}

Result<SharedFrame> FileSource::read_sound(int64_t start, int64_t end) {
  Result<FramePtr> sound = sound_.read(start, static_cast<int>(end - start));
  if (!sound.ok()) return sound.status();
  if (entry_.gain != 0) amplify(*sound.value(), gain_);
  return share(sound.take());
}

// The last picture stands for its own duration, and half a second more for rounded durations.
bool FileSource::exhausted(int64_t frame) const {
  // Without pictures nobody knows whether those go on.
  if (!pictures_ || !video_ended_ || upcoming_ || !audio_ended_) return false;
  if (current_ && demuxer_->still()) return false;
  const int64_t grace = grid_.rate.num / (2 * grid_.rate.den);
  const bool picture_over = !current_ || current_ == cover_ || frame > std::max(current_frame_, current_end_) + grace;
  const bool sound_over = !audio_ || grid_.first_sample(frame) > sound_.end() + kSampleRate / 2;
  return picture_over && sound_over;
}

Result<Slice> FileSource::next() {
  Slice slice;
  slice.frame = frame_;
  if (frame_ >= first_picture_)
    if (Status status = advance_picture(frame_); !status.ok()) return status;
  miss_pictures(frame_);
  const int64_t start = grid_.first_sample(frame_);
  const int64_t end = grid_.first_sample(frame_ + 1);
  if (Status status = advance_sound(end); !status.ok()) return status;
  if (exhausted(frame_)) {
    // Neither pictures nor sound that could be decoded.
    if (!remarks_.empty() && remarks_.front().code() == Code::kDecodeFailed) return remarks_.front();
    return Status(Code::kSourceEnded, Stage::kDemux, entry_.url + " ends before its programme does");
  }
  slice.picture = current_;
  shown_ = true;
  if (audio_) {
    Result<SharedFrame> sound = read_sound(start, end);
    if (!sound.ok()) return sound.status();
    slice.sound = sound.take();
  }
  if (auto mended = demuxer_->take_remark()) remark(std::move(*mended));
  if (!remarks_.empty()) {
    slice.fault = std::make_shared<const Status>(std::move(remarks_.front()));
    remarks_.pop_front();
  }
  ++frame_;
  return slice;
}

}  // namespace headend
