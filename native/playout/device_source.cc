#include "playout/device_source.h"

#include <utility>

namespace headend {

Status DeviceSource::go_on_in_software(const Status& why) {
  faults_.push_back(std::make_shared<const Status>(why.code(), why.stage(),
                                                   why.message() + "; software decodes the programme from here on",
                                                   why.averror()));
  source_.reset();  // before the next one: two of them may be more than the source allows
  source_ = make_(nullptr);
  return source_->open(frame_, stop_);
}

Status DeviceSource::open(int64_t first_frame, std::stop_token stop) {
  frame_ = first_frame;
  stop_ = stop;
  Status opened = source_->open(first_frame, std::move(stop));
  return opened.code() == Code::kDeviceFailed ? go_on_in_software(opened) : opened;
}

Result<Slice> DeviceSource::next() {
  Result<Slice> slice = source_->next();
  if (!slice.ok() && slice.status().code() == Code::kDeviceFailed) {
    if (Status status = go_on_in_software(slice.status()); !status.ok()) return status;
    slice = source_->next();
  }
  if (!slice.ok()) return slice;
  ++frame_;
  if (slice.value().fault) faults_.push_back(std::move(slice.value().fault));
  if (!faults_.empty()) {
    slice.value().fault = std::move(faults_.front());
    faults_.pop_front();
  }
  return slice;
}

}  // namespace headend
