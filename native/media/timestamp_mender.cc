#include "media/timestamp_mender.h"

#include <cstdlib>

extern "C" {
#include <libavutil/avutil.h>
#include <libavutil/common.h>
#include <libavutil/mathematics.h>
}

namespace headend {
namespace {

// Steps up to this are gaps in the programme. Where the clock may jump a step back is never one, beyond what muxers
// get wrong; elsewhere a picture may stand for long.
constexpr int64_t kGap = 10'000'000;
constexpr int64_t kBack = 1'000'000;
constexpr int64_t kLongGap = 3'600'000'000;
// So many packets that agree are no damage.
constexpr int kAgreement = 5;
// No clock counts further than this (about 36,000 years, and half of what its ticks can count), and no packet lasts longer
// than a day; what does would overflow.
constexpr int64_t kFurthest = int64_t{1} << 60;
constexpr int64_t kFurthestTick = int64_t{1} << 62;
constexpr int64_t kLongest = 86'400'000'000;

constexpr int kSoundStream = 1;

bool is_absurd(int64_t stamp, AVRational time_base) {
  const int64_t time = av_rescale_q(stamp, time_base, AV_TIME_BASE_Q);
  return time > kFurthest || time < -kFurthest || stamp > kFurthestTick || stamp < -kFurthestTick;
}

}  // namespace

// The first packet of a stream has nothing of its own to fit; later ones may lie behind a gap of their own stream alone.
bool TimestampMender::fits(int64_t time, int stream) const {
  const int64_t own = expected_[static_cast<size_t>(stream)];
  const int64_t other = expected_[static_cast<size_t>(1 - stream)];
  if (own == kNever) return true;
  if (!jumps_) return std::llabs(time - own) <= kLongGap;
  if (time < own - kBack) return false;
  return time <= own + kGap || (other != kNever && std::llabs(time - other) <= kGap);
}

// Pictures may share a time; sound that lasts longer than the rounding of a timestamp follows what came before.
bool TimestampMender::repeats(int64_t stamp, const AVPacket& packet, int stream) {
  if (stream != kSoundStream) return false;
  sound_repeats_ = stamp == sound_stamp_ && packet.duration > 1 ? sound_repeats_ + 1 : 0;
  sound_stamp_ = stamp;
  return sound_repeats_ > 0;
}

TimestampMender::Finding TimestampMender::mend(AVPacket& packet, int stream, AVRational time_base) {
  if (packet.duration < 0 || packet.duration > av_rescale_q(kLongest, AV_TIME_BASE_Q, time_base)) packet.duration = 0;
  const int64_t stamp = packet.dts != AV_NOPTS_VALUE ? packet.dts : packet.pts;
  if (stamp == AV_NOPTS_VALUE) return Finding::kSound;
  const int64_t raw = av_rescale_q(stamp, time_base, AV_TIME_BASE_Q);
  const int64_t duration = av_rescale_q(packet.duration, time_base, AV_TIME_BASE_Q);
  const bool absurd = is_absurd(stamp, time_base) || (packet.pts != AV_NOPTS_VALUE && is_absurd(packet.pts, time_base));
  int64_t& expected = expected_[static_cast<size_t>(stream)];
  Finding finding = Finding::kSound;

  if (repeats(stamp, packet, stream)) {
    packet.pts = packet.dts = AV_NOPTS_VALUE;
    if (!absurd) expected += duration;
    return sound_repeats_ < kAgreement ? Finding::kSound : Finding::kRepeat;
  }
  if (absurd || !fits(raw + shift_, stream)) {
    if (!absurd && suspects_ > 0 && std::llabs(raw - suspect_) <= kGap) {
      ++suspects_;
    } else {
      suspects_ = 1;
      suspect_shift_ = absurd ? 0 : expected - raw;
    }
    suspect_ = raw;
    if (absurd || suspects_ < kAgreement) {
      packet.pts = packet.dts = AV_NOPTS_VALUE;
      if (!absurd) expected += duration;
      return Finding::kOutlier;
    }
    // What was read meanwhile went on from where it was.
    if (jumps_) shift_ = suspect_shift_;
    finding = Finding::kJump;
  }
  suspects_ = 0;
  if (shift_ != 0) {
    const int64_t ticks = av_rescale_q(shift_, AV_TIME_BASE_Q, time_base);
    if (packet.pts != AV_NOPTS_VALUE) packet.pts = av_sat_add64(packet.pts, ticks);
    if (packet.dts != AV_NOPTS_VALUE) packet.dts = av_sat_add64(packet.dts, ticks);
  }
  expected = raw + shift_ + duration;
  return finding;
}

void TimestampMender::reset() {
  shift_ = 0;
  expected_ = {kNever, kNever};
  suspects_ = 0;
  sound_stamp_ = kNever;
}

}  // namespace headend
