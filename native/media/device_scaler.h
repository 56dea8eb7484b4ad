// Scales pictures on a device to a rung's size, for an encoder that takes them there or from memory. What it is given
// needs nothing else; see PictureFitter::only_scales. Used by one thread.
#pragma once

#include <memory>

#include "media/device.h"
#include "media/filter_graph.h"

namespace headend {

class DeviceScaler {
 public:
  DeviceScaler(std::shared_ptr<const Device> device, int width, int height)
      : device_(std::move(device)), width_(width), height_(height) {}

  /** The same input pointer as last time gives the same output again without work. Code::kDeviceFailed when it cannot. */
  Result<SharedFrame> scale(const SharedFrame& picture);

 private:
  const std::shared_ptr<const Device> device_;
  const int width_;
  const int height_;
  std::unique_ptr<FilterGraph> graph_;
  // What the graph was built for; it keeps a reference, so another one has another address.
  const void* pool_ = nullptr;
  int input_width_ = 0, input_height_ = 0;
  SharedFrame last_input_;
  SharedFrame last_output_;
};

}  // namespace headend
