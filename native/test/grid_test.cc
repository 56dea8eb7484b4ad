// The grid's arithmetic: exact for every rate, for large n, and gapless.
#include "base/grid.h"

#include <initializer_list>
#include <vector>

#include "test/check.h"

using headend::Grid;

namespace {

void rounding() {
  CHECK(headend::floor_div(-1, 2) == -1);
  CHECK(headend::floor_div(-2, 2) == -1);
  CHECK(headend::ceil_div(-1, 2) == 0);
  CHECK(headend::ceil_div(1, 2) == 1);
  CHECK(headend::round_div(1, 2) == 1);
  CHECK(headend::round_div(-1, 2) == 0);
  CHECK(headend::round_div(-3, 2) == -1);
}

void access_units_tile_the_clock(AVRational rate, int64_t frames) {
  const Grid grid{rate, frames, frames / 2, frames / 4};
  for (const int64_t segment : {int64_t{0}, int64_t{1}, int64_t{99'999}, int64_t{400'000'000}}) {
    const int64_t first = grid.first_access_unit(segment);
    const int64_t next = grid.first_access_unit(segment + 1);
    // A unit belongs to the segment in which it starts: 1024k/48000 >= nS/fps, and its predecessor does not.
    const auto starts_in = [&](int64_t unit) {
      return static_cast<__int128>(unit) * 1024 * rate.num >=
             static_cast<__int128>(segment) * frames * rate.den * 48000;
    };
    CHECK(starts_in(first));
    CHECK(!starts_in(first - 1));
    // About four seconds of them.
    CHECK(next - first == 187 || next - first == 188);
  }
}

// Where the fragments of a segment end.
std::vector<int64_t> fragment_ends(int64_t frames_per_segment, int64_t frames_per_fragment) {
  const Grid grid{{25, 1}, frames_per_segment, frames_per_segment, frames_per_fragment};
  std::vector<int64_t> ends;
  for (int64_t frames = 1; frames <= frames_per_segment; ++frames) {
    const int64_t fragments = grid.fragments_of(frames);
    CHECK(fragments == static_cast<int64_t>(ends.size()) || fragments == static_cast<int64_t>(ends.size()) + 1);
    if (fragments > static_cast<int64_t>(ends.size())) ends.push_back(frames);
  }
  return ends;
}

void fragments_begin_short() {
  CHECK((fragment_ends(25, 5) == std::vector<int64_t>{3, 6, 10, 15, 20, 25}));
  CHECK((fragment_ends(16, 4) == std::vector<int64_t>{2, 5, 8, 12, 16}));
  CHECK((fragment_ends(12, 6) == std::vector<int64_t>{4, 8, 12}));
  CHECK((fragment_ends(6, 2) == std::vector<int64_t>{1, 2, 4, 6}));
  CHECK((fragment_ends(3, 1) == std::vector<int64_t>{1, 2, 3}));
  CHECK((fragment_ends(9, 9) == std::vector<int64_t>{9}));
}

void samples_follow_frames() {
  const Grid ntsc{{30000, 1001}, 120, 60, 30};
  int64_t total = 0;
  for (int64_t frame = 0; frame < 30000; ++frame) total += ntsc.first_sample(frame + 1) - ntsc.first_sample(frame);
  CHECK(total == int64_t{1001} * 48000);
  CHECK(ntsc.first_sample(-1) < 0);
}

void pictures_land_on_the_nearest_frame() {
  const Grid grid{{25, 1}, 100, 50, 25};
  CHECK(grid.frame_of(3600 * 7, {1, 90000}, {0, 1}, 1000) == 1007);
  // Matroska rounds 1/30 s to milliseconds: every picture must still have its own frame at 30 fps.
  const Grid thirty{{30, 1}, 120, 60, 30};
  for (int64_t i = 0; i < 1000; ++i)
    CHECK(thirty.frame_of(headend::round_div(static_cast<__int128>(i) * 1000, 30), {1, 1000}, {0, 1}, 0) == i);
  // An in point moves the pictures before it to before the start.
  CHECK(grid.frame_of(0, {1, 25}, {12, 1}, 500) == 200);
  CHECK(grid.frame_of(300, {1, 25}, {12, 1}, 500) == 500);
  for (const Grid& any : {grid, thirty, Grid{{30000, 1001}, 120, 60, 30}})
    for (const AVRational time_base : {AVRational{1, 90000}, AVRational{1, 1000}, AVRational{1001, 24000}})
      for (int64_t frame = 490; frame < 540; ++frame) {
        const int64_t last = any.last_pts_of(frame, time_base, {37, 3}, 500);
        CHECK(any.frame_of(last, time_base, {37, 3}, 500) <= frame);
        CHECK(any.frame_of(last + 1, time_base, {37, 3}, 500) > frame);
      }
  CHECK(grid.sample_of(48000, {1, 48000}, {1, 2}, 25) == 48000 + 24000);
  CHECK(grid.source_microseconds(525, {12, 1}, 500) == 13'000'000);
}

}  // namespace

int main() {
  rounding();
  access_units_tile_the_clock({25, 1}, 100);
  access_units_tile_the_clock({30000, 1001}, 120);
  access_units_tile_the_clock({24000, 1001}, 96);
  access_units_tile_the_clock({60, 1}, 240);
  fragments_begin_short();
  samples_follow_frames();
  pictures_land_on_the_nearest_frame();
  return test_result();
}
