// Timestamps that are wrong, alone and in numbers, and clocks that start anew.
#include "media/timestamp_mender.h"

#include <vector>

#include "base/av_ptr.h"
#include "test/check.h"

using namespace headend;
using Finding = TimestampMender::Finding;

namespace {

constexpr AVRational kMilliseconds{1, 1000};
constexpr int kVideo = 0;
constexpr int kAudio = 1;

/** A source whose packets are 40 ms long. */
class Source {
 public:
  explicit Source(bool jumps) : mender_(jumps) {}

  Finding at(int64_t milliseconds, int stream = kVideo) {
    packet_->pts = packet_->dts = milliseconds;
    packet_->duration = 40;
    return mender_.mend(*packet_, stream, kMilliseconds);
  }
  /** One that lasts `duration` and is shown at `pts`. */
  Finding with(int64_t milliseconds, int64_t pts, int64_t duration) {
    packet_->dts = milliseconds;
    packet_->pts = pts;
    packet_->duration = duration;
    return mender_.mend(*packet_, kVideo, kMilliseconds);
  }
  int64_t pts() const { return packet_->pts; }
  int64_t duration() const { return packet_->duration; }
  void seek() { mender_.reset(); }

 private:
  TimestampMender mender_;
  PacketPtr packet_ = make_packet();
};

void sound_clocks_are_left_alone() {
  for (const bool jumps : {true, false}) {
    Source source(jumps);
    for (int64_t at : {0, 40, 80, 120, 9'000, 9'040}) {
      CHECK(source.at(at) == Finding::kSound);
      CHECK(source.pts() == at);
    }
    source.seek();
    CHECK(source.at(5'000'000) == Finding::kSound);
    CHECK(source.pts() == 5'000'000);
  }
}

void one_absurd_timestamp_is_dropped() {
  for (const bool jumps : {true, false}) {
    Source source(jumps);
    CHECK(source.at(0) == Finding::kSound);
    CHECK(source.at(36'000'000) == Finding::kOutlier);
    CHECK(source.pts() == AV_NOPTS_VALUE);
    CHECK(source.at(80) == Finding::kSound);
    CHECK(source.pts() == 80);
    CHECK(source.at(int64_t{1} << 62) == Finding::kOutlier);
    CHECK(source.at(160) == Finding::kSound);
  }
}

void a_clock_that_starts_anew_goes_on() {
  Source source(true);
  for (int64_t at = 0; at < 60'000; at += 40) CHECK(source.at(at) == Finding::kSound);
  for (int i = 0; i < 4; ++i) CHECK(source.at(i * 40) == Finding::kOutlier);
  CHECK(source.at(160) == Finding::kJump);
  CHECK(source.pts() == 60'160);
  CHECK(source.at(200) == Finding::kSound);
  CHECK(source.pts() == 60'200);
  // The other stream follows by the same step.
  CHECK(source.at(150, kAudio) == Finding::kSound);
  CHECK(source.pts() == 60'150);
  source.seek();
  CHECK(source.at(100) == Finding::kSound);
  CHECK(source.pts() == 100);
}

void a_straggler_does_not_hide_the_jump() {
  Source source(true);
  for (int64_t at = 0; at < 60'000; at += 40) {
    (void)source.at(at);
    (void)source.at(at, kAudio);
  }
  CHECK(source.at(0, kAudio) == Finding::kOutlier);
  CHECK(source.at(40, kAudio) == Finding::kOutlier);
  CHECK(source.at(60'000) == Finding::kSound);  // the last picture of the part before
  Finding finding = Finding::kSound;
  for (int64_t at = 80; finding != Finding::kJump && at < 1000; at += 40) finding = source.at(at, kAudio);
  CHECK(finding == Finding::kJump);
  CHECK(source.at(40) == Finding::kSound);
  CHECK(source.pts() > 59'000 && source.pts() < 61'000);
}

void a_gap_in_one_stream_is_a_gap() {
  Source source(true);
  for (int64_t at = 0; at < 1000; at += 40) CHECK(source.at(at, kAudio) == Finding::kSound);
  for (int64_t at = 0; at < 90'000; at += 40) CHECK(source.at(at) == Finding::kSound);
  CHECK(source.at(90'000, kAudio) == Finding::kSound);
  CHECK(source.pts() == 90'000);
}

void sound_that_stands_still_follows_on() {
  for (const bool jumps : {true, false}) {
    Source source(jumps);
    for (int i = 0; i < 4'000; ++i) {
      CHECK(source.at(0, kAudio) == (i < 5 ? Finding::kSound : Finding::kRepeat));
      CHECK(source.pts() == (i == 0 ? 0 : AV_NOPTS_VALUE));
    }
    // Pictures may share a time.
    for (int i = 0; i < 10; ++i) CHECK(source.at(160'000) == Finding::kSound);
    CHECK(source.at(160'000, kAudio) == Finding::kSound);
    CHECK(source.pts() == 160'000);
  }
}

void what_cannot_be_counted_is_not_used() {
  for (const bool jumps : {true, false}) {
    Source source(jumps);
    for (const int64_t duration : {INT64_MAX, INT64_MIN, int64_t{-1}}) {
      CHECK(source.with(0, 0, duration) == Finding::kSound);
      CHECK(source.duration() == 0);
    }
    CHECK(source.with(AV_NOPTS_VALUE, AV_NOPTS_VALUE, INT64_MAX) == Finding::kSound);
    CHECK(source.duration() == 0);
    CHECK(source.with(0, INT64_MAX, 40) == Finding::kOutlier);
    CHECK(source.pts() == AV_NOPTS_VALUE);
    CHECK(source.with(INT64_MIN + 1, 0, INT64_MAX) == Finding::kOutlier);
    CHECK(source.at(80) == Finding::kSound);
  }
}

void where_the_container_is_trusted_a_step_is_what_it_says() {
  Source source(false);
  CHECK(source.at(0) == Finding::kSound);
  CHECK(source.at(600'000) == Finding::kSound);  // a picture that stands for ten minutes
  Finding finding = Finding::kSound;
  int64_t at = 36'000'000;
  for (; finding != Finding::kJump && at < 37'000'000; at += 40) finding = source.at(at);
  CHECK(finding == Finding::kJump);
  CHECK(source.pts() == at - 40);
}

}  // namespace

int main() {
  sound_clocks_are_left_alone();
  one_absurd_timestamp_is_dropped();
  a_clock_that_starts_anew_goes_on();
  a_straggler_does_not_hide_the_jump();
  a_gap_in_one_stream_is_a_gap();
  sound_that_stands_still_follows_on();
  what_cannot_be_counted_is_not_used();
  where_the_container_is_trusted_a_step_is_what_it_says();
  return test_result();
}
