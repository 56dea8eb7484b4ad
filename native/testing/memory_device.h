// A device for tests on machines without one: libav's own device, pools and frames, over shared memory, with software
// that decodes in front of it and scales behind it. Breaks on demand. In the C++ tests and the test addon only.
#pragma once

#include <memory>
#include <string>

#include "media/device.h"

namespace headend {

/** Its name in the place of an encoder's; rungs are encoded by software. */
inline constexpr const char* kMemoryDevice = "memory";

bool is_memory_device(const std::string& encoder);

/**
 * `encoder` is `memory` or `memory:KEY=NUMBER,...` with the keys
 *   open    0: the device cannot be opened
 *   decode  it fails at that decoded picture, counted from the first
 *   scale   every graph fails at that picture
 *   shade   0: scaled pictures come out darker
 *   pool    how many pictures it has room for, of each size; more is a failure
 * It decodes 8 bit 4:2:0 alone.
 */
Result<std::shared_ptr<const Device>> open_memory_device(const std::string& encoder);

}  // namespace headend
