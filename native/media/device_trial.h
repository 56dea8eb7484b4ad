// Finds out whether pictures come whole through a device: a clip that x264 made is decoded there, scaled there, encoded by
// the encoder that works with it, and decoded in software. As slow as the driver; any thread may call.
#pragma once

#include <string>

#include "base/status.h"

namespace headend {

/** Ok when the pictures stayed on the device of `encoder` and came back close to those of the clip. */
Status try_device(const std::string& encoder);

}  // namespace headend
