// The pictures of a source in order, progressive: decodes, and deinterlaces from the first interlaced picture on.
// Used by one thread.
#pragma once

#include <memory>

#include "base/grid.h"
#include "media/decoder.h"
#include "media/filter_graph.h"

namespace headend {

class PictureTrack {
 public:
  /** `rate`: of the channel; one that shows fields gets a picture per field (50i becomes 50p). */
  PictureTrack(std::unique_ptr<Decoder> decoder, AVRational rate) : decoder_(std::move(decoder)), rate_(rate) {}

  /** The next picture, or null at the end. `pts` counts `time_base()` since the source's origin. */
  Result<FramePtr> read();

  AVRational time_base() const { return deinterlacer_ ? deinterlacer_->time_base() : decoder_->time_base(); }
  /** Forgets everything after a seek; see Decoder::flush. */
  void flush(bool mid_stream);

 private:
  Status start_deinterlacing(const AVFrame& first);

  std::unique_ptr<Decoder> decoder_;
  const AVRational rate_;
  std::unique_ptr<FilterGraph> deinterlacer_;
  bool draining_ = false;
};

}  // namespace headend
