#include "media/picture_track.h"

namespace headend {

Status PictureTrack::start_deinterlacing(const AVFrame& first) {
  const AVRational source = decoder_->stream().avg_frame_rate;
  // A channel at least half again as fast as the source's frames has room for its fields.
  const bool fields = source.num > 0 && av_cmp_q(rate_, av_mul_q(source, {3, 2})) >= 0;
  auto graph = FilterGraph::for_pictures(first, decoder_->time_base(),
                                         fields ? "bwdif=mode=send_field:deint=interlaced"
                                                : "bwdif=mode=send_frame:deint=interlaced");
  if (!graph.ok()) return graph.status();
  deinterlacer_ = graph.take();
  return {};
}

Result<FramePtr> PictureTrack::read() {
  for (;;) {
    if (deinterlacer_) {
      Result<FramePtr> picture = deinterlacer_->pull();
      if (!picture.ok() || picture.value()) return picture;
      if (draining_) return FramePtr();
    }
    Result<FramePtr> decoded = decoder_->read();
    if (!decoded.ok()) return decoded;
    if (!decoded.value()) {
      if (!deinterlacer_) return FramePtr();
      draining_ = true;
      if (Status status = deinterlacer_->finish(); !status.ok()) return status;
      continue;
    }
    const bool interlaced = decoded.value()->flags & AV_FRAME_FLAG_INTERLACED;
    if (!deinterlacer_ && !interlaced) return decoded;
    if (!deinterlacer_)
      if (Status status = start_deinterlacing(*decoded.value()); !status.ok()) return status;
    if (Status status = deinterlacer_->push(*decoded.value()); !status.ok()) return status;
  }
}

void PictureTrack::flush(bool mid_stream) {
  decoder_->flush(mid_stream);
  deinterlacer_.reset();
  draining_ = false;
}

}  // namespace headend
