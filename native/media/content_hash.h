// Names bytes by what they are. Pure.
#pragma once

#include <string>

#include "media/bytes.h"

namespace headend {

/** The first 16 hexadecimal digits of the SHA-256. */
std::string content_hash(const Bytes& bytes);

}  // namespace headend
