#include "playout/audio_worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "media/content_hash.h"
#include "media/sound_track.h"

namespace headend {
namespace {

// The encoder's own delay of one unit, three to settle, and up to one lost to the unit raster.
constexpr int64_t kPreRollUnits = 5;
// A fragment of sound lasts a little longer than one of pictures, so that a segment has no more of them.
int64_t units_per_fragment(const Grid& grid) { return grid.first_sample(grid.frames_per_fragment) / kAccessUnitSamples + 1; }

Result<std::unique_ptr<CmafMuxer>> open_muxer(const AudioEncoder& encoder, const Grid& grid, int64_t segment) {
  const int64_t fragments_per_segment = grid.frames_per_segment / grid.frames_per_fragment + 1;
  return CmafMuxer::open(encoder.codec(), kSampleRate, segment * fragments_per_segment);
}

}  // namespace

Result<InitSection> make_audio_init(int64_t bitrate, const Grid& grid) {
  auto encoder = AudioEncoder::open(bitrate);
  if (!encoder.ok()) return encoder.status();
  auto muxer = open_muxer(*encoder.value(), grid, 0);
  if (!muxer.ok()) return muxer.status();
  const Bytes& data = muxer.value()->init_section();
  return InitSection{kAudioRendition, codecs_parameter(encoder.value()->codec()), data, content_hash(data), "aac"};
}

AudioWorker::AudioWorker(int64_t bitrate, const Grid& grid, int64_t first_segment, BatchProgress& progress,
                         ProducerEvents& events)
    : Worker(kAudioRendition, progress), bitrate_(bitrate), grid_(grid), events_(events), segment_(first_segment) {
  progress.reached(kAudioRendition, first_segment);
  start("headend-audio");
}

AudioWorker::~AudioWorker() {
  finish();
  if (fragments_ > 0) events_.on_abandoned({kAudioRendition, segment_});
}

int64_t AudioWorker::pre_roll_frames(const Grid& grid) {
  const __int128 samples = kPreRollUnits * kAccessUnitSamples;
  return ceil_div(samples * grid.rate.num, static_cast<__int128>(kSampleRate) * grid.rate.den) + 1;
}

Status AudioWorker::prepare() {
  auto encoder = AudioEncoder::open(bitrate_);
  if (!encoder.ok()) return encoder.status();
  encoder_ = encoder.take();
  auto muxer = open_muxer(*encoder_, grid_, segment_);
  if (!muxer.ok()) return muxer.status();
  muxer_ = muxer.take();
  init_ = content_hash(muxer_->init_section());
  return {};
}

Status AudioWorker::process(Slice slice) {
  const int64_t start = grid_.first_sample(slice.frame);
  const int64_t end = grid_.first_sample(slice.frame + 1);
  if (position_ == INT64_MIN) position_ = ceil_div(start, kAccessUnitSamples) * kAccessUnitSamples;

  for (int64_t at = std::max(start, position_ + filled_); at < end;) {
    if (!unit_) {
      Result<FramePtr> unit = make_sound(kAccessUnitSamples);
      if (!unit.ok()) return unit.status();
      unit_ = unit.take();
    }
    const auto count = static_cast<int>(std::min<int64_t>(end - at, kAccessUnitSamples - filled_));
    if (slice.sound)
      for (int channel = 0; channel < 2; ++channel)
        std::memcpy(unit_->extended_data[channel] + sizeof(float) * filled_,
                    slice.sound->extended_data[channel] + sizeof(float) * (at - start), sizeof(float) * count);
    at += count;
    filled_ += count;
    if (filled_ == kAccessUnitSamples)
      if (Status status = encode_unit(); !status.ok()) return status;
  }
  return {};
}

Status AudioWorker::encode_unit() {
  if (Status status = encoder_->send(*unit_, position_); !status.ok()) return status;
  unit_.reset();
  position_ += kAccessUnitSamples;
  filled_ = 0;
  for (;;) {
    Result<PacketPtr> packet = encoder_->receive();
    if (!packet.ok()) return packet.status();
    if (!packet.value()) return {};
    if (Status status = take_packet(*packet.value()); !status.ok()) return status;
  }
}

Status AudioWorker::take_packet(AVPacket& packet) {
  const int64_t first = grid_.first_access_unit(segment_);
  const int64_t count = grid_.first_access_unit(segment_ + 1) - first;
  const int64_t wanted = (first + units_) * kAccessUnitSamples;
  if (packet.pts < wanted && units_ == 0) return {};  // priming and pre-roll of a cold start
  if (packet.pts != wanted)
    return {Code::kEncodeFailed, Stage::kEncode, "the audio encoder left the channel's sample clock"};
  if (Status status = muxer_->write(packet); !status.ok()) return status;
  ++units_;
  ++fragment_units_;
  if (fragment_units_ == units_per_fragment(grid_) || units_ == count) {
    Result<Bytes> fragment = muxer_->end_fragment();
    if (!fragment.ok()) return fragment.status();
    events_.on_fragment({kAudioRendition, segment_, fragments_++, units_ == count, init_, fragment.take()});
    fragment_units_ = 0;
  }
  if (units_ < count) return {};

  Segment segment;
  segment.rendition = kAudioRendition;
  segment.sequence = segment_;
  segment.start = first * kAccessUnitSamples;
  segment.duration = count * kAccessUnitSamples;
  segment.timescale = kSampleRate;
  segment.init = init_;
  segment.data = muxer_->take_segment();
  const size_t bytes = segment.data.size();
  events_.on_segment(std::move(segment));
  fragments_ = 0;
  progress().delivered(kAudioRendition, segment_++, std::exchange(units_, 0), bytes);
  return {};
}

}  // namespace headend
