// Exact positions of sound from rounded timestamps.
#include "media/audio_raster.h"

#include "base/av_ptr.h"
#include "base/grid.h"
#include "test/check.h"

using namespace headend;

namespace {

FramePtr frame_of(int rate, int samples, int64_t pts) {
  FramePtr frame = make_frame();
  frame->sample_rate = rate;
  frame->nb_samples = samples;
  frame->pts = pts;
  return frame;
}

AVCodecParameters codec_of(int rate, int frame_size) {
  AVCodecParameters codec{};
  codec.sample_rate = rate;
  codec.frame_size = frame_size;
  return codec;
}

void milliseconds_are_put_back_on_the_raster() {
  for (const int rate : {48000, 44100, 22050, 96000})
    for (const int size : {1024, 1152, 960}) {
      const AVCodecParameters codec = codec_of(rate, size);
      const AudioRaster raster(codec, {1, 1000}, 7);
      for (int64_t k = 0; k < 100'000; k += 37) {
        const FramePtr frame = frame_of(rate, size, 7 + round_div(k * size * 1000, rate));
        CHECK(raster.sample_of(*frame) == k * size);
      }
    }
}

void a_frame_that_lost_its_beginning_ends_on_the_raster() {
  const AVCodecParameters codec = codec_of(48000, 1024);
  const AudioRaster raster(codec, {1, 48000}, -1024);
  CHECK(raster.sample_of(*frame_of(48000, 1024, 0)) == 1024);
  CHECK(raster.sample_of(*frame_of(48000, 24, 1000 - 1024)) == 1000);
}

void a_doubled_rate_doubles_the_frames() {
  const AVCodecParameters codec = codec_of(24000, 1024);
  const AudioRaster raster(codec, {1, 1000}, 0);
  CHECK(raster.sample_of(*frame_of(48000, 2048, 43)) == 2048);
}

void what_is_off_the_raster_is_left_where_it_is() {
  const AVCodecParameters codec = codec_of(48000, 1024);
  const AudioRaster raster(codec, {1, 90000}, 0);
  CHECK(raster.sample_of(*frame_of(48000, 1024, 1920)) == 1024);
  CHECK(!raster.sample_of(*frame_of(48000, 1024, 1920 + 90)));
  CHECK(!raster.sample_of(*frame_of(48000, 1024, AV_NOPTS_VALUE)));
  CHECK(!raster.sample_of(*frame_of(0, 1024, 0)));
}

void sound_without_frames_counts_samples() {
  const AVCodecParameters codec = codec_of(44100, 0);
  const AudioRaster raster(codec, {1, 44100}, 0);
  CHECK(raster.sample_of(*frame_of(44100, 4410, 12345)) == 12345);
}

}  // namespace

int main() {
  milliseconds_are_put_back_on_the_raster();
  a_frame_that_lost_its_beginning_ends_on_the_raster();
  a_doubled_rate_doubles_the_frames();
  what_is_off_the_raster_is_left_where_it_is();
  sound_without_frames_counts_samples();
  return test_result();
}
