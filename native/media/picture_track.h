// The pictures of a source in order, progressive: decodes, and deinterlaces from the first interlaced picture on.
// Used by one thread.
#pragma once

#include <memory>
#include <optional>

#include "base/grid.h"
#include "media/decoder.h"
#include "media/filter_graph.h"

namespace headend {

class PictureTrack {
 public:
  /** `rate`: of the channel; one that shows fields gets a picture per field (50i becomes 50p). */
  PictureTrack(std::unique_ptr<Decoder> decoder, AVRational rate) : decoder_(std::move(decoder)), rate_(rate) {}

  /** The next picture, or null as Decoder::read says. `pts` counts `time_base()` since the source's origin. */
  Result<FramePtr> read();

  /** See Decoder::barren. */
  std::optional<Barren> barren() const { return decoder_->barren(); }

  /** Whether read() gave its last picture; it may also give none because none is at hand yet. */
  bool ended() const { return ended_; }

  AVRational time_base() const { return deinterlacer_ ? deinterlacer_->time_base() : decoder_->time_base(); }

  /** Forgets everything after a seek; see Decoder::flush. */
  void flush(bool mid_stream);

  /** See Decoder::skip_to. A deinterlacer gets some fields from before `pts`, where the stream says that it has fields. */
  Result<bool> skip_to(int64_t pts);

 private:
  Result<FramePtr> read_progressive();
  Status start_deinterlacing(const AVFrame& first);
  bool fits_deinterlacer(const AVFrame& picture) const;

  std::unique_ptr<Decoder> decoder_;
  const AVRational rate_;
  std::unique_ptr<FilterGraph> deinterlacer_;
  int width_ = 0, height_ = 0, format_ = -1;  // of the pictures that the deinterlacer was built for
  FramePtr waiting_;                          // of another shape, until the deinterlacer is empty
  bool ended_ = false;
};

}  // namespace headend
