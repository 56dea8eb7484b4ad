#include "media/sound_track.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/grid.h"

namespace headend {
namespace {

// Timestamps in containers are rounded and jitter; only a step larger than this (25 ms) moves the sound.
constexpr int64_t kTolerance = kSampleRate / 40;

// Float sources may hold anything; the encoder refuses what is not a number or far too loud.
constexpr float kLoudest = 4.0F;

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

Status SoundTrack::configure(const AVFrame& frame) {
  AVChannelLayout from = frame.ch_layout;
  // Mono and friends often come without a named layout.
  if (from.order == AV_CHANNEL_ORDER_UNSPEC) av_channel_layout_default(&from, frame.ch_layout.nb_channels);
  const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
  SwrContext* context = nullptr;
  int error = swr_alloc_set_opts2(&context, &stereo, AV_SAMPLE_FMT_FLTP, kSampleRate, &from,
                                  static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
  resampler_.reset(context);
  if (error >= 0) error = swr_init(context);
  if (error < 0) {
    // Ambisonic, discrete and other layouts that the mixer does not know: as if by the number of channels.
    av_channel_layout_default(&from, frame.ch_layout.nb_channels);
    error = swr_alloc_set_opts2(&context, &stereo, AV_SAMPLE_FMT_FLTP, kSampleRate, &from,
                                static_cast<AVSampleFormat>(frame.format), frame.sample_rate, 0, nullptr);
    (void)resampler_.release();
    resampler_.reset(context);
    if (error >= 0) error = swr_init(context);
  }
  if (error < 0) resampler_.reset();
  if (error < 0) return Status::from_av(Code::kDecodeFailed, Stage::kNormalise, error, "cannot convert the audio");
  error = av_channel_layout_copy(&layout_, &frame.ch_layout);
  if (error < 0) return Status::from_av(Code::kEngineFailed, Stage::kNormalise, error, "cannot convert the audio");
  rate_ = frame.sample_rate;
  format_ = frame.format;
  return {};
}

Status SoundTrack::convert(const AVFrame* frame) {
  const int in = frame ? frame->nb_samples : 0;
  const int room = swr_get_out_samples(resampler_.get(), in);
  if (room <= 0) return {};
  Result<FramePtr> out = make_sound(room);
  if (!out.ok()) return out.status();
  FramePtr samples = out.take();
  const int got = swr_convert(resampler_.get(), samples->extended_data, room,
                              frame ? const_cast<const uint8_t**>(frame->extended_data) : nullptr, in);
  if (got < 0) return Status::from_av(Code::kDecodeFailed, Stage::kNormalise, got, "cannot convert the audio");
  if (got == 0) return {};
  samples->nb_samples = got;
  for (int channel = 0; channel < 2; ++channel)
    for (float* sample = plane(*samples, channel); sample != plane(*samples, channel) + got; ++sample)
      *sample = std::isfinite(*sample) ? std::clamp(*sample, -kLoudest, kLoudest) : 0.0F;
  blocks_.push_back({end_, std::move(samples)});
  end_ += got;
  return {};
}

Status SoundTrack::append(const AVFrame& frame, int64_t position) {
  const bool changed = !resampler_ || rate_ != frame.sample_rate || format_ != frame.format ||
                       av_channel_layout_compare(&layout_, &frame.ch_layout) != 0;
  if (changed) {
    if (resampler_)
      if (Status status = drain(); !status.ok()) return status;
    if (Status status = configure(frame); !status.ok()) return status;
    if (end_ == INT64_MIN) end_ = position;
  }
  // Where the next converted sample would be heard if this frame simply followed on.
  const int64_t expected = end_ + swr_get_delay(resampler_.get(), kSampleRate);
  if (std::llabs(position - expected) > kTolerance) {
    if (Status status = drain(); !status.ok()) return status;
    // A step back overlaps what is there: read() prefers the newer block.
    end_ = position;
  }
  return convert(&frame);
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
  while (!blocks_.empty() && blocks_.front().end() <= from + count) blocks_.pop_front();
  return out;
}

void SoundTrack::reset() {
  resampler_.reset();
  blocks_.clear();
  end_ = INT64_MIN;
}

}  // namespace headend
