#include "media/sound_track.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/grid.h"

extern "C" {
#include <libavutil/samplefmt.h>
}

namespace headend {
namespace {

// Timestamps in containers are rounded and jitter; only a step larger than this (25 ms) moves the sound.
constexpr int64_t kTolerance = kSampleRate / 40;

// At lower rates a small file is days of samples at the channel's.
constexpr int kLowestRate = 1000;

// Float sources may hold anything; the encoder refuses what is not a number or far too loud.
constexpr float kLoudest = 4.0F;

// How much of the first two channels is heard left and right; the others are not.
int set_matrix(SwrContext* context, int channels, std::array<double, 2> left, std::array<double, 2> right) {
  std::vector<double> matrix(2 * static_cast<size_t>(channels));
  std::ranges::copy(left, matrix.begin());
  std::ranges::copy(right, matrix.begin() + channels);
  return swr_set_matrix(context, matrix.data(), channels);
}

float* plane(AVFrame& frame, int channel) { return reinterpret_cast<float*>(frame.extended_data[channel]); }

}  // namespace

Result<FramePtr> make_sound(int samples) {
  FramePtr frame = make_frame();
  frame->format = AV_SAMPLE_FMT_FLTP;
  frame->sample_rate = kSampleRate;
  frame->ch_layout = AV_CHANNEL_LAYOUT_STEREO;
  frame->nb_samples = samples;
  const int error = av_frame_get_buffer(frame.get(), 0);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot hold samples");
  for (int channel = 0; channel < 2; ++channel) std::memset(plane(*frame, channel), 0, sizeof(float) * samples);
  return frame;
}

void amplify(AVFrame& sound, float gain) {
  for (int channel = 0; channel < 2; ++channel)
    for (float* sample = plane(sound, channel); sample != plane(sound, channel) + sound.nb_samples; ++sample)
      *sample *= gain;
}

Status SoundTrack::set_up(const AVChannelLayout& from, const AVFrame& frame) {
  const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
  SwrContext* context = nullptr;
  int error = swr_alloc_set_opts2(&context, &stereo, AV_SAMPLE_FMT_FLTP, kSampleRate, &from,
                                  static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
  resampler_.reset(context);
  const int channels = frame.ch_layout.nb_channels;
  if (error >= 0 && frame.ch_layout.order == AV_CHANNEL_ORDER_AMBISONIC && channels >= 4) {
    // Two cardioid microphones facing left and right: half of everything, plus and minus half of what is beside.
    error = set_matrix(context, channels, {0.5, 0.5}, {0.5, -0.5});
  } else if (error >= 0 && from.order == AV_CHANNEL_ORDER_UNSPEC) {
    // Nobody knows where so many come from. Most begin with left and right.
    error = set_matrix(context, channels, {1, 0}, {0, 1});
  }
  if (error >= 0) error = swr_init(context);
  if (error >= 0) return {};
  resampler_.reset();
  return Status::from_av(Code::kDecodeFailed, Stage::kNormalise, error, "cannot mix the audio to stereo");
}

Status SoundTrack::configure(const AVFrame& frame) {
  if (frame.sample_rate < kLowestRate)
    return {Code::kDecodeFailed, Stage::kNormalise,
            "the audio has a sample rate of " + std::to_string(frame.sample_rate) + " Hz"};
  // Mono and friends often come without a named layout; others (discrete, ambisonic) have none that the mixer knows.
  AVChannelLayout by_count{};
  av_channel_layout_default(&by_count, frame.ch_layout.nb_channels);
  const bool native = frame.ch_layout.order == AV_CHANNEL_ORDER_NATIVE;
  Status status = set_up(native ? frame.ch_layout : by_count, frame);
  if (!status.ok() && native) status = set_up(by_count, frame);
  av_channel_layout_uninit(&by_count);
  if (!status.ok()) return status;
  const int error = av_channel_layout_copy(&layout_, &frame.ch_layout);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot convert the audio");
  rate_ = frame.sample_rate;
  format_ = frame.format;
  return {};
}

Status SoundTrack::convert(const AVFrame* frame, int skip) {
  const int in = frame ? frame->nb_samples - skip : 0;
  const int room = swr_get_out_samples(resampler_.get(), in);
  if (room <= 0) return {};
  Result<FramePtr> out = make_sound(room);
  if (!out.ok()) return out.status();
  FramePtr samples = out.take();
  std::vector<const uint8_t*> planes;
  if (frame) {
    const auto format = static_cast<AVSampleFormat>(frame->format);
    const bool planar = av_sample_fmt_is_planar(format);
    const int channels = frame->ch_layout.nb_channels;
    const ptrdiff_t offset = ptrdiff_t{skip} * av_get_bytes_per_sample(format) * (planar ? 1 : channels);
    for (int i = 0; i < (planar ? channels : 1); ++i) planes.push_back(frame->extended_data[i] + offset);
  }
  const int got =
      swr_convert(resampler_.get(), samples->extended_data, room, frame ? planes.data() : nullptr, in);
  if (got < 0) return Status::from_av(Code::kDecodeFailed, Stage::kNormalise, got, "cannot convert the audio");
  if (got == 0) return {};
  samples->nb_samples = got;
  for (int channel = 0; channel < 2; ++channel)
    for (float* sample = plane(*samples, channel); sample != plane(*samples, channel) + got; ++sample)
      *sample = std::isfinite(*sample) ? std::clamp(*sample, -kLoudest, kLoudest) : 0.0F;
  keep({end_, std::move(samples)});
  end_ += got;
  return {};
}

// Only what can still be heard, however often the timestamps lead back to the same place.
void SoundTrack::keep(Block block) {
  if (block.end() <= from_) return;
  std::erase_if(blocks_, [&](const Block& old) { return old.start >= block.start && old.end() <= block.end(); });
  blocks_.push_back(std::move(block));
}

Status SoundTrack::append(const AVFrame& frame, Place place) {
  const bool changed = !resampler_ || rate_ != frame.sample_rate || format_ != frame.format ||
                       av_channel_layout_compare(&layout_, &frame.ch_layout) != 0;
  bool anew = end_ == INT64_MIN;
  if (changed) {
    if (resampler_)
      if (Status status = drain(); !status.ok()) return status;
    if (Status status = configure(frame); !status.ok()) return status;
  }
  if (!anew) {
    // Where the frame would be heard if it simply followed on.
    const int64_t expected = end_ + swr_get_delay(resampler_.get(), kSampleRate);
    const int64_t position = place.position - int64_t{place.skip} * kSampleRate / frame.sample_rate;
    anew = std::llabs(position - expected) > kTolerance;
    if (anew)
      if (Status status = drain(); !status.ok()) return status;
  }
  // A step back overlaps what is there: read() prefers the newer block.
  if (anew) end_ = place.position;
  return convert(&frame, anew ? place.skip : 0);
}

Status SoundTrack::drain() {
  if (!resampler_) return {};
  if (Status status = convert(nullptr); !status.ok()) return status;
  const int error = swr_init(resampler_.get());
  if (error < 0) return Status::from_av(Code::kDecodeFailed, Stage::kNormalise, error, "cannot convert the audio");
  return {};
}

Result<FramePtr> SoundTrack::read(int64_t from, int count) {
  Result<FramePtr> out = make_sound(count);
  if (!out.ok()) return out;
  for (const Block& block : blocks_) {
    const int64_t start = std::max(from, block.start);
    const int64_t end = std::min(from + count, block.end());
    if (start >= end) continue;
    for (int channel = 0; channel < 2; ++channel)
      std::memcpy(plane(*out.value(), channel) + (start - from), plane(*block.samples, channel) + (start - block.start),
                  sizeof(float) * (end - start));
  }
  from_ = from + count;
  std::erase_if(blocks_, [&](const Block& block) { return block.end() <= from_; });
  return out;
}

void SoundTrack::reset(int64_t from) {
  resampler_.reset();
  blocks_.clear();
  from_ = from;
  end_ = INT64_MIN;
}

}  // namespace headend
