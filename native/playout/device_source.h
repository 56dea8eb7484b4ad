// A programme whose pictures are decoded on a device for as long as the device can: when it fails, the source is opened
// anew in software at the frame where it failed, and a fault says why. Used by the one thread that reads the programme.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "media/device.h"
#include "playout/frame_source.h"

namespace headend {

class DeviceSource : public FrameSource {
 public:
  /** Makes the source, which fails with Code::kDeviceFailed where the device does; without a device it is software's. */
  using Make = std::function<std::unique_ptr<FrameSource>(std::shared_ptr<const Device> device)>;

  DeviceSource(Make make, std::shared_ptr<const Device> device)
      : make_(std::move(make)), source_(make_(std::move(device))) {}

  Status open(int64_t first_frame, std::stop_token stop) override;
  Result<Slice> next() override;

 private:
  Status go_on_in_software(const Status& why);

  const Make make_;
  std::unique_ptr<FrameSource> source_;
  std::stop_token stop_;
  int64_t frame_ = 0;                                 // the next slice
  std::deque<std::shared_ptr<const Status>> faults_;  // to be told with the next slices; one of the device's at most
};

}  // namespace headend
