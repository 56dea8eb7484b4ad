// One rung: fits the pictures, encodes them, cuts the packets into CMAF segments.
// Its work runs on its own thread; see Worker.
#pragma once

#include <memory>

#include "media/cmaf_muxer.h"
#include "media/picture_fitter.h"
#include "media/video_encoder.h"
#include "playout/events.h"
#include "playout/options.h"
#include "playout/worker.h"

namespace headend {

/** Opens the rung's encoder and muxer for a moment to learn its init section, the same from every production. */
Result<InitSection> make_video_init(const RungOptions& rung, const Grid& grid);

class RungWorker : public Worker {
 public:
  /** The first slice pushed is the first frame of `first_segment`. */
  RungWorker(const RungOptions& rung, const Grid& grid, int64_t first_segment, BatchProgress& progress,
             ProducerEvents& events);
  ~RungWorker() override;

 private:
  Status prepare() override;
  Status process(Slice slice) override;
  Result<SharedFrame> fit(const Slice& slice);
  Status take_packet(AVPacket& packet);

  const RungOptions rung_;
  const Grid grid_;
  ProducerEvents& events_;
  PictureFitter fitter_;
  SharedFrame shown_;             // the last picture encoded
  bool unfit_ = false;            // the last picture could not be fitted
  std::unique_ptr<VideoEncoder> encoder_;
  std::unique_ptr<CmafMuxer> muxer_;
  int64_t segment_;               // being written
  int64_t packets_ = 0;           // written into it
};

}  // namespace headend
