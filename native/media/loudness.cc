#include "media/loudness.h"

#include <algorithm>

#include "media/decoder.h"
#include "media/filter_graph.h"
#include "media/sound_track.h"

namespace headend {
namespace {

// The filter's figures for silence.
constexpr double kSilenceLufs = -70;
constexpr double kSilencePeak = -200;
// Read from the sound track at a time; the meter counts in tenths of a second.
constexpr int kBlock = kSampleRate / 10;
constexpr int64_t kPreRollMicroseconds = 250'000;
constexpr const char* kMeter = "meter";

}  // namespace

Result<Loudness> measure_loudness(const std::string& url, Seconds in_point, std::optional<Seconds> duration,
                                  const InputOptions& options, std::stop_token stop,
                                  const LoudnessProgress& progress) {
  auto demuxer = Demuxer::open(url, options, stop);
  if (!demuxer.ok()) return demuxer.status();
  Demuxer& source = *demuxer.value();
  if (!source.audio()) return Status(Code::kSourceInvalid, Stage::kProbe, url + " has no sound to measure");
  if (source.video()) source.ignore(source.video());
  auto decoder = Decoder::open(source, source.audio(), 1);
  if (!decoder.ok()) return decoder.status();
  auto meter = FilterGraph::for_sound(std::string("ebur128@") + kMeter + "=peak=true:framelog=quiet");
  if (!meter.ok()) return meter.status();

  const Grid grid{{1, 1}};
  const int64_t from = grid.source_microseconds(0, in_point, 0);
  if (from > kPreRollMicroseconds)
    if (Result<bool> sought = source.seek(from - kPreRollMicroseconds, from); !sought.ok()) return sought.status();
  const int64_t end = duration ? round_div(static_cast<__int128>(duration->num) * kSampleRate, duration->den) : INT64_MAX;

  SoundTrack sound;
  int64_t measured = 0;
  int64_t told = 0;
  const auto feed = [&](int64_t until) -> Status {
    while (measured < until) {
      const int count = static_cast<int>(std::min<int64_t>(kBlock, until - measured));
      Result<FramePtr> block = sound.read(measured, count);
      if (!block.ok()) return block.status();
      block.value()->pts = measured;
      if (Status status = meter.value()->push(*block.value()); !status.ok()) return status;
      for (;;) {
        Result<FramePtr> out = meter.value()->pull();
        if (!out.ok()) return out.status();
        if (!out.value()) break;
      }
      measured += count;
    }
    if (measured - told >= kSampleRate) {
      told = measured;
      progress(static_cast<double>(measured) / kSampleRate);
    }
    return {};
  };

  while (measured < end) {
    if (stop.stop_requested()) return Status::stopped(Stage::kProbe);
    Result<FramePtr> frame = decoder.value()->read();
    if (!frame.ok()) return frame.status();
    if (!frame.value() && decoder.value()->ended()) break;
    if (!frame.value()) continue;
    const int64_t position = grid.sample_of(frame.value()->pts, decoder.value()->time_base(), in_point, 0);
    if (Status status = sound.append(*frame.value(), {position}); !status.ok()) return status;
    // Whole blocks only: the rest of a block may still come.
    if (Status status = feed(std::min(end, sound.end() / kBlock * kBlock)); !status.ok()) return status;
  }
  if (Status status = sound.drain(); !status.ok()) return status;
  if (Status status = feed(std::min(end, sound.end())); !status.ok()) return status;

  Loudness loudness;
  const double integrated = meter.value()->number(kMeter, "integrated");
  const double true_peak = meter.value()->number(kMeter, "true_peak");
  if (measured > 0 && integrated > kSilenceLufs) loudness.integrated = integrated;
  if (measured > 0 && true_peak > kSilencePeak) loudness.true_peak = true_peak;
  return loudness;
}

}  // namespace headend
