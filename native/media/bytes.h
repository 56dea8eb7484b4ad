// A finished piece of output (segment, init section) on its way to JavaScript.
#pragma once

#include <cstdint>
#include <vector>

namespace headend {

using Bytes = std::vector<uint8_t>;

}  // namespace headend
