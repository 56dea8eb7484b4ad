// One rung: fits the pictures, encodes them, cuts the packets into CMAF segments.
// Its work runs on its own thread; see Worker.
#pragma once

#include <memory>

#include "media/cmaf_muxer.h"
#include "media/device_scaler.h"
#include "media/picture_fitter.h"
#include "media/segment_packets.h"
#include "media/video_encoder.h"
#include "playout/events.h"
#include "playout/options.h"
#include "playout/worker.h"

namespace headend {

/** Opens the rung's encoder and muxer for a moment to learn its init section, the same from every production. */
Result<InitSection> make_video_init(const RungOptions& rung, const std::string& encoder,
                                    const std::shared_ptr<const Device>& device, const Grid& grid);

class RungWorker : public Worker {
 public:
  /**
   * The first slice pushed is the first frame of `first_segment`; `encoder` names the backend. `device`: where some
   * pictures are; null when all are in memory.
   */
  RungWorker(const RungOptions& rung, const std::string& encoder, std::shared_ptr<const Device> device,
             const Grid& grid, int64_t first_segment, BatchProgress& progress, ProducerEvents& events);
  ~RungWorker() override;

 private:
  Status prepare() override;
  Status process(Slice slice) override;
  Result<SharedFrame> fit(const Slice& slice);
  Status take_packet(AVPacket& packet);

  const RungOptions rung_;
  const std::string backend_;
  const Grid grid_;
  ProducerEvents& events_;
  const std::shared_ptr<const Device> device_;
  PictureFitter fitter_;          // of pictures in memory
  DeviceScaler scaler_;           // of those on the device
  SharedFrame shown_;             // the last picture encoded
  bool unfit_ = false;            // the last picture could not be fitted
  std::unique_ptr<VideoEncoder> encoder_;
  std::unique_ptr<CmafMuxer> muxer_;
  std::string init_;              // hash of the init section
  SegmentPackets packets_;        // of the segment being written
  int64_t held_back_ = 0;         // pictures that the encoder has not given back yet
};

}  // namespace headend
