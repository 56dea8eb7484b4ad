// Finds out which encoders work on this machine: opens each and encodes real frames; and on which of their devices
// pictures can stay. Any thread may call.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"

namespace headend {

/** What became of trying the device that goes with an encoder. */
struct DeviceReport {
  std::string name;
  bool works = false;
  /** Why it does not; empty when it does. */
  std::string reason;
};

/** What became of trying one encoder. */
struct EncoderReport {
  std::string name;
  bool works = false;
  /** Why it does not; empty when it does. */
  std::string reason;
  int64_t elapsed_ms = 0;
  /** None for an encoder that does not work, or that goes with no device. */
  std::optional<DeviceReport> device;
};

/** Encodes a few seconds with the named encoder and checks every packet. As slow as the driver. */
Status try_encoder(const std::string& name);

/**
 * Tries the encoders one after the other, each and then its device for as long as `patience`. One that does not answer in time, or
 * until the stop, is left to itself: nothing can interrupt a driver, so its thread goes on until that returns.
 */
std::vector<EncoderReport> detect_encoders(const std::vector<std::string>& names, std::chrono::milliseconds patience,
                                           std::stop_token stop);

}  // namespace headend
