// The exact grid of a channel: frames, segments, samples and access units as integers since the epoch.
// Pure functions; the only place of the native code that rounds. lib/timeline/grid.ts is its twin.
#pragma once

#include <cstdint>

extern "C" {
#include <libavutil/rational.h>
}

namespace headend {

inline constexpr int kSampleRate = 48000;
inline constexpr int kAccessUnitSamples = 1024;

/** floor(a / b) for b > 0, also for negative a. */
constexpr int64_t floor_div(__int128 a, __int128 b) {
  return static_cast<int64_t>(a >= 0 ? a / b : -((-a + b - 1) / b));
}

/** ceil(a / b) for b > 0, also for negative a. */
constexpr int64_t ceil_div(__int128 a, __int128 b) { return -floor_div(-a, b); }

/** round(a / b) for b > 0, halves up. */
constexpr int64_t round_div(__int128 a, __int128 b) { return floor_div(2 * a + b, 2 * b); }

/** An exact instant or length in seconds. `den` > 0. */
struct Seconds {
  int64_t num = 0;
  int64_t den = 1;
};

struct Grid {
  /** Frames per second. */
  AVRational rate{25, 1};
  /** S. */
  int64_t frames_per_segment = 100;
  /** Frames between IDR pictures; divides S. */
  int64_t key_frame_interval = 50;
  /** Frames in a CMAF fragment; divides S. Three shorter ones take the place of a segment's first two. */
  int64_t frames_per_fragment = 25;

  int64_t first_frame(int64_t segment) const { return segment * frames_per_segment; }
  int64_t segment_of_frame(int64_t frame) const { return floor_div(frame, frames_per_segment); }

  /**
   * How many fragments of a segment are whole when `frames` frames of it are. The first ones are short because a player
   * that tunes in shows the first when it has the second.
   */
  int64_t fragments_of(int64_t frames) const {
    const int64_t head = 2 * frames_per_fragment;
    if (frames_per_fragment == 1 || head > frames_per_segment) return frames / frames_per_fragment;
    return frames < head ? ceil_div(3 * (frames + 1), head) - 1 : frames / frames_per_fragment + 1;
  }

  /** The first audio sample that belongs to frame `frame`. */
  int64_t first_sample(int64_t frame) const {
    return floor_div(static_cast<__int128>(frame) * kSampleRate * rate.den, rate.num);
  }

  /** The first AAC access unit that starts in segment `segment`; unit k covers samples [1024k, 1024(k+1)). */
  int64_t first_access_unit(int64_t segment) const {
    return ceil_div(static_cast<__int128>(segment) * frames_per_segment * kSampleRate * rate.den,
                    static_cast<__int128>(rate.num) * kAccessUnitSamples);
  }

  /** Ticks per second of a video track; a frame is a whole number of ticks. */
  int video_timescale() const { return rate.den == 1 ? rate.num * 1000 : rate.num; }
  int ticks_per_frame() const { return rate.den == 1 ? 1000 : rate.den; }

  /**
   * The output frame at which a source picture starts: `start_frame` is shown at source time `in_point`,
   * `pts` counts `time_base` since the source's origin. Rounds to the nearest frame, halves up.
   */
  int64_t frame_of(int64_t pts, AVRational time_base, Seconds in_point, int64_t start_frame) const {
    const __int128 numerator =
        (static_cast<__int128>(pts) * time_base.num * in_point.den - static_cast<__int128>(in_point.num) * time_base.den) *
        rate.num;
    const __int128 denominator = static_cast<__int128>(time_base.den) * in_point.den * rate.den;
    return start_frame + round_div(numerator, denominator);
  }

  /** The last `pts` for which `frame_of` gives `frame` or an earlier one. */
  int64_t last_pts_of(int64_t frame, AVRational time_base, Seconds in_point, int64_t start_frame) const {
    const __int128 halves = 2 * static_cast<__int128>(frame - start_frame) + 1;
    const __int128 beyond = static_cast<__int128>(time_base.den) * in_point.den * rate.den * halves +
                            2 * static_cast<__int128>(in_point.num) * time_base.den * rate.num;
    return ceil_div(beyond, 2 * static_cast<__int128>(time_base.num) * in_point.den * rate.num) - 1;
  }

  /** The channel sample at which source time `pts` is heard, by the same mapping as `frame_of`. */
  int64_t sample_of(int64_t pts, AVRational time_base, Seconds in_point, int64_t start_frame) const {
    const __int128 numerator =
        (static_cast<__int128>(pts) * time_base.num * in_point.den - static_cast<__int128>(in_point.num) * time_base.den) *
        kSampleRate;
    return first_sample(start_frame) + round_div(numerator, static_cast<__int128>(time_base.den) * in_point.den);
  }

  /** Source time of output frame `frame`, in microseconds (for seeking only; never decides a boundary). */
  int64_t source_microseconds(int64_t frame, Seconds in_point, int64_t start_frame) const {
    const __int128 numerator = static_cast<__int128>(in_point.num) * rate.num +
                               static_cast<__int128>(frame - start_frame) * rate.den * in_point.den;
    return floor_div(numerator * 1000000, static_cast<__int128>(in_point.den) * rate.num);
  }
};

}  // namespace headend
