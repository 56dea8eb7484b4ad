#include "media/audio_raster.h"

#include "base/grid.h"

namespace headend {

std::optional<int64_t> AudioRaster::sample_of(const AVFrame& frame) const {
  if (frame.sample_rate <= 0 || frame.pts == AV_NOPTS_VALUE) return std::nullopt;
  // Some decoders double the rate (HE-AAC).
  int64_t frame_size = 1;
  if (frame_size_ > 0 && rate_ > 0 && static_cast<int64_t>(frame_size_) * frame.sample_rate % rate_ == 0)
    frame_size = static_cast<int64_t>(frame_size_) * frame.sample_rate / rate_;
  // Priming is cut from the beginning of frames, so it is their ends that lie on the raster.
  const __int128 scale = static_cast<__int128>(time_base_.num) * frame.sample_rate;
  const __int128 end = (static_cast<__int128>(frame.pts) - start_) * scale +
                       static_cast<__int128>(frame.nb_samples) * time_base_.den;  // in samples times time_base_.den
  const int64_t on_raster = round_div(end, static_cast<__int128>(time_base_.den) * frame_size) * frame_size;
  const __int128 off = end - static_cast<__int128>(on_raster) * time_base_.den;
  if ((off < 0 ? -off : off) > scale) return std::nullopt;
  return on_raster - frame.nb_samples;
}

}  // namespace headend
